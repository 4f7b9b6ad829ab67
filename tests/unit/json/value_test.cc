// What others sent is looked at as what it is, and nothing else passes for it.
#include "kontor/json/value.h"

#include <gtest/gtest.h>

#include <array>

namespace kontor {
namespace {

JsonValue parsed(std::string_view text) {
    auto value = JsonValue::parse(text);
    EXPECT_TRUE(value.has_value()) << text;
    return value ? *std::move(value) : JsonValue();
}

TEST(JsonValue, EachKindIsSeenAsItselfAlone) {
    const JsonValue object = parsed(R"({"t":"x\n\u00e4","b":true,"n":null,"i":-7,"a":[1,"2"],"o":{"p":0}})");
    EXPECT_EQ(object["t"].text(), "x\nä");
    EXPECT_EQ(object["b"].boolean(), true);
    EXPECT_TRUE(object["n"].is_null());
    EXPECT_EQ(object["i"].integer(), -7);
    ASSERT_EQ(object["a"].items().size(), 2U);
    EXPECT_EQ(object["a"].items()[1].text(), "2");
    EXPECT_EQ(object["o"]["p"].unsigned_integer(), 0U);
    for (const JsonValue& member : object.items()) {
        const int kinds = int{member.text().has_value()} + int{member.boolean().has_value()} +
                          int{member.is_null()} + int{member.integer().has_value()} + int{member.is_array()} +
                          int{member.is_object()};
        EXPECT_EQ(kinds, 1) << member.name();
        EXPECT_FALSE(member.is_absent()) << member.name();
    }
}

TEST(JsonValue, WhatIsNotThereIsAbsentAllTheWayDown) {
    const JsonValue nothing;
    for (const JsonValue& from : {nothing, parsed("[]"), parsed(R"({"other":{}})"), parsed(R"("x")")}) {
        const JsonValue& inner = from["a"]["b"];
        EXPECT_TRUE(inner.is_absent());
        EXPECT_FALSE(inner.is_null() || inner.text() || inner.boolean() || inner.integer() ||
                     inner.unsigned_integer());
        EXPECT_TRUE(inner.items().empty());
    }
}

TEST(JsonValue, NumbersAreWholeAndWithinSixtyFourBits) {
    struct {
        const char* text;
        std::optional<std::int64_t> integer;
        std::optional<std::uint64_t> unsigned_integer;
    } const kNumbers[] = {
        {"0", 0, 0},
        {"-0", 0, {}},
        {"-1", -1, {}},
        {"9223372036854775807", INT64_MAX, INT64_MAX},
        {"9223372036854775808", {}, 9223372036854775808U},
        {"-9223372036854775808", INT64_MIN, {}},
        {"18446744073709551615", {}, UINT64_MAX},
        {"18446744073709551616", {}, {}},
        {"1.0", {}, {}},
        {"1e2", {}, {}},
        {"\"1\"", {}, {}},
        {"true", {}, {}},
    };
    for (const auto& row : kNumbers) {
        EXPECT_EQ(parsed(row.text).integer(), row.integer) << row.text;
        EXPECT_EQ(parsed(row.text).unsigned_integer(), row.unsigned_integer) << row.text;
    }
}

TEST(JsonValue, OfTwoMembersOfOneNameTheLastOneCounts) {
    const JsonValue object = parsed(R"({"a":1,"b":2,"a":3})");
    EXPECT_EQ(object["a"].integer(), 3);
    EXPECT_EQ(object.items().size(), 3U);
}

TEST(JsonValue, UnknownMembersAreSeen) {
    constexpr std::array<std::string_view, 2> kNames = {"a", "b"};
    EXPECT_TRUE(parsed("{}").holds_only(kNames));
    EXPECT_TRUE(parsed(R"({"b":1})").holds_only(kNames));
    EXPECT_FALSE(parsed(R"({"b":1,"c":null})").holds_only(kNames));
    EXPECT_FALSE(parsed(R"({"":1})").holds_only(kNames));
    EXPECT_FALSE(parsed(R"(["a"])").holds_only(kNames));
    EXPECT_FALSE(JsonValue().holds_only(kNames));
}

TEST(JsonValue, WhatIsNoJsonIsNoValue) {
    for (const std::string_view text :
         {"", " ", "{", "[1,]", "{\"a\":}", "{'a':1}", "{a:1}", "{} {}", "01", "nul", "NaN", "\"\x80\"",
          "\"\xED\xA0\x80\"", "\"\\ud800\"", "\"\\udc00\"", "{\"\\udc00\":1}", "\"a\nb\"", "/**/1"})
        EXPECT_FALSE(JsonValue::parse(text).has_value()) << text;
    EXPECT_FALSE(JsonValue::parse(std::string_view("{\"a\":1}\0rest", 12)).has_value()) << "a NUL is no end";
    EXPECT_FALSE(JsonValue::parse(std::string_view("{\"a\":1}\0", 8)).has_value());
    EXPECT_EQ(parsed(R"("\ud83d\ude00")").text(), "\U0001F600");
}

TEST(JsonValue, NestingHasALimit) {
    const auto nested = [](std::size_t depth) {
        return JsonValue::parse(std::string(depth, '[') + std::string(depth, ']')).has_value();
    };
    EXPECT_TRUE(nested(kMaxJsonDepth));
    EXPECT_FALSE(nested(kMaxJsonDepth + 1));
    EXPECT_FALSE(nested(100'000));
}

}  // namespace
}  // namespace kontor
