#pragma once
// Rows of the ledger's tables as bytes: keys, checksums, loading and storing (docs/formats/ledger-rows.md).

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "kontor/base/crc32c.h"
#include "kontor/ledger/ledger.h"
#include "kontor/store/row_store.h"

namespace kontor::ledger {

inline constexpr store::TableId kAccountTable = 1;
inline constexpr store::TableId kTransferTable = 2;
inline constexpr store::TableId kPendingTable = 3;
inline constexpr store::TableId kExpiryTable = 4;
inline constexpr store::TableId kHistoryIndexTable = 5;
inline constexpr store::TableId kAccountListTable = 6;
inline constexpr store::TableId kFailedRunTable = 7;
inline constexpr store::TableId kFailedHeadTable = 8;

inline constexpr char kExpiryPartition = 'e';  // one partition key, so that one scan finds the oldest
inline constexpr std::string_view kExpiryValue = "\x01";

inline constexpr std::size_t kIdBytes = 16;
inline constexpr std::size_t kMaxBookBytes = 9;  // kind, owner; the house: kind alone

inline char* write_be64(char* out, std::uint64_t value) {
    const std::uint64_t swapped = __builtin_bswap64(value);
    std::memcpy(out, &swapped, sizeof swapped);
    return out + sizeof swapped;
}
inline char* write_row_key(char* out, Book book, Id128 id) {
    *out++ = static_cast<char>(book.kind);
    if (book.kind != Book::Kind::house) out = write_be64(out, book.owner);
    return write_be64(write_be64(out, id.high), id.low);
}

// Key of a row on the stack: the book, then the id, big-endian: byte order is number order.
class RowKey {
 public:
    RowKey(Book book, Id128 id)
        : size_(static_cast<std::size_t>(write_row_key(bytes_.data(), book, id) - bytes_.data())) {}
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

 private:
    std::array<char, kMaxBookBytes + kIdBytes> bytes_;
    std::size_t size_;
};

class ExpiryKey {
 public:
    ExpiryKey(std::uint64_t due_ms, Book book, Id128 id) {
        bytes_[0] = kExpiryPartition;
        const char* end = write_row_key(write_be64(bytes_.data() + 1, due_ms), book, id);
        size_ = static_cast<std::size_t>(end - bytes_.data());
    }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

 private:
    std::array<char, 1 + 8 + kMaxBookBytes + kIdBytes> bytes_;
    std::size_t size_;
};

inline constexpr std::size_t kHistoryIndexPartitionBytes = 1 + 8 + kIdBytes;
// One partition key an account, whatever its book: kind, owner, account, then the timestamp of the transfer
// in the value.
class HistoryIndexKey {
 public:
    HistoryIndexKey(Book book, Id128 account, std::uint64_t timestamp) {
        bytes_[0] = static_cast<char>(book.kind);
        char* out = write_be64(bytes_.data() + 1, book.owner);
        write_be64(write_be64(write_be64(out, account.high), account.low), timestamp);
    }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
    std::array<char, kHistoryIndexPartitionBytes + 8> bytes_;
};

inline constexpr std::size_t kBookPartitionBytes = 1 + 8;
// One partition key a book: kind, owner, then the timestamp of the account in the value.
class AccountListKey {
 public:
    AccountListKey(Book book, std::uint64_t timestamp) {
        bytes_[0] = static_cast<char>(book.kind);
        write_be64(write_be64(bytes_.data() + 1, book.owner), timestamp);
    }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
    std::array<char, kBookPartitionBytes + 8> bytes_;
};

// What the bytes of a key say; nullopt: they are no such key.
struct BookId {
    Book book;
    Id128 id;
    friend auto operator<=>(const BookId&, const BookId&) = default;
};
struct Expiry {
    std::uint64_t due_ms = 0;
    BookId transfer;
};
struct IndexRow {
    BookId account;
    std::uint64_t timestamp = 0;
};
[[nodiscard]] std::optional<BookId> parse_row_key(std::string_view key);
[[nodiscard]] std::optional<Expiry> parse_expiry_key(std::string_view key);
struct AccountListed {
    Book book;
    std::uint64_t timestamp = 0;
};
[[nodiscard]] std::optional<AccountListed> parse_account_list_key(std::string_view key);
[[nodiscard]] std::optional<IndexRow> parse_history_index_key(std::string_view key);
[[nodiscard]] std::optional<Id128> parse_id(std::string_view bytes);  // 16 bytes, big-endian

[[nodiscard]] std::string to_string(Id128 id);  // 32 hexadecimal digits
[[noreturn]] void row_failure(std::string_view what, Id128 id);

// Two CRC32C, each over one half of the bytes before the checksum: low 32 bits the first half. One CRC32C
// over all would miss one corruption in 2^32; two are as fast, since the processor runs both at once.
[[nodiscard]] inline std::uint64_t checksum_of_bytes(std::string_view bytes) {
    const std::size_t half = bytes.size() / 2 / 8 * 8;
    const std::uint64_t first = crc32c(bytes.substr(0, half));
    const std::uint64_t second = crc32c(bytes.substr(half));
    return first | (second << 32U);
}
template <typename Row>
[[nodiscard]] std::uint64_t checksum_of(const Row& row) {
    return checksum_of_bytes({reinterpret_cast<const char*>(&row), sizeof(Row) - sizeof(row.checksum)});
}

// Copies the row out of `bytes`; nullopt if these are not the intact bytes of the row `id`.
template <typename Row>
[[nodiscard]] std::optional<Row> decode_row(std::string_view bytes, Id128 id) {
    std::optional<Row> row;
    if (bytes.size() != sizeof(Row)) return row;
    row.emplace();
    std::memcpy(&*row, bytes.data(), sizeof(Row));
    if (row->checksum != checksum_of(*row) || row->id != id) row.reset();
    return row;
}

template <typename Row>
[[nodiscard]] std::optional<Row> load_row(const store::Reader& rows, store::TableId table, Book book,
                                          Id128 id, std::string_view name) {
    const std::optional<std::string_view> bytes = rows.get(table, RowKey(book, id).view());
    if (!bytes) return std::nullopt;
    std::optional<Row> row = decode_row<Row>(*bytes, id);
    if (!row) [[unlikely]]
        row_failure(std::string(name) + " does not match its checksum", id);
    return row;
}

template <typename Row>
void store_row(store::Writer& rows, store::TableId table, Book book, Row row) {
    row.checksum = checksum_of(row);
    rows.put(table, RowKey(book, row.id).view(), {reinterpret_cast<const char*>(&row), sizeof row});
}

// A row that another row says must exist.
template <typename Row>
[[nodiscard]] Row required(std::optional<Row> row, std::string_view name, Id128 id) {
    if (!row) [[unlikely]]
        row_failure(std::string(name) + " is missing", id);
    return *row;
}

}  // namespace kontor::ledger
