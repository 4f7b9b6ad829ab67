#pragma once
// Parameters that several resources have, in one word each.
//
// Threading: constants.

#include <array>

#include "kontor/machine/limits.h"
#include "kontor/machine/page.h"
#include "kontor/surface/param.h"

namespace kontor::surface {

constexpr Param text(std::string_view name, std::size_t max, std::string_view about, bool can_unset = false) {
    return {.name = name, .kind = Kind::text, .about = about, .can_unset = can_unset, .max = max};
}
constexpr Param boolean(std::string_view name, std::string_view about) {
    return {.name = name, .kind = Kind::boolean, .about = about};
}
constexpr Param amount(std::string_view name, std::string_view about, bool required = false) {
    return {.name = name, .kind = Kind::amount, .about = about, .required = required};
}
constexpr Param currency(std::string_view about, bool required = false) {
    return {.name = "currency", .kind = Kind::currency, .about = about, .required = required};
}
constexpr Param id(std::string_view name, std::string_view id_prefix, std::string_view about) {
    return {.name = name, .kind = Kind::object_id, .about = about, .prefix = id_prefix};
}
// An object of one of several kinds.
constexpr Param id_of_any(std::string_view name, std::span<const std::string_view> id_prefixes,
                          std::string_view about) {
    return {.name = name, .kind = Kind::object_id, .about = about, .choices = id_prefixes};
}
// A list's filter: objects that belong to this one, which must be one of the caller's.
constexpr Param id_filter(std::string_view name, std::string_view id_prefix,
                          std::uint64_t machine::ListQuery::*into, std::string_view about) {
    return {.name = name, .kind = Kind::object_id, .about = about, .prefix = id_prefix, .filter = into};
}
constexpr Param choice(std::string_view name, std::span<const std::string_view> choices,
                       std::string_view about) {
    return {.name = name, .kind = Kind::choice, .about = about, .choices = choices};
}
constexpr Param hash(std::string_view name, std::span<const Param> children, std::string_view about) {
    return {.name = name, .kind = Kind::hash, .about = about, .children = children};
}
constexpr Param metadata() {
    return {.name = "metadata",
            .kind = Kind::metadata,
            .about = "Your own keys and values. An empty value removes its key, an empty hash all of them.",
            .can_unset = true};
}
constexpr Param email(std::string_view name, std::size_t max_bytes, std::string_view about) {
    return {.name = name, .kind = Kind::email, .about = about, .can_unset = true, .max = max_bytes};
}
constexpr Param required(Param param) {
    param.required = true;
    return param;
}

inline constexpr std::array kRange = {
    Param{.name = "gt", .kind = Kind::timestamp, .about = "After this Unix time."},
    Param{.name = "gte", .kind = Kind::timestamp, .about = "At or after this Unix time."},
    Param{.name = "lt", .kind = Kind::timestamp, .about = "Before this Unix time."},
    Param{.name = "lte", .kind = Kind::timestamp, .about = "At or before this Unix time."},
};
inline constexpr Param kCreated = {.name = "created",
                                   .kind = Kind::timestamp_range,
                                   .about = "Created at this Unix time, or within this range.",
                                   .children = kRange};

}  // namespace kontor::surface
