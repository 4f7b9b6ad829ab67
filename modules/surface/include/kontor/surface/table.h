#pragma once
// A column that is a table of constants. It has no default: kNone says that there is nothing on purpose.
//
// Threading: constants. Ownership: points to an array that lives as long as the process.

#include <array>
#include <span>

namespace kontor::surface {

struct None {};
inline constexpr None kNone;

template <typename T>
class Table {
 public:
    constexpr Table(None /*none*/) {}  // NOLINT: a record reads like a table row
    template <std::size_t N>
    constexpr Table(const std::array<T, N>& rows) : rows_(rows) {}  // NOLINT
    template <std::size_t N>
    Table(const std::array<T, N>&& temporary) = delete;
    constexpr operator std::span<const T>() const { return rows_; }  // NOLINT
    [[nodiscard]] constexpr auto begin() const { return rows_.begin(); }
    [[nodiscard]] constexpr auto end() const { return rows_.end(); }
    [[nodiscard]] constexpr bool empty() const { return rows_.empty(); }

 private:
    std::span<const T> rows_;
};

}  // namespace kontor::surface
