#pragma once
// The types that a field can have without knowing what an object of ours is: text, numbers, words, constants,
// hashes, lists, maps. See fields.h for how they are used.
//
// Threading: constants and pure functions. Errors: a getter that does not fit does not compile. "" is no
// text, 0 no number of a field that may be absent: records have no other way to say that there is none.

#include <concepts>

#include "kontor/json/fields.h"

namespace kontor::fields {

// `pattern`: of the description.
template <auto kGet>
struct Text {
    Kind kind;
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        json.string(get<kGet>(record));
    }
    template <typename Record>
    static bool is_absent(const Record& record, const Facts& /*facts*/) {
        return std::string_view(get<kGet>(record)).empty();
    }
};
template <auto kGet>
[[nodiscard]] constexpr Text<kGet> text(std::string_view pattern = {}) {
    return {{.type = Type::text, .text = pattern}};
}

// Text that needs no escape: words and digits of ours.
template <auto kGet>
struct PlainText : Text<kGet> {
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        json.plain_string(get<kGet>(record));
    }
};
template <auto kGet>
[[nodiscard]] constexpr PlainText<kGet> plain_text(std::string_view pattern = {}) {
    return {{{.type = Type::text, .text = pattern}}};
}

// Bytes that nobody has looked at; with `words`, one of these as a rule.
template <auto kGet>
struct AnyText : Text<kGet> {
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        json.any_string(get<kGet>(record));
    }
};
template <auto kGet>
[[nodiscard]] constexpr AnyText<kGet> any_text(std::span<const std::string_view> words = {}) {
    return {{{.type = words.empty() ? Type::text : Type::word, .words = words}}};
}

template <auto kGet>
struct Integer {
    Kind kind{.type = Type::integer};
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        using Number = std::remove_cvref_t<decltype(get<kGet>(record))>;
        static_assert(std::integral<Number> && !std::same_as<Number, bool>);
        static_assert(std::signed_integral<Number> || sizeof(Number) < sizeof(std::int64_t));
        json.integer(get<kGet>(record));
    }
    template <typename Record>
    static bool is_absent(const Record& record, const Facts& /*facts*/) {
        return get<kGet>(record) == 0;
    }
};
template <auto kGet>
[[nodiscard]] constexpr Integer<kGet> integer() {
    return {};
}

template <auto kGet>
struct Boolean {
    Kind kind{.type = Type::boolean};
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        static_assert(std::same_as<std::remove_cvref_t<decltype(get<kGet>(record))>, bool>);
        json.boolean(get<kGet>(record));
    }
};
template <auto kGet>
[[nodiscard]] constexpr Boolean<kGet> boolean() {
    return {};
}

template <auto kGetMs>
struct Timestamp {
    Kind kind{.type = Type::timestamp};
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        static_assert(std::same_as<std::remove_cvref_t<decltype(get<kGetMs>(record))>, std::int64_t>);
        json.integer(get<kGetMs>(record) / 1000);
    }
    template <typename Record>
    static bool is_absent(const Record& record, const Facts& /*facts*/) {
        return get<kGetMs>(record) == 0;
    }
};
template <auto kGetMs>
[[nodiscard]] constexpr Timestamp<kGetMs> timestamp() {
    return {};
}

// ---- words
// -----------------------------------------------------------------------------------------------

// The word of an enumerator. The first row also stands for what no record of ours has.
template <typename Enum>
struct Named {
    Enum value;
    std::string_view word;
};
template <typename Enum>
Named(Enum, const char*) -> Named<Enum>;
template <typename Enum, std::size_t kCount>
[[nodiscard]] constexpr std::string_view word_of(const std::array<Named<Enum>, kCount>& table, Enum value) {
    for (const Named<Enum>& row : table)
        if (row.value == value) return row.word;
    return table.front().word;
}
template <const auto& kTable>
inline constexpr auto kWordsOf = [] {
    std::array<std::string_view, kTable.size()> words;
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = kTable[i].word;
    return words;
}();

// kWords: rows of Named for an enumerator; two words, for no and yes, for a truth value; else the words that
// a text of the record may be, which is written as it stands there.
template <const auto& kWords, auto kGet>
struct Word {
    using Entry = typename std::remove_cvref_t<decltype(kWords)>::value_type;
    Kind kind;
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        using Got = std::remove_cvref_t<decltype(get<kGet>(record))>;
        if constexpr (!std::same_as<Entry, std::string_view>) {
            json.plain_string(word_of(kWords, get<kGet>(record)));
        } else if constexpr (std::same_as<Got, bool>) {
            static_assert(kWords.size() == 2);
            json.plain_string(kWords[get<kGet>(record) ? 1 : 0]);
        } else {
            json.string(get<kGet>(record));
        }
    }
    template <typename Record>
    requires std::same_as<Entry, std::string_view>
    static bool is_absent(const Record& record, const Facts& /*facts*/) {
        if constexpr (std::same_as<std::remove_cvref_t<decltype(get<kGet>(record))>, bool>) {
            return false;
        } else {
            return std::string_view(get<kGet>(record)).empty();
        }
    }
};
template <const auto& kWords, auto kGet>
[[nodiscard]] constexpr Word<kWords, kGet> word() {
    if constexpr (std::same_as<typename Word<kWords, kGet>::Entry, std::string_view>) {
        return {{.type = Type::word, .words = kWords}};
    } else {
        return {{.type = Type::word, .words = kWordsOf<kWords>}};
    }
}

// ---- constants
// -------------------------------------------------------------------------------------------

struct Constant {
    Kind kind;
};
// Text that needs no escape.
[[nodiscard]] constexpr Constant constant(std::string_view text) {
    return {{.type = Type::constant, .text = text, .is_quoted = true}};
}
// JSON: "null", "false", "0", "{}", "[]".
[[nodiscard]] constexpr Constant literal(std::string_view json) {
    return {{.type = Type::constant, .text = json}};
}
// Metadata of what has none of its own.
[[nodiscard]] constexpr Constant no_metadata() {
    return {{.type = Type::constant, .text = "{}", .item = Type::map}};
}
// What others have here and we do not.
[[nodiscard]] constexpr Constant null() {
    return literal("null");
}

// ---- what has members
// ------------------------------------------------------------------------------------

// kGet: the record of its fields, nullptr for the same one; kHas: whether there is one, nullptr for always.
// `named`: the same fields as a schema of their own.
template <const auto& kFields, auto kGet, auto kHas>
struct Hash {
    Kind kind;
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        if constexpr (std::is_null_pointer_v<decltype(kGet)>) {
            write_object<kFields>(json, record);
        } else {
            write_object<kFields>(json, get<kGet>(record));
        }
    }
    template <typename Record>
    requires(!std::is_null_pointer_v<decltype(kHas)>) static bool is_absent(const Record& record,
                                                                            const Facts& /*facts*/) {
        return !get<kHas>(record);
    }
};
template <const auto& kFields, auto kGet = nullptr, auto kHas = nullptr>
[[nodiscard]] constexpr Hash<kFields, kGet, kHas> hash(const Shape* named = &kInnerShape<kFields>) {
    return {{.type = Type::hash, .shape = named}};
}

// kRange: a range of records.
template <const auto& kFields, auto kRange>
struct Rows {
    Kind kind;
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        json.begin_array();
        for (const auto& row : get<kRange>(record)) write_object<kFields>(json, row);
        json.end_array();
    }
};
template <const auto& kFields, auto kRange>
[[nodiscard]] constexpr Rows<kFields, kRange> rows(const Shape* named = &kInnerShape<kFields>) {
    return {{.type = Type::list, .shape = named}};
}

// kVisit(record, each): calls each(text) for each of them.
class EachText {
 public:
    explicit EachText(JsonWriter& json) : json_(json) {}
    void operator()(std::string_view text) const { json_.string(text); }

 private:
    JsonWriter& json_;
};
template <auto kVisit>
struct Texts {
    Kind kind;
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        json.begin_array();
        kVisit(record, EachText(json));
        json.end_array();
    }
};
template <auto kVisit>
[[nodiscard]] constexpr Texts<kVisit> texts(std::span<const std::string_view> words = {}) {
    return {{.type = Type::list, .words = words}};
}

// kVisit(record, each): calls each(key, number) for each of them. kHas as above.
class EachNumber {
 public:
    explicit EachNumber(JsonWriter& json) : json_(json) {}
    void operator()(std::string_view key, std::int64_t number) const {
        json_.escaped_key(key).integer(number);
    }

 private:
    JsonWriter& json_;
};
template <auto kVisit, auto kHas>
struct Numbers {
    Kind kind{.type = Type::map, .item = Type::integer};
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        json.begin_object();
        kVisit(record, EachNumber(json));
        json.end_object();
    }
    template <typename Record>
    requires(!std::is_null_pointer_v<decltype(kHas)>) static bool is_absent(const Record& record,
                                                                            const Facts& /*facts*/) {
        return !get<kHas>(record);
    }
};
template <auto kVisit, auto kHas = nullptr>
[[nodiscard]] constexpr Numbers<kVisit, kHas> numbers() {
    return {};
}

// JSON already: an object of the API, of the schema `name` ("": of any).
template <auto kGetJson>
struct Object {
    Kind kind;
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        json.raw(get<kGetJson>(record));
    }
    template <typename Record>
    static bool is_absent(const Record& record, const Facts& /*facts*/) {
        return std::string_view(get<kGetJson>(record)).empty();
    }
};
template <auto kGetJson>
[[nodiscard]] constexpr Object<kGetJson> object(std::string_view name = {}) {
    return {{.type = Type::object, .text = name}};
}

// A page of a list: kRange is a range of objects that are JSON already.
template <auto kRange>
struct Objects {
    Kind kind{.type = Type::list, .item = Type::object};
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        json.begin_array();
        for (const auto& one : get<kRange>(record)) json.raw(one);
        json.end_array();
    }
};
template <auto kRange>
[[nodiscard]] constexpr Objects<kRange> objects() {
    return {};
}

}  // namespace kontor::fields
