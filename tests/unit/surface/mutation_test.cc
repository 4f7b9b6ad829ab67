// A smoke run of what tests/fuzz does for longer: random damage to good bodies never breaks the parsers, and
// whatever they accept keeps their promises.
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "params_property.h"

namespace kontor::surface {
namespace {

constexpr std::array<std::string_view, 6> kSeeds = {
    "amount=1000&currency=eur&payment_method=pm_card_visa&confirm=true&metadata[order]=6735&expand[0]=latest_"
    "charge",
    "created[gte]=1&created[lt]=2&limit=10&starting_after=pi_00000000001&expand[]=data.customer",
    "payment_method_data[type]=card&payment_method_data[card][token]=tok_visa&a%5Bb%5D=%E4%BA%AC",
    R"({"amount":1000,"currency":"eur","metadata":{"order":"6735","n":5},"expand":["latest_charge"],"confirm":true})",
    R"({"automatic_payment_methods":{"enabled":true,"allow_redirects":"never"},"description":"\u4eac\"\\","x":null})",
    R"({"a":[1,[2,[3,{"b":{}}]]],"c":-1.5e9})",
};

std::string damaged(std::string text, std::mt19937_64& random) {
    using namespace std::string_view_literals;
    constexpr std::string_view kBytes = "[]{}=&%,:\"\\+01a\xFF\xE4\x00\n"sv;
    const auto times = 1 + random() % 4;
    for (std::uint64_t i = 0; i < times; ++i) {
        const std::size_t at = text.empty() ? 0 : random() % text.size();
        switch (random() % 4) {
            case 0:
                text.insert(at, 1, kBytes[random() % kBytes.size()]);
                break;
            case 1:
                text.erase(at, 1 + random() % 3);
                break;
            case 2:
                text.insert(at, text.substr(random() % (text.size() + 1), random() % 40));
                break;
            default:
                if (!text.empty()) text[at] = static_cast<char>(random());
        }
    }
    return text;
}

TEST(Mutations, NeverBreakTheParsers) {
    std::mt19937_64 random(20261028);  // fixed: a failure repeats
    std::size_t accepted = 0;
    constexpr std::size_t kRounds = 60'000;
    for (std::size_t i = 0; i < kRounds; ++i) {
        accepted += check_body(damaged(std::string(kSeeds[i % kSeeds.size()]), random));
    }
    // The damage must not be so great that nothing is tested, nor so small that nothing is refused.
    EXPECT_GT(accepted, kRounds / 20);
    EXPECT_LT(accepted, 2 * kRounds);
}

}  // namespace
}  // namespace kontor::surface
