#include <algorithm>

#include "currency_table.h"
#include "kontor/base/assert.h"
#include "kontor/money/money.h"

namespace kontor::money {
namespace {

constexpr std::uint8_t kNone = 255;

// Numeric code to row, so that every accessor is one load.
constexpr auto kRowOfNumeric = [] {
    std::array<std::uint8_t, 1000> rows{};
    rows.fill(kNone);
    for (std::size_t i = 0; i < kCurrencies.size(); ++i)
        rows[kCurrencies[i].numeric] = static_cast<std::uint8_t>(i);
    return rows;
}();

using LowerCode = std::array<char, 3>;
constexpr auto kLowerCodes = [] {
    std::array<LowerCode, kCurrencies.size()> lower{};
    for (std::size_t i = 0; i < kCurrencies.size(); ++i)
        for (std::size_t k = 0; k < 3; ++k)
            lower[i][k] = static_cast<char>(kCurrencies[i].code[k] - 'A' + 'a');
    return lower;
}();

std::size_t row_of(std::uint16_t numeric) {
    KONTOR_ASSERT(numeric < kRowOfNumeric.size() && kRowOfNumeric[numeric] != kNone,
                  "a Currency exists only for listed codes");
    return kRowOfNumeric[numeric];
}

}  // namespace

std::optional<Currency> Currency::from_code(std::string_view alpha3) {
    if (alpha3.size() != 3) return std::nullopt;
    char upper[3];
    for (std::size_t i = 0; i < 3; ++i) {
        const char c = alpha3[i];
        // Only ASCII letters change, so that no locale decides what a currency is.
        upper[i] = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    const std::string_view wanted(upper, 3);
    const auto* found =
        std::lower_bound(kCurrencies.begin(), kCurrencies.end(), wanted,
                         [](const CurrencyRow& row, std::string_view code) { return row.code < code; });
    if (found == kCurrencies.end() || found->code != wanted) return std::nullopt;
    return Currency(found->numeric);
}

std::optional<Currency> Currency::from_numeric(std::uint16_t numeric) {
    if (numeric >= kRowOfNumeric.size() || kRowOfNumeric[numeric] == kNone) return std::nullopt;
    return Currency(numeric);
}

std::string_view Currency::code() const {
    return kCurrencies[row_of(numeric_)].code;
}

std::string_view Currency::lower_code() const {
    const LowerCode& lower = kLowerCodes[row_of(numeric_)];
    return {lower.data(), lower.size()};
}

unsigned Currency::exponent() const {
    return kCurrencies[row_of(numeric_)].exponent;
}

}  // namespace kontor::money
