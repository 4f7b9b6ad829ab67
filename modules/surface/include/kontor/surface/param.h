#pragma once
// What a route accepts, as data: validation, the OpenAPI document and the tests read the same tables.
//
// Threading: constants. Ownership: everything here lives as long as the process.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "kontor/surface/params.h"

namespace kontor::machine {
struct ListQuery;
}

namespace kontor::surface {

struct ObjectName;

enum class Kind : std::uint8_t {
    text,     // max: characters
    integer,  // low..high
    amount,   // 1..money::kMaxAmountMinor minor units
    boolean,
    choice,     // one of `choices`
    currency,   // ISO 4217, any case
    object_id,  // `prefix` '_' number; without one, a prefix among `choices`
    email,      // max: bytes
    phone,      // max: characters
    url,
    timestamp,        // Unix seconds
    timestamp_range,  // a timestamp, or a hash of gt, gte, lt, lte
    metadata,
    hash,          // `children`
    text_list,     // elements up to max, at most `high` of them; `choices` when not empty
    method_token,  // payment method, api looks it up
    descriptor,    // what a bank statement can show; max: characters
};

struct Param {
    std::string_view name;
    Kind kind = Kind::text;
    std::string_view about;
    bool required = false;
    bool can_unset = false;  // "" removes the value
    std::size_t max = 0;
    std::int64_t low = 0, high = 0;
    std::string_view prefix = {};  // object_id
    std::span<const std::string_view> choices = {};
    std::span<const Param> children = {};
    std::uint64_t machine::ListQuery::*filter = nullptr;  // object_id of a list: where its number goes
};

// The first thing wrong with `params`, named by its full path ("created[gte]"); nullopt: all as specified.
[[nodiscard]] std::optional<ApiError> validate(const Node& params, std::span<const Param> specs,
                                               std::span<const Param> common = {},
                                               std::span<const ObjectName> names = {});
// Of valid ones: what may be written in several ways is written in one, so that a repetition is known as one
// (canonical()) whatever library makes it: `True` of a form and `true` of JSON.
void unify(Node& params, std::span<const Param> specs);

}  // namespace kontor::surface
