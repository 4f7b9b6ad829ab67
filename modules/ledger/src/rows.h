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

inline constexpr char kExpiryHome = 'e';  // one home, so that one scan finds the oldest
inline constexpr std::string_view kExpiryValue = "\x01";

// Big-endian bytes of an id, on the stack: byte order is number order.
class IdKey {
 public:
    explicit IdKey(Id128 id) {
        write_be64(bytes_.data(), id.high);
        write_be64(bytes_.data() + 8, id.low);
    }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

    static void write_be64(char* out, std::uint64_t value) {
        const std::uint64_t swapped = __builtin_bswap64(value);
        std::memcpy(out, &swapped, sizeof swapped);
    }

 private:
    std::array<char, 16> bytes_;
};

inline constexpr std::size_t kExpiryKeyBytes = 25;
class ExpiryKey {
 public:
    ExpiryKey(std::uint64_t due_ms, Id128 id) {
        bytes_[0] = kExpiryHome;
        IdKey::write_be64(bytes_.data() + 1, due_ms);
        IdKey::write_be64(bytes_.data() + 9, id.high);
        IdKey::write_be64(bytes_.data() + 17, id.low);
    }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
    std::array<char, kExpiryKeyBytes> bytes_;
};

// What the bytes of a key say; nullopt: they are no such key.
struct Expiry {
    std::uint64_t due_ms = 0;
    Id128 id;
};
[[nodiscard]] std::optional<Id128> parse_id_key(std::string_view key);
[[nodiscard]] std::optional<Expiry> parse_expiry_key(std::string_view key);

[[nodiscard]] std::string to_string(Id128 id);  // 32 hexadecimal digits
[[noreturn]] void row_failure(std::string_view what, Id128 id);

// Two CRC32C, each over one half of the bytes before the checksum: low 32 bits the first half. One CRC32C
// over all would miss one corruption in 2^32; two are as fast, since the processor runs both at once.
template <typename Row>
[[nodiscard]] std::uint64_t checksum_of(const Row& row) {
    constexpr std::size_t kBytes = sizeof(Row) - sizeof(row.checksum);
    constexpr std::size_t kFirst = kBytes / 2 / 8 * 8;
    const char* bytes = reinterpret_cast<const char*>(&row);
    const std::uint64_t first = crc32c({bytes, kFirst});
    const std::uint64_t second = crc32c({bytes + kFirst, kBytes - kFirst});
    return first | (second << 32U);
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
[[nodiscard]] std::optional<Row> load_row(const store::Reader& rows, store::TableId table, Id128 id,
                                          std::string_view name) {
    const std::optional<std::string_view> bytes = rows.get(table, IdKey(id).view());
    if (!bytes) return std::nullopt;
    std::optional<Row> row = decode_row<Row>(*bytes, id);
    if (!row) [[unlikely]]
        row_failure(std::string(name) + " does not match its checksum", id);
    return row;
}

template <typename Row>
void store_row(store::Writer& rows, store::TableId table, Row row) {
    row.checksum = checksum_of(row);
    rows.put(table, IdKey(row.id).view(), {reinterpret_cast<const char*>(&row), sizeof row});
}

// A row that another row says must exist.
template <typename Row>
[[nodiscard]] Row required(std::optional<Row> row, std::string_view name, Id128 id) {
    if (!row) [[unlikely]]
        row_failure(std::string(name) + " is missing", id);
    return *row;
}

}  // namespace kontor::ledger
