// Error answers are JSON whatever stands in them, and there is one way to write them.
#include "kontor/json/error_object.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "kontor/json/utf8.h"
#include "kontor/json/writer.h"

namespace kontor {
namespace {

using Json = nlohmann::json;

TEST(ErrorObject, OnlyWhatIsSaidStandsThere) {
    EXPECT_EQ(error_json(ErrorObject{}), R"({"error":{"message":""}})");
    EXPECT_EQ(error_json(ErrorObject{.type = "api_error"}), R"({"error":{"message":"","type":"api_error"}})");
    EXPECT_EQ(error_json(ErrorObject{.code = "forbidden"}), R"({"error":{"code":"forbidden","message":""}})");
    const ErrorObject full{.type = "card_error",
                           .code = "card_declined",
                           .message = "No.",
                           .param = "amount",
                           .decline_code = "generic",
                           .charge = "ch_1",
                           .payment_intent_json = R"({"id":"pi_1"})"};
    EXPECT_EQ(error_json(full),
              R"({"error":{"charge":"ch_1","code":"card_declined","decline_code":"generic","message":"No.",)"
              R"("param":"amount","payment_intent":{"id":"pi_1"},"type":"card_error"}})");
}

TEST(ErrorObject, TypeAndCodeFollowTheStatus) {
    EXPECT_EQ(error_json(431, "m"), R"({"error":{"message":"m","type":"invalid_request_error"}})");
    EXPECT_EQ(error_json(503, "m"), R"({"error":{"message":"m","type":"api_error"}})");
    EXPECT_EQ(error_json(429, "m"),
              R"({"error":{"code":"rate_limit","message":"m","type":"rate_limit_error"}})");
}

// Quotes that would end the string, escapes, control characters, NUL, and every way not to be UTF-8.
TEST(ErrorObject, HostileTextStaysText) {
    const std::string hostile[] = {
        R"(","type":"api_error"},"admin":true,"x":{"y":")",
        R"(\",\\)",
        std::string("a\0b\n\r\t\x1f\x7f", 8),
        "</script>\xe2\x80\xa8",
        "\xff\xfe",
        "\xc0\xaf",          // an overlong slash
        "\xed\xa0\x80",      // half of a surrogate pair
        "\xf4\x90\x80\x80",  // beyond the last character
        "cut \xe2\x82",      // in the middle
        std::string(70'000, '"'),
    };
    for (const std::string& text : hostile) {
        const ErrorObject error{
            .type = text, .code = text, .message = text, .param = text, .decline_code = text, .charge = text};
        for (const std::string& written : {error_json(error), error_json(404, text)}) {
            const Json json = Json::parse(written);  // refuses what is no UTF-8, and throws
            ASSERT_EQ(json.size(), 1U) << written;
            std::string good;
            for (std::string_view left = text; !left.empty();) {
                const std::size_t length = utf8_sequence(left);
                good += length == 0 ? std::string_view("\uFFFD") : left.substr(0, length);
                left.remove_prefix(std::max<std::size_t>(length, 1));
            }
            EXPECT_EQ(json.at("error").at("message"), good);
        }
    }
}

TEST(ErrorObject, RandomBytesStayJson) {
    std::mt19937_64 random(20261128);
    for (int i = 0; i < 2'000; ++i) {
        std::string text(random() % 40, '\0');
        for (char& c : text) c = static_cast<char>(random());
        const std::string written = error_json(400, text);
        ASSERT_TRUE(Json::accept(written)) << written;
        ASSERT_EQ(Json::parse(written).at("error").size(), 2U);
    }
}

TEST(Utf8, IsCharactersAndNothingElse) {
    using namespace std::string_view_literals;
    for (const std::string_view good : {""sv, "a"sv, "\0"sv, "茶館 \xf0\x9f\x8d\xb5"sv, "\xf4\x8f\xbf\xbf"sv})
        EXPECT_TRUE(is_utf8(good)) << good;
    for (const std::string_view bad :
         {"\xff"sv, "a\x80"sv, "\xc0\xaf"sv, "\xed\xa0\x80"sv, "\xf4\x90\x80\x80"sv, "cut \xe2\x82"sv})
        EXPECT_FALSE(is_utf8(bad)) << bad;
}

TEST(Writer, AnyStringLeavesGoodTextAlone) {
    std::string out;
    JsonWriter(out).any_string("茶館 \xf0\x9f\x8d\xb5");
    EXPECT_EQ(out, "\"茶館 \xf0\x9f\x8d\xb5\"");
}

}  // namespace
}  // namespace kontor
