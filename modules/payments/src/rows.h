#pragma once
// Tables, keys and messages of payments as rows (docs/formats/state.md).

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "kontor/base/assert.h"
#include "kontor/payments/queries.h"
#include "kontor/store/row_store.h"

namespace kontor::payments {

// Frozen numbers.
namespace table {
inline constexpr store::TableId instance = 10;
inline constexpr store::TableId merchants = 11;
inline constexpr store::TableId api_keys = 12;
inline constexpr store::TableId operators = 13;
inline constexpr store::TableId sessions = 14;
inline constexpr store::TableId setup_tokens = 15;
inline constexpr store::TableId scope_heads = 16;
inline constexpr store::TableId idempotency = 17;
inline constexpr store::TableId idempotency_expiry = 18;
inline constexpr store::TableId due = 19;
inline constexpr store::TableId customers = 20;
inline constexpr store::TableId intents = 21;
inline constexpr store::TableId charges = 22;
inline constexpr store::TableId refunds = 23;
inline constexpr store::TableId balance_transactions = 24;
inline constexpr store::TableId webhook_endpoints = 25;
inline constexpr store::TableId journals = 26;
inline constexpr store::TableId links = 27;
inline constexpr store::TableId customer_emails = 28;
inline constexpr store::TableId deliveries = 29;
inline constexpr store::TableId attempts = 30;
inline constexpr store::TableId outbox_due = 31;
inline constexpr store::TableId unreleased = 32;
inline constexpr store::TableId release_debts = 33;
inline constexpr store::TableId merchant_keys = 34;
inline constexpr store::TableId cluster = 35;
}  // namespace table

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
// The first key behind all rows of a scope, in the same home.
[[nodiscard]] inline Key scope_end(Scope scope) {
    return Key().be64(scope.merchant_no).byte(scope.livemode ? '\x02' : '\x01');
}

// Singletons share one home: their first byte.
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
[[nodiscard]] inline Key last_ledger_timestamp_key() {
    return Key().byte('l');
}
[[nodiscard]] inline Key merchant_key(std::uint64_t no) {
    return Key().byte('m').be64(no);
}
[[nodiscard]] inline Key operator_key(std::uint64_t no) {
    return Key().byte('o').byte('#').be64(no);
}
[[nodiscard]] inline Key operator_name_key(std::string_view name) {
    return Key().byte('o').byte('n').bytes(name);
}
[[nodiscard]] inline Key cluster_key() {
    return Key().byte('c').byte('c');
}
[[nodiscard]] inline Key cluster_node_key(std::uint64_t no) {
    return Key().byte('c').byte('n').be64(no);
}
[[nodiscard]] inline Key join_token_key(std::string_view token_sha256) {
    return Key().byte('c').byte('t').bytes(token_sha256);
}
inline constexpr std::size_t kHashBytes = 32;

// What belongs to what: (scope, parent, kind) -> children in the order of their numbers.
enum class LinkKind : char {
    customer_intent = 'i',
    customer_charge = 'c',
    intent_charge = 'C',
    intent_refund = 'R',
    intent_journal = 'j',
    intent_attempt = 'a',
    charge_refund = 'r',
    event_delivery = 'd',
    endpoint_pending = 'p',  // deliveries that are not at their end
};
[[nodiscard]] inline Key link_key(Scope scope, std::uint64_t parent, LinkKind kind, std::uint64_t child) {
    return Key().scope(scope).be64(parent).byte(static_cast<char>(kind)).be64(child);
}
inline constexpr std::size_t kLinkKeyBytes = 8 + 1 + 8 + 1 + 8;

enum class OutboxKind : char { attempt = 'a', delivery = 'd' };
[[nodiscard]] inline Key outbox_key(OutboxKind kind, std::int64_t due_ms, std::uint64_t no) {
    return Key().byte(static_cast<char>(kind)).be64(static_cast<std::uint64_t>(due_ms)).be64(no);
}

// Work that a Tick does when its moment has come. Frozen numbers.
enum class DueKind : char {
    funds = 1,
    idempotency = 2,
    session = 3,
    setup_token = 4,
    stopped_endpoint = 5,
    join_token = 6,
    failed_ids = 7  // of the ledger
};
// Which of the entry's times a due time is compared with. Frozen numbers; a calendar of another zone or a
// test clock gets the next one.
enum class DueClock : char { machine = 0, utc = 1 };
inline constexpr char kDueHome = 'd';
// Kind and clock first: each pair is a queue of its own, and none hides behind another one's rows.
[[nodiscard]] inline Key due_queue_key(DueKind kind, DueClock clock) {
    return Key().byte(kDueHome).byte(static_cast<char>(kind)).byte(static_cast<char>(clock));
}
[[nodiscard]] inline Key due_key(DueKind kind, DueClock clock, std::int64_t due_ms) {
    return due_queue_key(kind, clock).be64(static_cast<std::uint64_t>(due_ms));
}

// Index rows say all in their key.
inline constexpr std::string_view kIndexValue = "\x01";

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
    return parse_row<T>(*bytes, "payments");
}

[[nodiscard]] std::int64_t load_integer(const store::Reader& rows, store::TableId table, const Key& key);
void store_integer(store::Writer& rows, store::TableId table, const Key& key, std::int64_t value);

}  // namespace kontor::payments
