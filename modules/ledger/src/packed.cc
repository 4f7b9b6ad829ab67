#include "kontor/ledger/packed.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"

namespace kontor::ledger {
namespace {

static_assert(std::endian::native == std::endian::little, "rows and columns are little-endian in memory");

constexpr char kVersion = 1;
constexpr std::size_t kHeadBytes = 1 + 2;

// How a column is written; frozen. kWide + n: n bytes a row.
constexpr unsigned char kZero = 0, kConstant = 1, kSequence = 2, kWide = 0x10;

struct Column {
    std::size_t offset;
    std::size_t bytes;  // 2, 4 or 8
};
// The two words of an id at `at`.
#define KONTOR_WORDS(Row, field)              \
    Column{offsetof(Row, field), 8}, Column { \
        offsetof(Row, field) + 8, 8           \
    }
#define KONTOR_FIELD(Row, field)                 \
    Column {                                     \
        offsetof(Row, field), sizeof(Row::field) \
    }

constexpr std::array kTransferColumns{
    KONTOR_WORDS(Transfer, id),
    KONTOR_WORDS(Transfer, debit_account),
    KONTOR_WORDS(Transfer, credit_account),
    KONTOR_FIELD(Transfer, amount),
    KONTOR_WORDS(Transfer, pending_id),
    KONTOR_WORDS(Transfer, user_data_128),
    KONTOR_FIELD(Transfer, user_data_64),
    KONTOR_FIELD(Transfer, user_data_32),
    KONTOR_FIELD(Transfer, timeout_s),
    KONTOR_FIELD(Transfer, ledger),
    KONTOR_FIELD(Transfer, code),
    KONTOR_FIELD(Transfer, flags),
    KONTOR_FIELD(Transfer, timestamp),
};
constexpr std::array kAccountColumns{
    KONTOR_WORDS(Account, id),
    KONTOR_FIELD(Account, debits_pending),
    KONTOR_FIELD(Account, debits_posted),
    KONTOR_FIELD(Account, credits_pending),
    KONTOR_FIELD(Account, credits_posted),
    KONTOR_WORDS(Account, user_data_128),
    KONTOR_FIELD(Account, user_data_64),
    KONTOR_FIELD(Account, user_data_32),
    KONTOR_FIELD(Account, ledger),
    KONTOR_FIELD(Account, code),
    KONTOR_FIELD(Account, flags),
    KONTOR_FIELD(Account, timestamp),
};
#undef KONTOR_WORDS
#undef KONTOR_FIELD

template <std::size_t Bytes>
std::uint64_t load(const char* at) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, Bytes);
    return value;
}

struct Shape {
    unsigned char mode = kZero;
    std::uint64_t first = 0;
};

template <std::size_t Bytes>
Shape shape_of(const char* rows, std::size_t stride, std::size_t count) {
    const std::uint64_t first = load<Bytes>(rows);
    std::uint64_t all = 0, differ = 0, unordered = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t value = load<Bytes>(rows + i * stride);
        all |= value;
        differ |= value ^ first;
        unordered |= value ^ (first + i);
    }
    if (differ == 0) return {first == 0 ? kZero : kConstant, first};
    if (unordered == 0) return {kSequence, first};
    const auto width = static_cast<unsigned>(std::bit_width(all) + 7) / 8;
    return {static_cast<unsigned char>(kWide + width), first};
}

template <std::size_t Bytes>
void pack_column(std::string& out, const char* rows, std::size_t stride, std::size_t count) {
    const Shape shape = shape_of<Bytes>(rows, stride, count);
    out.push_back(static_cast<char>(shape.mode));
    if (shape.mode == kZero) return;
    if (shape.mode < kWide) return put_le<std::uint64_t>(out, shape.first);
    const std::size_t width = shape.mode - kWide;
    const std::size_t at = out.size();
    // Eight bytes are stored each time and the next value goes over what is too much: room for the last one.
    out.resize(at + width * count + sizeof(std::uint64_t));
    char* to = out.data() + at;
    for (std::size_t i = 0; i < count; ++i, to += width) {
        const std::uint64_t value = load<Bytes>(rows + i * stride);
        std::memcpy(to, &value, sizeof value);
    }
    out.resize(at + width * count);
}

template <typename Row, std::size_t N>
std::string pack_rows(std::span<const Row> rows, const std::array<Column, N>& columns) {
    KONTOR_ASSERT(!rows.empty() && rows.size() <= kMaxBatch, "a batch has 1 to kMaxBatch requests");
    std::string out;
    out.reserve(kHeadBytes + N * 9 + rows.size() * 12);
    out.push_back(kVersion);
    put_le<std::uint16_t>(out, static_cast<std::uint16_t>(rows.size()));
    const char* base = reinterpret_cast<const char*>(rows.data());
    for (const Column& column : columns) {
        const char* at = base + column.offset;
        if (column.bytes == 8)
            pack_column<8>(out, at, sizeof(Row), rows.size());
        else if (column.bytes == 4)
            pack_column<4>(out, at, sizeof(Row), rows.size());
        else
            pack_column<2>(out, at, sizeof(Row), rows.size());
    }
    return out;
}

template <std::size_t Bytes>
void fill(char* rows, std::size_t stride, std::size_t count, std::uint64_t first, std::uint64_t step) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t value = first + step * i;
        std::memcpy(rows + i * stride, &value, Bytes);
    }
}

template <std::size_t Bytes>
bool unpack_column(std::string_view& in, char* rows, std::size_t stride, std::size_t count) {
    if (in.empty()) return false;
    const auto mode = static_cast<unsigned char>(in[0]);
    in.remove_prefix(1);
    if (mode == kZero) return true;  // the rows were made zero
    if (mode == kConstant || mode == kSequence) {
        if (in.size() < sizeof(std::uint64_t)) return false;
        fill<Bytes>(rows, stride, count, get_le<std::uint64_t>(in), mode == kSequence ? 1 : 0);
        in.remove_prefix(sizeof(std::uint64_t));
        return true;
    }
    const std::size_t width = mode - kWide;
    if (mode <= kWide || width > Bytes || in.size() < width * count) return false;
    for (std::size_t i = 0; i < count; ++i) {
        // Whole words where there is room behind; the bytes above the width are masked away.
        std::uint64_t value = 0;
        const char* from = in.data() + i * width;
        if (i * width + sizeof value <= in.size())
            std::memcpy(&value, from, sizeof value);
        else
            std::memcpy(&value, from, width);
        if (width < sizeof value) value &= (std::uint64_t{1} << (8 * width)) - 1;
        std::memcpy(rows + i * stride, &value, Bytes);
    }
    in.remove_prefix(width * count);
    return true;
}

template <typename Row, std::size_t N>
bool unpack_rows(std::string_view in, std::vector<Row>& out, const std::array<Column, N>& columns) {
    const std::size_t count = packed_count(in);
    if (count == 0) return false;
    out.assign(count, Row{});
    in.remove_prefix(kHeadBytes);
    char* base = reinterpret_cast<char*>(out.data());
    for (const Column& column : columns) {
        char* at = base + column.offset;
        const bool good = column.bytes == 8   ? unpack_column<8>(in, at, sizeof(Row), count)
                          : column.bytes == 4 ? unpack_column<4>(in, at, sizeof(Row), count)
                                              : unpack_column<2>(in, at, sizeof(Row), count);
        if (!good) return false;
    }
    return in.empty();
}

}  // namespace

std::string pack(std::span<const Transfer> requests) {
    return pack_rows(requests, kTransferColumns);
}
std::string pack(std::span<const Account> requests) {
    return pack_rows(requests, kAccountColumns);
}

std::size_t packed_count(std::string_view packed) {
    if (packed.size() < kHeadBytes || packed[0] != kVersion) return 0;
    const std::size_t count = get_le<std::uint16_t>(packed.substr(1));
    return count <= kMaxBatch ? count : 0;
}

bool unpack(std::string_view packed, std::vector<Transfer>& out) {
    return unpack_rows(packed, out, kTransferColumns);
}
bool unpack(std::string_view packed, std::vector<Account>& out) {
    return unpack_rows(packed, out, kAccountColumns);
}

}  // namespace kontor::ledger
