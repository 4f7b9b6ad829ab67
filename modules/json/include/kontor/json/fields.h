#pragma once
// One record a field: what an object of the API consists of, as a table of constants. Its JSON
// (write_object), its schema (Shape, kontor/json/schema.h), what an event says it was before (changes,
// as_it_was) and where its references lead (follow) all come from the table.
//
//     using Row = fields::Field<pb::Refund>;
//     constexpr std::array kRefund = {
//         Row{"amount", fields::integer<&pb::Refund::amount>(), Absent::never},
//         Row{"reason", fields::word<kReasons, &pb::Refund::reason>(), Absent::null, "Why."},
//     };
//     constinit const fields::Shape kRefundShape = fields::shape<kRefund>("refund");
//     … fields::write_object<kRefund>(json, refund);
//
// The order of the rows is that of the JSON and of previous_attributes, which stand in the audit record. A
// getter is a pointer to a member or to a function; it takes the record, or the `row` of what carries the
// record. What needs ids, currencies or references is in kontor/machine/fields.h, made the same way: a maker
// has a `kind` and the functions of Value as static templates.
//
// Threading: constants and pure functions. Ownership: getters give views that live as long as the record.
// Errors: a column that is left out, a getter of another type than its field's, a name that is there twice
// and a field that may be absent without a way to see it do not compile.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "kontor/base/required.h"
#include "kontor/json/writer.h"

namespace kontor::fields {

enum class Type : std::uint8_t {
    text,
    integer,
    boolean,
    timestamp,   // in the API seconds of Unix time; records have milliseconds
    currency,    // three lower-case letters
    word,        // one of some words
    constant,    // always the same
    id,          // prefix, '_' and 11 digits
    expandable,  // an id, or the object itself where the request asked for it
    hash,        // members of its own
    list,
    map,     // its keys are data: metadata, currencies
    object,  // an object of the API
};
// What is written when a record has none of it: there is always one, null, or no member at all.
enum class Absent : std::uint8_t { never, null, left_out };

struct Shape;

inline constexpr std::string_view kCurrencyPattern = "^[a-z]{3}$";
// The schema of a deleted object's answer, whatever it was.
inline constexpr std::string_view kDeletedObject = "deleted";

// What an expandable field may lead to. `kind` is the object's number (ObjectKind); 0: the renderer has it
// itself.
struct Target {
    Required<std::string_view> object;  // the name of its schema
    Required<std::string_view> prefix;  // of its ids; "": no ids of ours
    Required<std::uint32_t> kind;
    Required<bool> may_be_deleted;  // then it is answered as such
};
// Where a reference leads; no 0: nowhere.
struct Pointer {
    std::uint32_t kind = 0;
    std::uint64_t no = 0;
};

struct Kind {
    Type type = Type::text;
    // Of a constant its JSON, of an id its prefix, of a text its pattern, of an object its schema.
    std::string_view text = {};
    // A constant text, which stands here without its quotes.
    bool is_quoted = false;
    // That there are; of a list of texts, for each of them.
    std::span<const std::string_view> words = {};
    // Of a hash, and of a list of hashes.
    const Shape* shape = nullptr;
    // Of a map's values; object for a list of any; map for a constant that stands for metadata.
    Type item = Type::text;
    std::span<const Target> targets = {};
};

// A field without its record: what the description and the checks go by.
struct Facts {
    std::string_view name = {};
    std::string_view about = {};
    Kind kind = {};
    Absent absent = Absent::never;
};
// An object's fields. A name makes it a schema of its own, which others refer to.
struct Shape {
    std::string_view name = {};
    std::span<const Facts> fields = {};
};

// The type of a field of `Record`, and how to get it.
template <typename Record>
struct Value {
    Kind kind;
    void (*put)(JsonWriter&, const Record&, const Facts&) = nullptr;  // a constant has none
    bool has_absence = false;
    bool (*is_absent)(const Record&, const Facts&) = nullptr;
    // Where previous_attributes say more than the value: a member, or nothing.
    void (*put_before)(JsonWriter&, const Record& before, const Record& after) = nullptr;
    Pointer (*follow)(const Record&) = nullptr;

    template <typename Maker>
    requires(
        requires(const Maker& maker) { maker.kind.words; } &&
        !requires(const Maker& maker) { maker.has_absence; }) constexpr Value(const Maker& maker)
        : kind(maker.kind) {  // NOLINT: a record reads like a table row
        if constexpr (requires { &Maker::template put<Record>; }) put = &Maker::template put<Record>;
        if constexpr (requires { &Maker::template is_absent<Record>; }) {
            has_absence = true;
            is_absent = &Maker::template is_absent<Record>;
        }
        if constexpr (requires { &Maker::template put_before<Record>; })
            put_before = &Maker::template put_before<Record>;
        if constexpr (requires { &Maker::template follow<Record>; }) follow = &Maker::template follow<Record>;
    }
    // Written by a function that is elsewhere.
    constexpr Value(const Kind& of, decltype(put) write, decltype(is_absent) absent)
        : kind(of), put(write), has_absence(true), is_absent(absent) {}
};

template <typename RecordOfField>
struct Field {
    using Record = RecordOfField;
    Required<std::string_view> name;
    Required<Value<Record>> value;
    Required<Absent> absent;
    std::string_view about = {};  // in the description
};

// ---- checks
// ----------------------------------------------------------------------------------------------

// Every column says something, columns agree with each other, and no name is there twice.
template <typename Fields>
[[nodiscard]] constexpr bool are_sound(const Fields& fields) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const auto& field = fields[i];
        const Kind& kind = field.value.value.kind;
        const bool can_be_absent = field.absent.value != Absent::never;
        if (field.name.value.empty()) return false;
        for (const char c : field.name.value)
            if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_') return false;
        if (can_be_absent && !field.value.value.has_absence) return false;
        if (kind.type == Type::constant && kind.text.empty()) return false;
        if (kind.type == Type::word && kind.words.empty()) return false;
        if (kind.type == Type::expandable && kind.targets.empty()) return false;
        for (std::size_t j = 0; j < i; ++j)
            if (fields[j].name.value == field.name.value) return false;
    }
    return true;
}
template <const auto& kFields>
inline constexpr auto kFacts = [] {
    static_assert(are_sound(kFields), "a field is there twice, or its columns contradict each other");
    std::array<Facts, kFields.size()> all{};
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i] = {kFields[i].name, kFields[i].about, kFields[i].value.value.kind, kFields[i].absent};
    return all;
}();
template <const auto& kFields>
[[nodiscard]] constexpr Shape shape(std::string_view name = {}) {
    return {name, kFacts<kFields>};
}
// Of a hash that stands inside of its object.
template <const auto& kFields>
inline constexpr Shape kInnerShape = shape<kFields>();

// Rows of one table after those of another.
template <typename Row, std::size_t... kSizes>
[[nodiscard]] constexpr auto joined(const std::array<Row, kSizes>&... tables) {
    return std::apply([](const auto&... rows) { return std::array<Row, sizeof...(rows)>{rows...}; },
                      std::tuple_cat(tables...));
}

// ---- writing
// ---------------------------------------------------------------------------------------------

// The record of a table that has constants only: it fits to every other.
struct Constants {};
inline constexpr Constants kConstants;

// The record itself, or what it is carried in.
template <typename Wanted, typename Record>
[[nodiscard]] constexpr const auto& record_as(const Record& record) {
    if constexpr (std::is_same_v<Wanted, Constants>) {
        return kConstants;
    } else if constexpr (std::is_same_v<Wanted, Record>) {
        return record;
    } else {
        return record.row;
    }
}
template <auto kGet, typename Record>
[[nodiscard]] constexpr decltype(auto) get(const Record& record) {
    if constexpr (std::is_invocable_v<decltype(kGet), const Record&>) {
        return std::invoke(kGet, record);
    } else {
        return std::invoke(kGet, record.row);
    }
}

namespace detail {

// Where the constants begin that stand right before row `at`: they are written together, as one text.
template <const auto& kFields>
[[nodiscard]] constexpr std::size_t run_begin(std::size_t at) {
    while (at > 0 && kFacts<kFields>[at - 1].kind.type == Type::constant) --at;
    return at;
}

// The constants from kFrom on, and with kKey the name of row kTo: `,"a":null,"b":`.
template <const auto& kFields, std::size_t kFrom, std::size_t kTo, bool kKey>
inline constexpr auto kText = [] {
    constexpr auto each = [](auto put) {
        for (std::size_t i = kFrom; i < kTo + (kKey ? 1 : 0); ++i) {
            const Facts& facts = kFacts<kFields>[i];
            for (const std::string_view part : {std::string_view(",\""), facts.name, std::string_view("\":")})
                put(part);
            if (i == kTo) continue;
            const std::string_view quote = facts.kind.is_quoted ? "\"" : "";
            for (const std::string_view part : {quote, facts.kind.text, quote}) put(part);
        }
    };
    constexpr std::size_t kSize = [each] {
        std::size_t size = 0;
        each([&size](std::string_view part) { size += part.size(); });
        return size;
    }();
    std::array<char, kSize> text{};
    std::size_t at = 0;
    each([&](std::string_view part) {
        for (const char c : part) text[at++] = c;
    });
    return text;
}();
template <const auto& kFields, std::size_t kFrom, std::size_t kTo, bool kKey>
inline constexpr std::string_view kTextView{kText<kFields, kFrom, kTo, kKey>.data(),
                                            kText<kFields, kFrom, kTo, kKey>.size()};

template <const auto& kFields, std::size_t kRow, typename Record>
inline void write_field(JsonWriter& json, const Record& record) {
    constexpr const Facts& kFact = kFacts<kFields>[kRow];
    constexpr const auto& kValue = kFields[kRow].value.value;
    constexpr std::size_t kBegin = run_begin<kFields>(kRow);
    if constexpr (kFact.kind.type == Type::constant) {
        if constexpr (kRow + 1 == kFields.size()) json.members(kTextView<kFields, kBegin, kRow + 1, false>);
    } else if constexpr (kFact.absent == Absent::left_out) {
        if constexpr (kBegin < kRow) json.members(kTextView<kFields, kBegin, kRow, false>);
        if (kValue.is_absent(record, kFact)) return;
        json.member_key(kTextView<kFields, kRow, kRow, true>);
        kValue.put(json, record, kFact);
    } else {
        json.member_key(kTextView<kFields, kBegin, kRow, true>);
        if constexpr (kFact.absent == Absent::null) {
            if (kValue.is_absent(record, kFact)) {
                json.null();
                return;
            }
        }
        kValue.put(json, record, kFact);
    }
}

// A value as it stands in the JSON; "" where none does.
template <typename Record>
void render(std::string& out, const Value<Record>& value, const Record& record, const Facts& facts) {
    out.clear();
    if (facts.absent != Absent::never && value.is_absent(record, facts)) {
        if (facts.absent == Absent::null) out = "null";
        return;
    }
    JsonWriter json(out);
    value.put(json, record, facts);
}

}  // namespace detail

// Into an object that is begun already.
template <const auto& kFields, typename Record>
void write_members(JsonWriter& json, const Record& record) {
    using Wanted = typename std::remove_cvref_t<decltype(kFields)>::value_type::Record;
    [[maybe_unused]] const Wanted& wanted = record_as<Wanted>(record);
    [&]<std::size_t... kRows>(std::index_sequence<kRows...>) {
        (detail::write_field<kFields, kRows>(json, wanted), ...);
    }
    (std::make_index_sequence<kFields.size()>());
}
template <const auto& kFields, typename Record>
void write_object(JsonWriter& json, const Record& record) {
    json.begin_object();
    write_members<kFields>(json, record);
    json.end_object();
}

// previous_attributes: what was before of each field that is another one now. "" for nothing.
template <const auto& kFields, typename Record>
[[nodiscard]] std::string changes(const Record& before, const Record& after) {
    std::string out, was, is;
    JsonWriter json(out);
    json.begin_object();
    for (std::size_t i = 0; i < kFields.size(); ++i) {
        const Facts& facts = kFacts<kFields>[i];
        const Value<Record>& value = kFields[i].value;
        if (facts.kind.type == Type::constant) continue;
        if (value.put_before != nullptr) {
            value.put_before(json, before, after);
            continue;
        }
        detail::render(was, value, before, facts);
        detail::render(is, value, after, facts);
        if (was != is) json.field_raw(facts.name, was.empty() ? "null" : was);
    }
    json.end_object();
    return out == "{}" ? std::string() : out;
}

template <typename Fields, typename Names>
[[nodiscard]] constexpr bool has_each(const Fields& fields, const Names& names) {
    for (const std::string_view name : names) {
        bool found = false;
        for (const auto& field : fields) found = found || field.name.value == name;
        if (!found) return false;
    }
    return true;
}
// The same for a command that says itself what it changes: these fields as they are in `record`.
template <const auto& kFields, const auto& kNames, typename Record>
[[nodiscard]] std::string as_it_was(const Record& record) {
    static_assert(has_each(kFields, kNames), "there is no such field");
    std::string out, was;
    JsonWriter json(out);
    json.begin_object();
    for (const std::string_view name : kNames) {
        for (std::size_t i = 0; i < kFields.size(); ++i) {
            const Facts& facts = kFacts<kFields>[i];
            if (facts.name != name) continue;
            detail::render(was, kFields[i].value.value, record, facts);
            json.field_raw(name, was.empty() ? "null" : was);
        }
    }
    json.end_object();
    return out;
}

// Where the reference of that name leads.
template <const auto& kFields, typename Record>
[[nodiscard]] Pointer follow(const Record& record, std::string_view name) {
    for (const auto& field : kFields)
        if (field.name.value == name && field.value.value.follow != nullptr)
            return field.value.value.follow(record);
    return {};
}

}  // namespace kontor::fields
