#pragma once
// Keys and rows of the state, and the frame's own tables (docs/formats/state.md). Numbers are frozen.

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "kontor/base/assert.h"
#include "kontor/store/row_store.h"

namespace kontor::machine {

struct Scope {
    std::uint64_t merchant_no = 0;
    bool livemode = false;
    friend bool operator==(const Scope&, const Scope&) = default;
};
// Merchant 0: what concerns the installation.
inline constexpr Scope kInstanceScope{0, false};

// The frame's; each domain has its own (its tables.h).
namespace table {
inline constexpr store::TableId instance = 10;
inline constexpr store::TableId scope_heads = 16;
inline constexpr store::TableId idempotency = 17;
inline constexpr store::TableId idempotency_expiry = 18;
inline constexpr store::TableId due = 19;
inline constexpr store::TableId audit_records = 26;
inline constexpr store::TableId links = 27;
inline constexpr store::TableId outbox_due = 31;
}  // namespace table

// How much of a key says where its row lives: rows of one partition key are scanned together.
namespace partition_by {
// Objects of a merchant live at the merchant's, so that a list is one scan.
inline constexpr std::uint8_t merchant = 8;
inline constexpr std::uint8_t singleton = 1;
inline constexpr std::uint8_t whole_key = 0;
}  // namespace partition_by

// A key, built on the stack. Numbers are big-endian, so that byte order is number order.
class Key {
 public:
    Key& byte(char value) {
        KONTOR_ASSERT(size_ < bytes_.size(), "a key is too long");
        bytes_[size_++] = value;
        return *this;
    }
    Key& be32(std::uint32_t value) {
        const std::uint32_t swapped = __builtin_bswap32(value);
        return raw(&swapped, sizeof swapped);
    }
    Key& be64(std::uint64_t value) {
        const std::uint64_t swapped = __builtin_bswap64(value);
        return raw(&swapped, sizeof swapped);
    }
    Key& bytes(std::string_view value) { return raw(value.data(), value.size()); }
    Key& scope(Scope value) { return be64(value.merchant_no).byte(value.livemode ? '\x01' : '\x00'); }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

 private:
    Key& raw(const void* data, std::size_t size) {
        KONTOR_ASSERT(size <= bytes_.size() - size_, "a key is too long");
        if (size != 0) std::memcpy(bytes_.data() + size_, data, size);
        size_ += size;
        return *this;
    }
    std::array<char, store::kMaxKeyBytes> bytes_;
    std::size_t size_ = 0;
};

[[nodiscard]] inline Key object_key(Scope scope, std::uint64_t no) {
    return Key().scope(scope).be64(no);
}
// The first key behind all rows of a scope, in the same partition key.
[[nodiscard]] inline Key scope_end(Scope scope) {
    return Key().be64(scope.merchant_no).byte(scope.livemode ? '\x02' : '\x01');
}

// Singletons share one partition key: their first byte.
[[nodiscard]] inline Key instance_key() {
    return Key().byte('i');
}
[[nodiscard]] inline Key last_times_key() {
    return Key().byte('t');
}
// Where the log's UTC went back: entry -> nothing (times.h).
[[nodiscard]] inline Key utc_step_key(std::uint64_t index) {
    return Key().byte('u').be64(index);
}
inline constexpr std::size_t kHashBytes = 32;
[[nodiscard]] inline bool is_hash(std::string_view bytes) {
    return bytes.size() == kHashBytes;
}

// What belongs to what: (scope, parent, kind) -> children in the order of their numbers. Each domain names
// its own kinds, once.
enum class LinkKind : char {};
[[nodiscard]] inline Key link_key(Scope scope, std::uint64_t parent, LinkKind kind, std::uint64_t child) {
    return Key().scope(scope).be64(parent).byte(static_cast<char>(kind)).be64(child);
}
inline constexpr std::size_t kLinkKeyBytes = 8 + 1 + 8 + 1 + 8;

// What is to be done outside: a channel's call, a delivery. Each domain names its own kind.
enum class OutboxKind : char {};
[[nodiscard]] inline Key outbox_key(OutboxKind kind, std::int64_t due_ms, std::uint64_t no) {
    return Key().byte(static_cast<char>(kind)).be64(static_cast<std::uint64_t>(due_ms)).be64(no);
}

// Work that a Tick does when its moment has come. Each domain names its own kinds.
enum class DueKind : char {};
// Which of the entry's times a due time is compared with. Frozen numbers; a calendar of another zone or a
// test clock gets the next one.
enum class DueClock : char { machine = 0, utc = 1, running = 2 };
inline constexpr char kDuePartition = 'd';
// Kind and clock first: each pair is a queue of its own, and none hides behind another one's rows.
[[nodiscard]] inline Key due_queue_key(DueKind kind, DueClock clock) {
    return Key().byte(kDuePartition).byte(static_cast<char>(kind)).byte(static_cast<char>(clock));
}
[[nodiscard]] inline Key due_key(DueKind kind, DueClock clock, std::int64_t due_ms) {
    return due_queue_key(kind, clock).be64(static_cast<std::uint64_t>(due_ms));
}

// Index rows say all in their key.
inline constexpr std::string_view kIndexValue = "\x01";

// Rows that say what they cannot: the node stops, as with bytes that the store cannot trust.
class RowFailure : public store::StoreFailure {
 public:
    using store::StoreFailure::StoreFailure;
};
[[noreturn]] void row_failure(std::string_view table, std::string_view what);

template <typename T>
[[nodiscard]] T parse_row(std::string_view bytes, std::string_view table_name) {
    T message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) [[unlikely]]
        row_failure(table_name, "a row does not parse");
    return message;
}

template <typename T>
[[nodiscard]] std::optional<T> load(const store::Reader& rows, store::TableId table, const Key& key) {
    const auto bytes = rows.get(table, key.view());
    if (!bytes) return std::nullopt;
    return parse_row<T>(*bytes, "machine");
}

[[nodiscard]] std::int64_t load_integer(const store::Reader& rows, store::TableId table, const Key& key);
void store_integer(store::Writer& rows, store::TableId table, const Key& key, std::int64_t value);

}  // namespace kontor::machine
