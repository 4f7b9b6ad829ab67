// Where an id's place lies beyond the log, and where that cannot be known.
#include "id_look.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kontor/base/object_id.h"
#include "kontor/crypto/public_id.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kIndex = 10;

Json look(const std::string& text, std::optional<std::uint64_t> newest) {
    return look_at_ids({text}, newest).at(0);
}

TEST(IdLook, SaysWhatLiesBeyondTheLog) {
    set_id_key("0123456789abcdef");
    const ObjectNo no = make_object_no(kFirstGroup, kIndex, 3, 7);
    for (const std::string& text :
         {std::to_string(no), format_id("cus", no), format_position({kFirstGroup, kIndex})}) {
        EXPECT_EQ(look(text, kIndex).at("log_index"), kIndex) << text;
        EXPECT_FALSE(look(text, kIndex).contains("beyond_log")) << text;
        EXPECT_FALSE(look(text, kIndex + 1).contains("beyond_log")) << text;
        EXPECT_EQ(look(text, kIndex - 1).at("beyond_log"), true) << text;
        EXPECT_FALSE(look(text, std::nullopt).contains("beyond_log")) << text;
    }
    EXPECT_FALSE(look("cus_nothing", 0).contains("beyond_log")) << "it has no place";
}

TEST(IdLook, HasNoLogOfAnotherGroup) {
    EXPECT_EQ(look(std::to_string(~ObjectNo{0}), kMaxLogIndex).at("beyond_log"), true);
}

}  // namespace
}  // namespace kontor::app
