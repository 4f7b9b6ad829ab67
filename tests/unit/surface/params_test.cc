// Forms and JSON into the parameter tree: what is accepted, what is refused, and each limit at its edge.
#include "kontor/surface/params.h"

#include <gtest/gtest.h>

namespace kontor::surface {
namespace {

Node form(std::string_view text) {
    Node root;
    const auto error = parse_form(text, root);
    EXPECT_FALSE(error) << text << ": " << error->message;
    return root;
}
Node json(std::string_view text) {
    Node root;
    const auto error = parse_json(text, root);
    EXPECT_FALSE(error) << text << ": " << error->message;
    return root;
}
std::string form_error(std::string_view text) {
    Node root;
    const auto error = parse_form(text, root);
    return error ? error->message : "accepted";
}
std::string json_error(std::string_view text) {
    Node root;
    const auto error = parse_json(text, root);
    return error ? error->message : "accepted";
}

TEST(Form, BracketsBecomeHashesAndLists) {
    const Node root =
        form("amount=100&metadata[order]=6735&expand[]=customer&expand[]=latest_charge&a%5Bb%5D%5Bc%5D=d+e");
    EXPECT_EQ(root.text_of("amount"), "100");
    EXPECT_EQ(root.integer_of("amount"), 100);
    EXPECT_EQ(root.find("metadata")->text_of("order"), "6735");
    EXPECT_EQ(root.list_of("expand"), (std::vector<std::string>{"customer", "latest_charge"}));
    EXPECT_EQ(root.find("a")->find("b")->text_of("c"), "d e");
}

TEST(Form, IndexedListsKeepIndexOrder) {
    EXPECT_EQ(form("t[1]=b&t[0]=a&t[10]=d&t[2]=c").list_of("t"),
              (std::vector<std::string>{"a", "b", "c", "d"}));
    EXPECT_FALSE(list_elements(*form("t[a]=1").find("t")));
    EXPECT_FALSE(list_elements(*form("t[01]=1").find("t")));
    EXPECT_FALSE(list_elements(*form("t[-1]=1").find("t")));
}

TEST(Form, EmptyPiecesAndValues) {
    EXPECT_TRUE(form("").children.empty());
    EXPECT_TRUE(form("&&").children.empty());
    EXPECT_TRUE(form("a=").find("a")->is_empty_leaf());
    EXPECT_TRUE(form("a").find("a")->is_empty_leaf());
    EXPECT_EQ(form("a=b=c").text_of("a"), "b=c");
}

TEST(Form, MalformedIsRefused) {
    for (const std::string_view text : {"a=%zz", "a=%4", "a=%", "%=1", "metadata[a=1", "metadata]a[=1",
                                        "a[b]c=1", "a[b[c]]=1", "[a]=1", "=1", "a]=1", "a[[b]]=1"}) {
        EXPECT_NE(form_error(text), "accepted") << text;
    }
}

TEST(Form, DuplicatesAndConflictsAreRefused) {
    for (const std::string_view text :
         {"a=1&a=2", "a=1&a[b]=2", "a[b]=2&a=1", "a[0]=1&a[0]=2", "a=&a=", "a[]=1&a[0]=2"}) {
        EXPECT_NE(form_error(text), "accepted") << text;
    }
}

TEST(Form, TextIsUtf8WithoutNul) {
    EXPECT_EQ(form("a=%E4%BA%AC").text_of("a"), "京");
    for (const std::string_view text :
         {"a=%00", "a=%FF%FE", "a=%C0%80", "a=%ED%A0%80", "a=%F5%80%80%80", "a%00=1", "a=%E4%BA"}) {
        EXPECT_NE(form_error(text), "accepted") << text;
    }
}

TEST(Form, LimitsAtTheirEdges) {
    std::string many;
    for (std::size_t i = 0; i < kMaxParams; ++i) many += "k" + std::to_string(i) + "=v&";
    EXPECT_EQ(form(many).children.size(), kMaxParams);
    EXPECT_NE(form_error(many + "one_more=v"), "accepted");

    std::string deep = "a";
    for (std::size_t i = 1; i < kMaxParamDepth; ++i) deep += "[a]";
    EXPECT_EQ(form_error(deep + "=1"), "accepted");
    EXPECT_NE(form_error(deep + "[a]=1"), "accepted");

    EXPECT_EQ(form_error("a=" + std::string(kMaxTextBytes, 'x')), "accepted");
    EXPECT_NE(form_error("a=" + std::string(kMaxTextBytes + 1, 'x')), "accepted");
    EXPECT_EQ(form_error(std::string(kMaxParamNameBytes, 'x') + "=1"), "accepted");
    EXPECT_NE(form_error(std::string(kMaxParamNameBytes + 1, 'x') + "=1"), "accepted");
}

TEST(JsonBody, GivesTheTreeOfTheForm) {
    const Node of_json = json(
        R"({"amount":100,"metadata":{"order":"6735"},"expand":["customer","latest_charge"],"confirm":true})");
    const Node of_form =
        form("expand[]=customer&expand[]=latest_charge&confirm=true&metadata[order]=6735&amount=100");
    EXPECT_EQ(canonical(of_json), canonical(of_form));
    EXPECT_EQ(of_json.boolean_of("confirm"), true);
    EXPECT_EQ(of_json.integer_of("amount"), 100);
}

TEST(Form, BooleansAreInAnyLetterCase) {
    struct Row {
        std::string_view text;
        std::optional<bool> form, json;  // nullopt: no boolean
    };
    for (const Row& row : {Row{"true", true, true}, Row{"false", false, false},
                           Row{"True", true, std::nullopt}, Row{"False", false, std::nullopt},
                           Row{"TRUE", true, std::nullopt}, Row{"fALSE", false, std::nullopt},
                           Row{"tru", std::nullopt, std::nullopt}, Row{"truee", std::nullopt, std::nullopt},
                           Row{"1", std::nullopt, std::nullopt}, Row{"yes", std::nullopt, std::nullopt}}) {
        EXPECT_EQ(form("a=" + std::string(row.text)).boolean_of("a"), row.form) << row.text;
        EXPECT_EQ(json(R"({"a":")" + std::string(row.text) + R"("})").boolean_of("a"), row.json) << row.text;
    }
    EXPECT_EQ(form("a=").boolean_of("a"), std::nullopt);
    EXPECT_EQ(json(R"({"a":true})").boolean_of("a"), true);
    EXPECT_NE(json_error(R"({"a":True})"), "accepted");
}

TEST(JsonBody, NumbersKeepEveryDigit) {
    EXPECT_EQ(json(R"({"a":9007199254740993})").integer_of("a"), 9007199254740993);
    EXPECT_EQ(json(R"({"a":1.0})").integer_of("a"), std::nullopt);
    EXPECT_EQ(json(R"({"a":1e3})").integer_of("a"), std::nullopt);
    EXPECT_EQ(json(R"({"a":99999999999999999999})").integer_of("a"), std::nullopt);
    EXPECT_TRUE(json(R"({"a":null})").find("a")->is_empty_leaf());
}

TEST(JsonBody, MalformedIsRefused) {
    for (const std::string_view text : {"",
                                        "[]",
                                        "[1,2]",
                                        "1",
                                        "null",
                                        "\"a\"",
                                        "{",
                                        R"({"a":})",
                                        R"({"a":1}x)",
                                        R"({"a":1,})",
                                        R"({a:1})",
                                        R"({"a":1}{"b":2})",
                                        R"({"a":"\u0000"})",
                                        R"({"a":"\ud800"})",
                                        "{\"a\":\"\xFF\"}",
                                        "{\"a\":\"\x01\"}",
                                        R"({"":1})",
                                        R"({"a":1,"a":2})",
                                        R"({"a":{"b":1,"b":2}})",
                                        R"({"a":NaN})",
                                        R"({"a":01})"}) {
        EXPECT_NE(json_error(text), "accepted") << text;
    }
}

TEST(JsonBody, LimitsAtTheirEdges) {
    const auto nested = [](std::size_t levels) {
        std::string text;
        for (std::size_t i = 0; i < levels; ++i) text += R"({"a":)";
        return text + "1" + std::string(levels, '}');
    };
    EXPECT_EQ(json_error(nested(kMaxParamDepth)), "accepted");
    EXPECT_NE(json_error(nested(kMaxParamDepth + 1)), "accepted");
    EXPECT_NE(json_error(nested(100'000)), "accepted");  // no recursion to overflow
    EXPECT_NE(json_error(std::string(100'000, '[')), "accepted");

    std::string many = "{";
    for (std::size_t i = 0; i < kMaxParams; ++i)
        many += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
    EXPECT_EQ(json_error(many + "}"), "accepted");
    EXPECT_NE(json_error(many + ",\"more\":1}"), "accepted");
    EXPECT_EQ(json_error("{\"a\":\"" + std::string(kMaxTextBytes, 'x') + "\"}"), "accepted");
    EXPECT_NE(json_error("{\"a\":\"" + std::string(kMaxTextBytes + 1, 'x') + "\"}"), "accepted");
    // Containers without a leaf are bounded too.
    std::string empty = "{\"a\":[";
    for (int i = 0; i < 5000; ++i) empty += i == 0 ? "{}" : ",{}";
    EXPECT_NE(json_error(empty + "]}"), "accepted");
}

TEST(Canonical, SaysWhatIsTheSameRequest) {
    EXPECT_EQ(canonical(form("a=1&b=2")), canonical(form("b=2&a=1")));
    EXPECT_EQ(canonical(form("a[]=1&a[]=2")), canonical(form("a[1]=2&a[0]=1")));
    EXPECT_NE(canonical(form("a[]=1&a[]=2")), canonical(form("a[]=2&a[]=1")));
    EXPECT_NE(canonical(form("a=12")), canonical(form("a1=2")));
    EXPECT_NE(canonical(form("a[b]=1")), canonical(form("a=1")));
    EXPECT_NE(canonical(form("a=1")), canonical(form("a=1&b=")));
}

TEST(Integers, AreDigitsAndNothingElse) {
    EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
    for (const std::string_view text :
         {"", "+1", " 1", "1 ", "0x10", "1.0", "1e3", "--1", "9223372036854775808", "١"}) {
        EXPECT_EQ(parse_integer(text), std::nullopt) << text;
    }
}

TEST(Printable, IsBoundedAndValid) {
    EXPECT_EQ(printable("a\r\nb\x7F\xFF"), "a??b??");
    const std::string cut = printable(std::string(5000, 'x') + "京");
    EXPECT_LT(cut.size(), 130U);
    std::string wide;
    for (int i = 0; i < 100; ++i) wide += "京";
    EXPECT_TRUE(is_valid_utf8(printable(wide)));
}

}  // namespace
}  // namespace kontor::surface
