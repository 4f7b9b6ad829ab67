#pragma once
// A field of a record that has no default: leaving it out does not compile.

#include <concepts>
#include <cstddef>
#include <utility>

namespace kontor::machine {

template <typename T>
struct Required {
    T value;
    template <typename U>
    requires std::convertible_to<U, T>
    constexpr Required(U v) : value(std::move(v)) {}       // NOLINT: a record reads like a table row
    constexpr operator const T&() const { return value; }  // NOLINT
};

// A function that has to be there: nullptr does not compile. (Sanitizers make the address of a function no
// constant that could be compared with null.)
template <typename F>
struct RequiredFunction {
    F value;
    constexpr RequiredFunction(F function) : value(function) {}  // NOLINT: as above
    RequiredFunction(std::nullptr_t) = delete;
    constexpr operator F() const { return value; }  // NOLINT
};

}  // namespace kontor::machine
