#pragma once
// Result<T>: a value or an Error. Member names are those of std::expected, so that it can become an alias.
//
//     Result<File> open(...);
//     KONTOR_TRY(auto file, open(path));     // returns the error to the caller
//     KONTOR_CHECK(file.sync());             // the same for Result<void>

#include <optional>
#include <utility>
#include <variant>

#include "kontor/base/assert.h"
#include "kontor/base/error.h"

namespace kontor {

struct Unexpected {
    Error error;
};

[[nodiscard]] inline Unexpected fail(ErrorCode code, std::string message) {
    return Unexpected{Error{code, std::move(message)}};
}
[[nodiscard]] inline Unexpected fail(Error error) {
    return Unexpected{std::move(error)};
}

template <typename T>
class [[nodiscard]] Result {
 public:
    using value_type = T;
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
    Result(Unexpected e) : state_(std::in_place_index<1>, std::move(e.error)) {}  // NOLINT

    [[nodiscard]] bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }
    [[nodiscard]] T& value() & {
        KONTOR_ASSERT(has_value(), "value() of an error");
        return std::get<0>(state_);
    }
    [[nodiscard]] const T& value() const& {
        KONTOR_ASSERT(has_value(), "value() of an error");
        return std::get<0>(state_);
    }
    [[nodiscard]] T&& value() && {
        KONTOR_ASSERT(has_value(), "value() of an error");
        return std::get<0>(std::move(state_));
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    [[nodiscard]] const Error& error() const& {
        KONTOR_ASSERT(!has_value(), "error() of a value");
        return std::get<1>(state_);
    }
    [[nodiscard]] Error&& error() && {
        KONTOR_ASSERT(!has_value(), "error() of a value");
        return std::get<1>(std::move(state_));
    }
    template <typename U>
    [[nodiscard]] T value_or(U&& other) const& {
        return has_value() ? value() : static_cast<T>(std::forward<U>(other));
    }

 private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
    using value_type = void;
    Result() = default;
    Result(Unexpected e) : error_(std::move(e.error)) {}  // NOLINT: implicit by design

    [[nodiscard]] bool has_value() const { return !error_.has_value(); }
    explicit operator bool() const { return has_value(); }
    [[nodiscard]] const Error& error() const& {
        KONTOR_ASSERT(error_.has_value(), "error() of a value");
        return *error_;
    }
    [[nodiscard]] Error&& error() && {
        KONTOR_ASSERT(error_.has_value(), "error() of a value");
        return *std::move(error_);
    }

 private:
    std::optional<Error> error_;
};

}  // namespace kontor

#define KONTOR_CONCAT_(a, b) a##b
#define KONTOR_CONCAT(a, b) KONTOR_CONCAT_(a, b)
#define KONTOR_TRY_(tmp, target, ...)                              \
    auto tmp = (__VA_ARGS__);                                      \
    if (!tmp) return ::kontor::Unexpected{std::move(tmp).error()}; \
    target = *std::move(tmp)
#define KONTOR_TRY(target, ...) KONTOR_TRY_(KONTOR_CONCAT(kontor_try_, __LINE__), target, __VA_ARGS__)
#define KONTOR_CHECK(...)                                                  \
    do {                                                                   \
        if (auto kontor_check_ = (__VA_ARGS__); !kontor_check_)            \
            return ::kontor::Unexpected{std::move(kontor_check_).error()}; \
    } while (false)
