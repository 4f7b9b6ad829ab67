#pragma once
// A field of a record that has no default: leaving it out does not compile.

#include <concepts>
#include <cstddef>
#include <utility>

namespace kontor {

template <typename T>
struct Required {
    T value;
    template <typename U>
    requires std::convertible_to<U, T>
    constexpr Required(U v) : value(std::move(v)) {}       // NOLINT: a record reads like a table row
    constexpr operator const T&() const { return value; }  // NOLINT
};

// A function or a constant that has to be there: nullptr does not compile. (Sanitizers make the address of
// either no constant that could be compared with null.)
template <typename P>
struct RequiredPointer {
    P value;
    template <typename U>
    requires std::convertible_to<U, P>
    constexpr RequiredPointer(U pointer) : value(pointer) {}  // NOLINT: as above
    RequiredPointer(std::nullptr_t) = delete;
    constexpr operator P() const { return value; }  // NOLINT
};

}  // namespace kontor
