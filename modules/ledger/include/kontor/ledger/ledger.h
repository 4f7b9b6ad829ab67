#pragma once
// The double-entry ledger: accounts and transfers, pure and deterministic (DESIGN 7).
//
// Every call reads and writes rows through the given store::Writer; time and order come from the caller.
// Threading: as the Writer. Errors: an outcome is a frozen status; nothing is written unless it is `ok`
// (a linked chain: unless all are ok). Limits: kMaxChain; amounts and balances are unsigned 64-bit minor
// units, overflow is a status.
//
// Balances:  available credit = credits_posted - debits_posted - debits_pending
// (what may still leave an account whose debits must not exceed its credits), and its mirror image.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kontor/store/row_store.h"

namespace kontor::ledger {

struct Id128 {
    std::uint64_t high = 0, low = 0;
    friend auto operator<=>(const Id128&, const Id128&) = default;
    [[nodiscard]] bool is_zero() const { return high == 0 && low == 0; }
    [[nodiscard]] bool is_max() const { return high == ~0ULL && low == ~0ULL; }
};

// Ledger number: (ISO 4217 numeric << 1) | livemode. Test and live can never meet. Others are the API's own.
[[nodiscard]] constexpr std::uint32_t ledger_number(std::uint16_t currency_numeric, bool livemode) {
    return (static_cast<std::uint32_t>(currency_numeric) << 1U) | (livemode ? 1U : 0U);
}

enum AccountFlags : std::uint16_t {
    debits_must_not_exceed_credits = 1U << 0U,
    credits_must_not_exceed_debits = 1U << 1U,
    history = 1U << 2U,
    frozen = 1U << 3U,
    closed = 1U << 4U,
};

// Stored as is (little-endian), keyed by id (big-endian). 128 bytes.
struct Account {
    Id128 id;
    std::uint64_t debits_pending = 0, debits_posted = 0;
    std::uint64_t credits_pending = 0, credits_posted = 0;
    Id128 user_data_128;
    std::uint64_t user_data_64 = 0;
    std::uint32_t user_data_32 = 0;
    std::uint32_t ledger = 0;
    std::uint16_t code = 0;
    std::uint16_t flags = 0;
    std::uint32_t reserved = 0;
    std::uint64_t timestamp = 0;   // log order: unique, strictly increasing over accounts and transfers
    std::uint64_t last_transfer = 0;  // timestamp of the newest transfer that touched it: head of its history chain
    std::uint64_t reserved2 = 0;
    std::uint64_t checksum = 0;  // over the preceding bytes; a mismatch is corruption
};
static_assert(sizeof(Account) == 128);

enum TransferFlags : std::uint16_t {
    linked = 1U << 0U,
    pending = 1U << 1U,
    post_pending = 1U << 2U,
    void_pending = 1U << 3U,
    balancing_debit = 1U << 4U,
    balancing_credit = 1U << 5U,
};

// Stored as is, keyed by id. 152 bytes. debit_previous/credit_previous: timestamps of the previous transfer of
// the two accounts, which makes the history a chain without index rows.
struct Transfer {
    Id128 id;
    Id128 debit_account, credit_account;
    std::uint64_t amount = 0;
    Id128 pending_id;
    Id128 user_data_128;
    std::uint64_t user_data_64 = 0;
    std::uint32_t user_data_32 = 0;
    std::uint32_t timeout_s = 0;  // pending only; 0: none
    std::uint32_t ledger = 0;
    std::uint16_t code = 0;
    std::uint16_t flags = 0;
    std::uint64_t timestamp = 0;
    std::uint64_t debit_previous = 0, credit_previous = 0;
    std::uint64_t reserved = 0;
    std::uint64_t checksum = 0;
};
static_assert(sizeof(Transfer) == 152);

// Frozen numbers: they are in logs and on the wire. `transient`: a retry may have another answer.
enum class Status : std::uint16_t {
    ok = 0,
    linked_event_failed = 1,
    linked_event_chain_open = 2,
    id_must_not_be_zero = 3,
    id_must_not_be_max = 4,
    flags_are_mutually_exclusive = 5,
    reserved_flag = 6,
    ledger_must_not_be_zero = 7,
    code_must_not_be_zero = 8,
    exists = 9,
    exists_with_different_flags = 10,
    exists_with_different_ledger = 11,
    exists_with_different_code = 12,
    exists_with_different_user_data = 13,
    exists_with_different_debit_account = 14,
    exists_with_different_credit_account = 15,
    exists_with_different_amount = 16,
    exists_with_different_pending_id = 17,
    exists_with_different_timeout = 18,
    accounts_must_be_different = 19,
    amount_must_not_be_zero = 20,
    pending_id_must_be_zero = 21,
    pending_id_must_not_be_zero = 22,
    timeout_reserved_for_pending = 23,
    debit_account_not_found = 24,      // transient
    credit_account_not_found = 25,     // transient
    accounts_must_have_the_same_ledger = 26,
    transfer_must_have_the_same_ledger = 27,
    pending_transfer_not_found = 28,   // transient
    pending_transfer_not_pending = 29,
    pending_transfer_has_different_accounts = 30,
    pending_transfer_has_different_ledger = 31,
    pending_transfer_has_different_code = 32,
    exceeds_pending_amount = 33,
    pending_transfer_already_posted = 34,
    pending_transfer_already_voided = 35,
    pending_transfer_expired = 36,
    exceeds_credits = 37,              // transient: the debit account has not enough
    exceeds_debits = 38,               // transient: the credit account's mirror image
    overflows_debits_pending = 39,     // transient
    overflows_credits_pending = 40,    // transient
    overflows_debits_posted = 41,      // transient
    overflows_credits_posted = 42,     // transient
    debit_account_frozen = 43,         // transient
    credit_account_frozen = 44,        // transient
    debit_account_closed = 45,
    credit_account_closed = 46,
    overflows_timeout = 47,
    chain_too_long = 48,
    timestamp_must_be_zero = 49,
    balances_must_be_zero = 50,        // of a new account
};
[[nodiscard]] std::string_view to_string(Status status);
[[nodiscard]] bool is_transient(Status status);

inline constexpr std::size_t kMaxBatch = 8192;
inline constexpr std::size_t kMaxChain = 8192;

// Table ids 1..9 of the store belong to the ledger.
[[nodiscard]] std::span<const store::TableSpec> tables();

// One batch's view of the ledger. Timestamps: first_timestamp, first_timestamp + 1, … in call order; the
// caller derives them from the log position (ObjectNo) and guarantees that they only grow.
class Ledger {
 public:
    Ledger(store::Writer& rows, std::uint64_t now_ms, std::uint64_t first_timestamp)
        : rows_(rows), now_ms_(now_ms), next_timestamp_(first_timestamp) {}

    // Statuses in input order; `linked` chains as in DESIGN 7. Results are written only for ok.
    [[nodiscard]] std::vector<Status> create_accounts(std::span<const Account> accounts);
    [[nodiscard]] std::vector<Status> create_transfers(std::span<const Transfer> transfers);
    // All or nothing, for payments: the index and status of the first that failed, or ok.
    struct ChainOutcome {
        Status status = Status::ok;
        std::size_t index = 0;
    };
    [[nodiscard]] ChainOutcome create_linked(std::vector<Transfer> transfers);
    // Opens the account if there is none; an existing one with other ledger/code/flags is a broken invariant.
    void ensure_account(const Account& account);
    // Voids pending transfers whose timeout has passed, oldest first, at most `limit`; how many it did.
    std::size_t expire_pending(std::size_t limit);

 private:
    store::Writer& rows_;
    std::uint64_t now_ms_;
    std::uint64_t next_timestamp_;
};

// Reads. Any Reader.
[[nodiscard]] std::optional<Account> find_account(const store::Reader& rows, Id128 id);
[[nodiscard]] std::optional<Transfer> find_transfer(const store::Reader& rows, Id128 id);
// The next moment at which expire_pending() has work; nullopt: none.
[[nodiscard]] std::optional<std::uint64_t> next_expiry_ms(const store::Reader& rows);

// Recomputes every balance from the transfers (DESIGN 1, promise 2). `visit_table` walks all rows of a table.
// Memory: one map of accounts; see the implementation for the bound.
struct VerifyReport {
    std::uint64_t accounts = 0, transfers = 0, ledgers = 0;
    std::uint64_t differences = 0;            // accounts whose stored balance is not the recomputed one
    std::vector<std::string> problems;        // first 100, for people
    [[nodiscard]] bool holds() const { return differences == 0 && problems.empty(); }
};
using TableVisitor = std::function<void(store::TableId, const store::Reader::Visitor&)>;
[[nodiscard]] VerifyReport verify(const TableVisitor& visit_table);

}  // namespace kontor::ledger
