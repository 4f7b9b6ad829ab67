// Tables of fields: what does not compile, the JSON, what an event says it was before, the schema.
#include "kontor/json/fields.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kontor/json/field_types.h"
#include "kontor/json/schema.h"

namespace kontor::fields {
namespace {

using Json = nlohmann::ordered_json;

enum class Size { unknown, small, large };

struct Toy {
    std::string name;
    std::string maker;
    int price = 0;
    std::int64_t made_ms = 0;
    bool is_loud = false;
    Size size = Size::unknown;
    std::vector<std::string> colours;
    std::vector<Toy> parts;
    [[nodiscard]] bool has_parts() const { return !parts.empty(); }
};

void each_colour(const Toy& toy, const EachText& each) {
    for (const std::string& colour : toy.colours) each(colour);
}
void each_letter(const Toy& toy, const EachNumber& each) {
    for (const char c : toy.name) each(std::string_view(&c, 1), c);
}
std::string maker_json(const Toy& toy) {
    return toy.maker.empty() ? std::string() : R"({"id":")" + toy.maker + "\"}";
}

constexpr std::array kSizes = {Named{Size::small, "small"}, Named{Size::large, "large"}};
constexpr std::array<std::string_view, 2> kLoudness = {"quiet", "loud"};
constexpr std::array<std::string_view, 2> kMakers = {"ada", "bob"};

using Row = Field<Toy>;
constexpr std::array kPart = {
    Row{"name", text<&Toy::name>("^[a-z]*$"), Absent::left_out},
    Row{"colours", texts<&each_colour>(), Absent::never},
};
constexpr Shape kPartShape = shape<kPart>("part");
constexpr std::array kToy = {
    Row{"name", text<&Toy::name>(), Absent::left_out, "What it is called."},
    Row{"kind", constant("toy"), Absent::never},
    Row{"nothing", null(), Absent::never},
    Row{"maker", word<kMakers, &Toy::maker>(), Absent::null},
    Row{"price", integer<&Toy::price>(), Absent::never},
    Row{"made", timestamp<&Toy::made_ms>(), Absent::null},
    Row{"loud", boolean<&Toy::is_loud>(), Absent::never},
    Row{"loudness", word<kLoudness, &Toy::is_loud>(), Absent::never},
    Row{"zero", literal("0"), Absent::never},
    Row{"size", word<kSizes, &Toy::size>(), Absent::never},
    Row{"colours", texts<&each_colour>(kMakers), Absent::never},
    Row{"letters", numbers<&each_letter, &Toy::has_parts>(), Absent::null},
    Row{"parts", rows<kPart, &Toy::parts>(), Absent::never},
    Row{"named_parts", rows<kPart, &Toy::parts>(&kPartShape), Absent::never},
    Row{"itself", hash<kPart, nullptr, &Toy::has_parts>(), Absent::left_out},
    Row{"again", hash<kPart>(&kPartShape), Absent::never},
    Row{"made_by", object<&maker_json>("maker"), Absent::left_out},
    Row{"list", literal("[]"), Absent::never},
    Row{"hash", literal("{}"), Absent::never},
    Row{"metadata", no_metadata(), Absent::never},
    Row{"truth", literal("true"), Absent::never},
};

// ---- what does not compile
// ------------------------------------------------------------------------------

template <typename R>
constexpr bool kWhole = requires {
    R{.name = "a", .value = integer<&Toy::price>(), .absent = Absent::never};
};
template <typename R>
constexpr bool kWithoutName = requires {
    R{.value = integer<&Toy::price>(), .absent = Absent::never};
};
template <typename R>
constexpr bool kWithoutValue = requires {
    R{.name = "a", .absent = Absent::never};
};
template <typename R>
constexpr bool kWithoutAbsent = requires {
    R{.name = "a", .value = integer<&Toy::price>()};
};
static_assert(kWhole<Row>);
static_assert(!kWithoutName<Row> && !kWithoutValue<Row> && !kWithoutAbsent<Row>, "a column has a default");

constexpr Row kGood{"a", integer<&Toy::price>(), Absent::never};
template <typename Change>
constexpr bool is_sound(Change change) {
    Row row = kGood;
    change(row);
    return are_sound(std::array{Row{"b", null(), Absent::never}, row});
}
static_assert(is_sound([](Row&) {}));
static_assert(!is_sound([](Row& row) { row.name.value = "b"; }), "a name is there twice");
static_assert(!is_sound([](Row& row) { row.name.value = ""; }));
static_assert(!is_sound([](Row& row) { row.name.value = "a\""; }), "names stand in JSON as they are");
static_assert(!is_sound([](Row& row) {
    row.value.value = boolean<&Toy::is_loud>();
    row.absent.value = Absent::null;
}),
              "nobody can see that it is absent");
static_assert(!is_sound([](Row& row) { row.value.value = literal(""); }));
static_assert(!is_sound([](Row& row) { row.value.value.kind.type = Type::word; }), "no words");
static_assert(!is_sound([](Row& row) { row.value.value.kind.type = Type::expandable; }), "leads nowhere");
static_assert(has_each(kToy, std::array<std::string_view, 2>{"price", "name"}));
static_assert(!has_each(kToy, std::array<std::string_view, 2>{"price", "prize"}));

// ---- JSON
// -----------------------------------------------------------------------------------------------

template <const auto& kFields>
std::string written(const Toy& toy) {
    std::string out;
    JsonWriter json(out);
    write_object<kFields>(json, toy);
    return out;
}

Toy full() {
    Toy toy;
    toy.name = "ab";
    toy.maker = "ada";
    toy.price = -5;
    toy.made_ms = 1'999;
    toy.is_loud = true;
    toy.size = Size::large;
    toy.colours = {"red", "\"blue\""};
    toy.parts = {Toy(), Toy()};
    toy.parts[1].name = "wheel";
    return toy;
}

TEST(Fields, AnEmptyRecordHasWhatIsNeverAbsent) {
    EXPECT_EQ(written<kToy>(Toy()),
              R"({"kind":"toy","nothing":null,"maker":null,"price":0,"made":null,"loud":false,)"
              R"("loudness":"quiet","zero":0,"size":"small","colours":[],"letters":null,"parts":[],)"
              R"("named_parts":[],"again":{"colours":[]},"list":[],"hash":{},"metadata":{},"truth":true})");
}

TEST(Fields, AFullRecordHasEverythingInTheOrderOfTheTable) {
    EXPECT_EQ(written<kToy>(full()),
              R"({"name":"ab","kind":"toy","nothing":null,"maker":"ada","price":-5,"made":1,"loud":true,)"
              R"("loudness":"loud","zero":0,"size":"large","colours":["red","\"blue\""],)"
              R"("letters":{"a":97,"b":98},"parts":[{"colours":[]},{"name":"wheel","colours":[]}],)"
              R"("named_parts":[{"colours":[]},{"name":"wheel","colours":[]}],)"
              R"("itself":{"name":"ab","colours":["red","\"blue\""]},)"
              R"("again":{"name":"ab","colours":["red","\"blue\""]},"made_by":{"id":"ada"},)"
              R"("list":[],"hash":{},"metadata":{},"truth":true})");
}

constexpr std::array<Row, 0> kNone = {};
constexpr std::array kOptional = {
    Row{"name", text<&Toy::name>(), Absent::left_out},
    Row{"maker", text<&Toy::maker>(), Absent::left_out},
};
constexpr std::array kConstants = {Row{"a", null(), Absent::never}, Row{"b", constant("c"), Absent::never}};
constexpr std::array kBetween = {
    Row{"name", text<&Toy::name>(), Absent::left_out},
    Row{"a", null(), Absent::never},
    Row{"maker", text<&Toy::maker>(), Absent::left_out},
    Row{"b", literal("1"), Absent::never},
};

TEST(Fields, CommasStandBetweenWhateverIsLeftOut) {
    EXPECT_EQ(written<kNone>(Toy()), "{}");
    EXPECT_EQ(written<kOptional>(Toy()), "{}");
    Toy toy;
    toy.maker = "ada";
    EXPECT_EQ(written<kOptional>(toy), R"({"maker":"ada"})");
    EXPECT_EQ(written<kConstants>(toy), R"({"a":null,"b":"c"})");
    EXPECT_EQ(written<kBetween>(Toy()), R"({"a":null,"b":1})");
    EXPECT_EQ(written<kBetween>(toy), R"({"a":null,"maker":"ada","b":1})");
    toy.name = "x";
    EXPECT_EQ(written<kBetween>(toy), R"({"name":"x","a":null,"maker":"ada","b":1})");
}

// ---- what it was before
// ---------------------------------------------------------------------------------

TEST(Changes, AreThoseOfTheRenderedValues) {
    EXPECT_EQ(changes<kToy>(full(), full()), "");
    Toy after = full();
    after.price = 7;
    EXPECT_EQ(changes<kToy>(full(), after), R"({"price":-5})");
    after = full();
    after.made_ms = 1'001;  // the same second
    EXPECT_EQ(changes<kToy>(full(), after), "");
    EXPECT_EQ(changes<kOptional>(Toy(), full()), R"({"name":null,"maker":null})") << "there was none";
    EXPECT_EQ(changes<kOptional>(full(), Toy()), R"({"name":"ab","maker":"ada"})");
}

constexpr std::array<std::string_view, 3> kSaid = {"loud", "price", "maker"};

TEST(Changes, OfACommandThatSaysThemAreInItsOrder) {
    EXPECT_EQ((as_it_was<kToy, kSaid>(full())), R"({"loud":true,"price":-5,"maker":"ada"})");
    EXPECT_EQ((as_it_was<kToy, kSaid>(Toy())), R"({"loud":false,"price":0,"maker":null})");
}

// ---- the schema
// -----------------------------------------------------------------------------------------

Json schema_of(const Shape& shape, std::string_view items = {}) {
    std::string out;
    JsonWriter json(out);
    write_schema(json, shape, items);
    return Json::parse(out);
}

TEST(Schema, SaysTypeWordsAndWhatMayBeAbsent) {
    const Json schema = schema_of(shape<kToy>());
    const Json& properties = schema.at("properties");
    const auto is = [&](const char* name, const char* wanted) {
        EXPECT_EQ(properties.at(name), Json::parse(wanted)) << name;
    };
    is("name", R"({"description":"What it is called.","type":"string"})");
    is("kind", R"({"type":"string","const":"toy"})");
    is("nothing", R"({"type":"null"})");
    is("maker", R"({"type":["null","string"],"enum":["ada","bob",null]})");
    is("price", R"({"type":"integer","format":"int64"})");
    is("made", R"({"type":["integer","null"],"format":"unix-time"})");
    is("loud", R"({"type":"boolean"})");
    is("loudness", R"({"type":"string","enum":["quiet","loud"]})");
    is("zero", R"({"type":"integer"})");
    is("size", R"({"type":"string","enum":["small","large"]})");
    is("colours", R"({"type":"array","items":{"type":"string","enum":["ada","bob"]}})");
    is("letters", R"({"type":["null","object"],"additionalProperties":{"type":"integer"}})");
    const std::string part = R"("properties":{"colours":{"type":"array","items":{"type":"string"}},)"
                             R"("name":{"type":"string","pattern":"^[a-z]*$"}},"required":["colours"]})";
    is("parts", (R"({"type":"array","items":{"type":"object",)" + part + "}").c_str());
    is("named_parts", R"({"type":"array","items":{"$ref":"#/components/schemas/part"}})");
    is("itself", (R"({"type":"object",)" + part).c_str());
    is("again", R"({"$ref":"#/components/schemas/part"})");
    is("made_by", R"({"$ref":"#/components/schemas/maker"})");
    is("list", R"({"type":"array"})");
    is("hash", R"({"type":"object"})");
    is("metadata", R"({"type":"object","additionalProperties":{"type":"string"}})");
    is("truth", R"({"type":"boolean"})");
    std::vector<std::string> required = schema.at("required");
    EXPECT_TRUE(std::is_sorted(required.begin(), required.end()));
    EXPECT_EQ(required.size(), kToy.size() - 3) << "name, itself and made_by are left out";
}

// An empty and a full record have what the schema says, and nothing else.
TEST(Schema, IsThatOfTheJson) {
    const Json schema = schema_of(shape<kToy>());
    for (const Toy& toy : {Toy(), full()}) {
        const Json json = Json::parse(written<kToy>(toy));
        for (const auto& [name, value] : json.items()) EXPECT_TRUE(schema.at("properties").contains(name));
        for (const Json& name : schema.at("required"))
            EXPECT_TRUE(json.contains(name.get<std::string>())) << name;
    }
}

struct Page {
    std::vector<std::string> data;
};
constexpr std::array kPage = {Field<Page>{"data", objects<&Page::data>(), Absent::never}};

TEST(Schema, OfAPageSaysWhatIsInIt) {
    EXPECT_EQ(schema_of(shape<kPage>(), "toy").at("properties").at("data"),
              Json::parse(R"({"type":"array","items":{"$ref":"#/components/schemas/toy"}})"));
    std::string out;
    JsonWriter json(out);
    write_object<kPage>(json, Page{{"{}", "[]"}});
    EXPECT_EQ(out, R"({"data":[{},[]]})");
}

}  // namespace
}  // namespace kontor::fields
