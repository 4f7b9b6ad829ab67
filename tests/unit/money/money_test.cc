#include "kontor/money/money.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "currency_table.h"

namespace kontor::money {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

Currency of(std::string_view code) {
    const auto currency = Currency::from_code(code);
    EXPECT_TRUE(currency) << code;
    return *currency;
}

TEST(CurrencyTest, EveryRowIsFoundByCodeAndNumber) {
    std::set<std::uint16_t> numbers;
    for (const CurrencyRow& row : kCurrencies) {
        const auto by_code = Currency::from_code(row.code);
        const auto by_number = Currency::from_numeric(row.numeric);
        ASSERT_TRUE(by_code && by_number) << row.code;
        EXPECT_EQ(*by_code, *by_number);
        EXPECT_EQ(by_code->code(), row.code);
        EXPECT_EQ(by_code->exponent(), row.exponent);
        EXPECT_EQ(Currency::from_code(by_code->lower_code()), by_code);
        EXPECT_TRUE(numbers.insert(row.numeric).second) << row.code;
    }
    EXPECT_EQ(numbers.size(), 156U);
}

TEST(CurrencyTest, WellKnownOnes) {
    EXPECT_EQ(of("EUR").numeric(), 978);
    EXPECT_EQ(of("usd").numeric(), 840);
    EXPECT_EQ(of("CnY").numeric(), 156);
    EXPECT_EQ(of("ALL").numeric(), 8);
    EXPECT_EQ(of("eur").lower_code(), "eur");
}

TEST(CurrencyTest, ExponentsOfTheStandard) {
    const std::set<std::string_view> none = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW",
                                             "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"};
    const std::set<std::string_view> three = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};
    for (const CurrencyRow& row : kCurrencies) {
        const unsigned wanted = none.contains(row.code)    ? 0
                                : three.contains(row.code) ? 3
                                : row.code == "CLF"        ? 4
                                                           : 2;
        EXPECT_EQ(of(row.code).exponent(), wanted) << row.code;
    }
}

TEST(CurrencyTest, WhatIsNotListedDoesNotExist) {
    for (const char* code : {"", "E", "EU", "EURO", "XAU", "XXX", "XTS", "CHE", "USN", "HRK", "BGN", "ANG",
                             "E R", "\xC3\x89R", "EU\0", "123"})
        EXPECT_FALSE(Currency::from_code(code)) << code;
    for (const std::uint16_t numeric : std::initializer_list<std::uint16_t>{0, 1, 999, 1000, 65535})
        EXPECT_FALSE(Currency::from_numeric(numeric));
}

TEST(MoneyTest, AddsAndSubtractsExactly) {
    const Money a(150, of("EUR"));
    const Money b(-50, of("EUR"));
    EXPECT_EQ(a.plus(b), Money(100, of("EUR")));
    EXPECT_EQ(a.minus(b), Money(200, of("EUR")));
    EXPECT_EQ(b.minus(a), Money(-200, of("EUR")));
}

TEST(MoneyTest, OverflowIsNulloptAtTheEdge) {
    const Currency eur = of("EUR");
    EXPECT_EQ(Money(kMax - 1, eur).plus(Money(1, eur)), Money(kMax, eur));
    EXPECT_FALSE(Money(kMax, eur).plus(Money(1, eur)));
    EXPECT_EQ(Money(-kMax + 1, eur).minus(Money(1, eur)), Money(-kMax, eur));
    EXPECT_FALSE(Money(-kMax, eur).minus(Money(1, eur)));  // -2^63 is outside of |minor| < 2^63
    EXPECT_FALSE(Money(-kMax, eur).plus(Money(-kMax, eur)));
    EXPECT_FALSE(Money(kMax, eur).minus(Money(-1, eur)));
}

TEST(MoneyTest, ShareIsFloorAndExact) {
    const Currency eur = of("EUR");
    EXPECT_EQ(Money(1000, eur).share(290).minor(), 29);
    EXPECT_EQ(Money(999, eur).share(290).minor(), 28);  // 28.971
    EXPECT_EQ(Money(1, eur).share(9'999).minor(), 0);
    EXPECT_EQ(Money(0, eur).share(10'000).minor(), 0);
    EXPECT_EQ(Money(kMax, eur).share(10'000).minor(), kMax);
    EXPECT_EQ(Money(kMax, eur).share(1).minor(), kMax / 10'000);
}

TEST(MoneyTest, Display) {
    EXPECT_EQ(Money(1234, of("EUR")).display(), "12.34 EUR");
    EXPECT_EQ(Money(5, of("EUR")).display(), "0.05 EUR");
    EXPECT_EQ(Money(-5, of("EUR")).display(), "-0.05 EUR");
    EXPECT_EQ(Money(0, of("JPY")).display(), "0 JPY");
    EXPECT_EQ(Money(1234, of("KWD")).display(), "1.234 KWD");
    EXPECT_EQ(Money(1, of("CLF")).display(), "0.0001 CLF");
    EXPECT_EQ(Money(std::numeric_limits<std::int64_t>::min(), of("JPY")).display(),
              "-9223372036854775808 JPY");
}

TEST(MoneyDeathTest, MixedCurrenciesAreABrokenInvariant) {
    EXPECT_DEATH((void)Money(1, of("EUR")).plus(Money(1, of("USD"))), "two currencies");
    EXPECT_DEATH((void)Money(1, of("EUR")).minus(Money(1, of("USD"))), "two currencies");
    EXPECT_DEATH((void)Money(-1, of("EUR")).share(1), "negative");
}

}  // namespace
}  // namespace kontor::money
