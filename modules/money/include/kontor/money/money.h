#pragma once
// Money is a type: checked 64-bit minor units plus a currency. No double, no bare integer beyond the parser.
//
// Threading: value types. Errors: overflow is nullopt, never wrap-around.
// Limits: |minor units| < 2^63. API amounts are 1..kMaxAmountMinor (Stripe: eight digits; ours is wider).
// Source of currencies and exponents: ISO 4217 (maintenance agency list one).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kontor::money {

inline constexpr std::int64_t kMaxAmountMinor = 999'999'999'999;  // one payment

// A currency by its ISO 4217 numeric code; only listed ones exist.
class Currency {
 public:
    [[nodiscard]] static std::optional<Currency> from_code(std::string_view alpha3);  // any case
    [[nodiscard]] static std::optional<Currency> from_numeric(std::uint16_t numeric);
    [[nodiscard]] std::uint16_t numeric() const { return numeric_; }
    [[nodiscard]] std::string_view code() const;        // "EUR"
    [[nodiscard]] std::string_view lower_code() const;  // "eur"
    [[nodiscard]] unsigned exponent() const;            // digits after the point: EUR 2, JPY 0, KWD 3
    friend bool operator==(Currency, Currency) = default;
    friend auto operator<=>(Currency, Currency) = default;

 private:
    explicit constexpr Currency(std::uint16_t numeric) : numeric_(numeric) {}
    std::uint16_t numeric_;
};

class Money {
 public:
    Money(std::int64_t minor, Currency currency) : minor_(minor), currency_(currency) {}
    [[nodiscard]] std::int64_t minor() const { return minor_; }
    [[nodiscard]] Currency currency() const { return currency_; }
    // nullopt on overflow; asserts equal currencies.
    [[nodiscard]] std::optional<Money> plus(Money other) const;
    [[nodiscard]] std::optional<Money> minus(Money other) const;
    // floor(minor * basis_points / 10'000), exact; minor >= 0.
    [[nodiscard]] Money share(std::uint32_t basis_points) const;
    // "12.34 EUR": for people and logs, not for parsing.
    [[nodiscard]] std::string display() const;
    friend bool operator==(Money, Money) = default;

 private:
    std::int64_t minor_;
    Currency currency_;
};

}  // namespace kontor::money
