#include <gtest/gtest.h>

#include <cerrno>
#include <limits>
#include <memory>
#include <set>

#include "kontor/base/bytes.h"
#include "kontor/base/clock.h"
#include "kontor/base/crc32c.h"
#include "kontor/base/error.h"
#include "kontor/base/result.h"

namespace kontor {
namespace {

// Bit by bit from the definition: what table and processor instruction are held against.
std::uint32_t crc32c_by_definition(std::string_view bytes) {
    std::uint32_t crc = 0xFFFFFFFF;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? (crc >> 1U) ^ 0x82F63B78U : crc >> 1U;
    }
    return ~crc;
}

TEST(Crc32cTest, VectorsOfRfc3720) {
    EXPECT_EQ(crc32c(""), 0U);
    EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
    EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
    std::string rising;
    for (int i = 0; i < 32; ++i) rising.push_back(static_cast<char>(i));
    EXPECT_EQ(crc32c(rising), 0x46DD794EU);
    EXPECT_EQ(crc32c(std::string(rising.rbegin(), rising.rend())), 0x113FDB5CU);
}

TEST(Crc32cTest, EveryLengthAndAlignmentAgreesWithTheDefinition) {
    std::string bytes;
    for (int i = 0; i < 80; ++i) bytes.push_back(static_cast<char>(i * 37 + 11));
    for (std::size_t from = 0; from < 9; ++from)
        for (std::size_t n = 0; from + n <= bytes.size(); ++n) {
            const std::string_view part = std::string_view(bytes).substr(from, n);
            ASSERT_EQ(crc32c(part), crc32c_by_definition(part)) << from << " " << n;
        }
}

TEST(Crc32cTest, ContinuesFromAnEarlierResult) {
    const std::string_view all = "the quick brown fox jumps over the lazy dog";
    for (std::size_t cut = 0; cut <= all.size(); ++cut)
        EXPECT_EQ(crc32c(all.substr(cut), crc32c(all.substr(0, cut))), crc32c(all)) << cut;
}

TEST(BytesTest, BigEndianOrderIsNumberOrder) {
    const std::uint64_t numbers[] = {0, 1, 255, 256, 0x7FFFFFFF, 0x80000000, 1ULL << 40U, ~0ULL - 1, ~0ULL};
    std::string last;
    for (const std::uint64_t number : numbers) {
        std::string key;
        put_be64(key, number);
        ASSERT_EQ(key.size(), 8U);
        EXPECT_EQ(get_be64(key), number);
        EXPECT_TRUE(last.empty() || last < key) << number;
        last = key;
    }
    std::string four;
    put_be32(four, 0x01020384);
    EXPECT_EQ(four, std::string("\x01\x02\x03\x84", 4));
    EXPECT_EQ(get_be32(four), 0x01020384U);
}

TEST(BytesTest, LittleEndianFields) {
    std::string out;
    put_le<std::uint32_t>(out, 0x01020304);
    put_le<std::int64_t>(out, -2);
    EXPECT_EQ(out, std::string("\x04\x03\x02\x01\xfe\xff\xff\xff\xff\xff\xff\xff", 12));
    EXPECT_EQ(get_le<std::uint32_t>(out), 0x01020304U);
    EXPECT_EQ(get_le<std::int64_t>(std::string_view(out).substr(4)), -2);
}

TEST(BytesTest, Hex) {
    EXPECT_EQ(to_hex(""), "");
    EXPECT_EQ(to_hex(std::string("\x00\x7f\x80\xff", 4)), "007f80ff");
    EXPECT_EQ(from_hex("007F80fF"), std::string("\x00\x7f\x80\xff", 4));
    EXPECT_EQ(from_hex(""), "");
    for (const char* bad : {"0", "0g", "g0", " 0", "0x", "00 "}) EXPECT_FALSE(from_hex(bad)) << bad;
    std::string all;
    for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
    EXPECT_EQ(from_hex(to_hex(all)), all);
}

TEST(ErrorTest, DescribesItself) {
    EXPECT_EQ((Error{ErrorCode::corruption, "segment 3"}).describe(), "corruption: segment 3");
    std::set<std::string_view> names;
    for (int code = 1; code <= 15; ++code) names.insert(to_string(static_cast<ErrorCode>(code)));
    EXPECT_EQ(names.size(), 15U);
    EXPECT_FALSE(names.contains("unknown error"));
    EXPECT_EQ(to_string(static_cast<ErrorCode>(200)), "unknown error");
}

TEST(ErrorTest, AFullDiskIsToldApart) {
    EXPECT_EQ(errno_error("write", ENOSPC).code, ErrorCode::no_space);
    EXPECT_EQ(errno_error("write", EDQUOT).code, ErrorCode::no_space);
    const Error io = errno_error("open x", ENOENT);
    EXPECT_EQ(io.code, ErrorCode::io);
    EXPECT_EQ(io.message, "open x: No such file or directory");
}

Result<int> half(int n) {
    if (n % 2 != 0) return fail(ErrorCode::invalid_argument, "odd");
    return n / 2;
}
Result<int> quarter(int n) {
    KONTOR_TRY(const int once, half(n));
    KONTOR_TRY(const int twice, half(once));
    return twice;
}
Result<void> check(int n) {
    KONTOR_CHECK(n > 10 ? Result<void>(fail(ErrorCode::too_large, "above ten")) : Result<void>());
    return {};
}

TEST(ResultTest, ValuesErrorsAndTheirWayUp) {
    EXPECT_EQ(*quarter(12), 3);
    EXPECT_EQ(quarter(6).error().message, "odd");
    EXPECT_EQ(quarter(6).value_or(-1), -1);
    EXPECT_EQ(quarter(8).value_or(-1), 2);
    EXPECT_TRUE(check(10));
    EXPECT_EQ(check(11).error().code, ErrorCode::too_large);
    Result<std::unique_ptr<int>> movable(std::make_unique<int>(7));
    EXPECT_EQ(*std::move(movable).value(), 7);
}

TEST(ResultDeathTest, TheWrongSideIsABrokenInvariant) {
    EXPECT_DEATH((void)half(1).value(), "value\\(\\) of an error");
    EXPECT_DEATH((void)half(2).error(), "error\\(\\) of a value");
    EXPECT_DEATH((void)check(1).error(), "error\\(\\) of a value");
}

TEST(ClockTest, IsPlausibleAndMonotonic) {
    const Clock& clock = system_clock();
    EXPECT_GT(clock.wall_ms(), 1'600'000'000'000);
    const std::uint64_t before = clock.monotonic_ms();
    EXPECT_GE(clock.monotonic_ms(), before);
}

}  // namespace
}  // namespace kontor
