#pragma once
// A field of a record that has no default: leaving it out does not compile.

#include <concepts>
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

}  // namespace kontor::machine
