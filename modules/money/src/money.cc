#include "kontor/money/money.h"

#include <limits>

#include "kontor/base/assert.h"

namespace kontor::money {
namespace {
constexpr std::uint32_t kBasisPointsOfWhole = 10'000;
}

std::optional<Money> Money::plus(Money other) const {
    KONTOR_ASSERT(currency_ == other.currency_, "amounts of two currencies are not added");
    std::int64_t sum = 0;
    if (__builtin_add_overflow(minor_, other.minor_, &sum) || sum == std::numeric_limits<std::int64_t>::min())
        return std::nullopt;  // |minor| < 2^63 keeps negation safe
    return Money(sum, currency_);
}

std::optional<Money> Money::minus(Money other) const {
    KONTOR_ASSERT(currency_ == other.currency_, "amounts of two currencies are not subtracted");
    std::int64_t difference = 0;
    if (__builtin_sub_overflow(minor_, other.minor_, &difference) ||
        difference == std::numeric_limits<std::int64_t>::min())
        return std::nullopt;
    return Money(difference, currency_);
}

Money Money::share(std::uint32_t basis_points) const {
    KONTOR_ASSERT(minor_ >= 0, "a share of a negative amount has no agreed rounding");
    // 63 + 32 bits fit in 128; the quotient fits in 64 as long as the share is at most the whole.
    const auto wide = static_cast<unsigned __int128>(minor_) * basis_points / kBasisPointsOfWhole;
    KONTOR_ASSERT(wide <= static_cast<unsigned __int128>(std::numeric_limits<std::int64_t>::max()),
                  "a share does not fit 63 bits");
    return Money(static_cast<std::int64_t>(wide), currency_);
}

std::string Money::display() const {
    const bool negative = minor_ < 0;
    // Negated as unsigned, so that the most negative number needs no special case.
    std::string digits = std::to_string(negative ? ~static_cast<std::uint64_t>(minor_) + 1
                                                 : static_cast<std::uint64_t>(minor_));
    const unsigned exponent = currency_.exponent();
    if (digits.size() <= exponent) digits.insert(0, exponent + 1 - digits.size(), '0');
    if (exponent > 0) digits.insert(digits.size() - exponent, 1, '.');
    if (negative) digits.insert(0, 1, '-');
    digits += ' ';
    digits += currency_.code();
    return digits;
}

}  // namespace kontor::money
