#pragma once
// The double-entry ledger: accounts and transfers, pure and deterministic.
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
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "kontor/store/row_store.h"

namespace kontor::ledger {

struct Id128 {
    std::uint64_t high = 0, low = 0;
    friend auto operator<=>(const Id128&, const Id128&) = default;
    [[nodiscard]] bool is_zero() const { return high == 0 && low == 0; }
    [[nodiscard]] bool is_max() const { return high == ~0ULL && low == ~0ULL; }
};

// A namespace of ids: accounts, transfers and time-outs of one book are invisible in every other. The house
// book is Kontor's own (payments, settlement); each merchant and mode has one behind the ledger API.
struct Book {
    enum class Kind : std::uint8_t { house = 0, test = 1, live = 2 };
    Kind kind = Kind::house;
    std::uint64_t owner = 0;  // merchant number; the house: 0
    friend auto operator<=>(const Book&, const Book&) = default;
};
inline constexpr Book kHouseBook{};
[[nodiscard]] constexpr Book book_of(std::uint64_t merchant_no, bool livemode) {
    return Book{livemode ? Book::Kind::live : Book::Kind::test, merchant_no};
}

// Ledger number: (ISO 4217 numeric << 1) | livemode. Test and live can never meet. Others are the API's own.
[[nodiscard]] constexpr std::uint32_t ledger_number(std::uint16_t currency_numeric, bool livemode) {
    return (static_cast<std::uint32_t>(currency_numeric) << 1U) | (livemode ? 1U : 0U);
}

enum AccountFlags : std::uint16_t {
    debits_must_not_exceed_credits = 1U << 0U,
    credits_must_not_exceed_debits = 1U << 1U,
    // 1U << 2U was `history`, before every account had one.
    frozen = 1U << 3U,
    closed = 1U << 4U,
};

// Stored as is (little-endian), keyed by book and id (big-endian). 128 bytes.
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
    std::uint32_t transfers = 0;  // how many touched it, modulo 2^32
    std::uint64_t timestamp = 0;  // log order: unique, strictly increasing over accounts and transfers
    Id128 last_transfer;  // the newest transfer that touched it: head of its history chain; zero: none
    std::uint64_t reserved2 = 0;
    std::uint64_t checksum = 0;  // over the preceding bytes; a mismatch is corruption
};
static_assert(sizeof(Account) == 128 && std::has_unique_object_representations_v<Account>);

// What may still leave (enter) an account under its limit, whether or not the limit's flag is set; never
// negative.
[[nodiscard]] std::uint64_t available_to_debit(const Account& account);
[[nodiscard]] std::uint64_t available_to_credit(const Account& account);

enum TransferFlags : std::uint16_t {
    linked = 1U << 0U,
    pending = 1U << 1U,
    post_pending = 1U << 2U,
    void_pending = 1U << 3U,
    balancing_debit = 1U << 4U,
    balancing_credit = 1U << 5U,
};

// Stored as is, keyed by id. 160 bytes. debit_previous/credit_previous: the previous transfer of the two
// accounts, which makes the history a chain without index rows (docs/adr/0003-history-chain.md).
// Callers set id … flags and leave the rest zero. `amount` as stored is what was moved: the clamped amount of
// a balancing transfer, the posted part of a post_pending, the whole reserved amount of a void_pending.
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
    Id128 debit_previous, credit_previous;  // zero: this is the account's first
    std::uint64_t checksum = 0;
};
static_assert(sizeof(Transfer) == 160 && std::has_unique_object_representations_v<Transfer>);

enum class PendingStatus : std::uint32_t { pending = 1, posted = 2, voided = 3, expired = 4 };

// What became of a pending transfer; the transfer itself is immutable. Stored as is, keyed by id. 64 bytes.
struct PendingState {
    Id128 id;                     // of the pending transfer
    Id128 resolved_by;            // the post or void transfer; zero while pending and when expired
    std::uint64_t remaining = 0;  // still reserved: the amount while pending, 0 afterwards
    std::uint64_t due_ms = 0;     // expired from this moment on; 0: never
    PendingStatus status = PendingStatus::pending;
    std::uint32_t reserved = 0;
    std::uint64_t checksum = 0;
};
static_assert(sizeof(PendingState) == 64 && std::has_unique_object_representations_v<PendingState>);

// Frozen numbers: they are in logs and on the wire. What each says about a retry is in one table, status.cc.
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
    debit_account_not_found = 24,
    credit_account_not_found = 25,
    accounts_must_have_the_same_ledger = 26,
    transfer_must_have_the_same_ledger = 27,
    pending_transfer_not_found = 28,
    pending_transfer_not_pending = 29,
    pending_transfer_has_different_accounts = 30,
    pending_transfer_has_different_ledger = 31,
    pending_transfer_has_different_code = 32,
    exceeds_pending_amount = 33,
    pending_transfer_already_posted = 34,
    pending_transfer_already_voided = 35,
    pending_transfer_expired = 36,
    exceeds_credits = 37,  // the debit account has not enough
    exceeds_debits = 38,   // the credit account's mirror image
    overflows_debits_pending = 39,
    overflows_credits_pending = 40,
    overflows_debits_posted = 41,
    overflows_credits_posted = 42,
    debit_account_frozen = 43,
    credit_account_frozen = 44,
    debit_account_closed = 45,
    credit_account_closed = 46,
    overflows_timeout = 47,
    chain_too_long = 48,
    timestamp_must_be_zero = 49,
    balances_must_be_zero = 50,                  // of a new account
    pending_transfer_has_different_amount = 51,  // void names an amount that is not the reserved one
    overflows_debits = 52,                       // debits_pending + debits_posted
    overflows_credits = 53,                      // credits_pending + credits_posted
    account_not_found = 54,                      // set_frozen, close_account
    account_not_settled = 55,                    // close_account: something pending, or the sides differ
    id_already_failed = 56,  // an earlier transfer of this id failed by a status that is kept
    debit_account_must_not_be_zero = 57,
    debit_account_must_not_be_max = 58,
    credit_account_must_not_be_zero = 59,
    credit_account_must_not_be_max = 60,
    pending_id_must_not_be_max = 61,
    pending_id_must_be_different = 62,  // from the id
};
inline constexpr std::uint16_t kStatusCount = 63;

enum class StatusKind : std::uint8_t {
    done,      // it is there
    never,     // wrong in itself: whatever is stored, this can never be
    stored,    // contradicts what is stored, for good
    changing,  // the same under a new id may have another answer later
};
struct StatusTraits {
    Status status;
    std::string_view name;
    StatusKind kind;
    // The id of a transfer that failed so stays failed (id_already_failed): the answer might change, and a
    // request that is sent twice must not pay the second time what it could not pay the first time.
    bool is_kept;
};
[[nodiscard]] const StatusTraits& traits_of(Status status);  // of a number that is a status
[[nodiscard]] std::string_view to_string(Status status);     // of any number

inline constexpr std::size_t kMaxBatch = 8192;
inline constexpr std::size_t kMaxChain = 8192;

// An id that failed is kept so long, at least, by the running time; at most twice as long.
inline constexpr std::uint64_t kFailedKeptMs = 24ULL * 3600 * 1000;
// So many a book keeps at once: 400 MB of a hostile merchant at 40 bytes each (measured: 17 to 27), and more
// than a busy one fails in two days.
inline constexpr std::uint64_t kMaxFailedIds = 10'000'000;

// Every so many transfers of an account, its history has an index row: a row that finds the chain by time.
inline constexpr std::uint32_t kHistoryIndexEvery = 64;

// Table ids 1..9 of the store belong to the ledger.
[[nodiscard]] std::span<const store::TableSpec> tables();

class FailedIds;

// One batch's view of one book of the ledger. Timestamps: first_timestamp, first_timestamp + 1, … in call
// order; the caller derives them from the log position (ObjectNo) and guarantees that they only grow. Every
// account and transfer that is `ok` (and ensure_account() when it creates) takes one; whatever fails takes
// none.
class Ledger {
 public:
    Ledger(store::Writer& rows, std::uint64_t now_ms, std::uint64_t first_timestamp);  // of the house
    // `running_ms`: what failed ids are kept by. It may stand still while nobody uses the ledger; what jumps
    // would forget them before a client has sent again.
    Ledger(store::Writer& rows, std::uint64_t now_ms, std::uint64_t first_timestamp, Book book,
           std::uint64_t running_ms);
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    // Statuses in input order; `linked` chains: all of them or none. Results are written only for ok.
    [[nodiscard]] std::vector<Status> create_accounts(std::span<const Account> accounts);
    [[nodiscard]] std::vector<Status> create_transfers(std::span<const Transfer> transfers);
    // All or nothing, for payments: the index and status of the first that failed, or ok.
    struct ChainOutcome {
        Status status = Status::ok;
        std::size_t index = 0;
    };
    [[nodiscard]] ChainOutcome create_linked(std::vector<Transfer> transfers);
    // Opens the account if there is none; an existing one with other ledger/code/flags is a broken invariant
    // (frozen and closed are state, not identity, and are not compared: here and in `exists`).
    void ensure_account(const Account& account);
    // A frozen account takes part in no transfer but voids and time-outs. ok also when it was so already.
    [[nodiscard]] Status set_frozen(Id128 account, bool value);
    // For ever. Refused unless nothing is pending and debits_posted == credits_posted.
    [[nodiscard]] Status close_account(Id128 account);
    // Voids pending transfers of all books whose timeout has passed, oldest first, at most `limit`; how many
    // it did.
    std::size_t expire_pending(std::size_t limit);

    // Ids that failed (all books but the house). May all of so many transfers fail? Otherwise the caller
    // refuses the batch: what cannot be kept must not be tried.
    [[nodiscard]] bool has_room(std::size_t transfers);
    // What was made so far was the first of its generation to be kept: from the moment on (running time)
    // drop_failed() is to be called for it.
    struct FailedBegan {
        std::uint64_t generation = 0;
        std::uint64_t drop_from_ms = 0;
    };
    [[nodiscard]] const std::optional<FailedBegan>& failed_began() const { return failed_began_; }
    // Removes rows of it, at most `limit`; how many it did. Less: all are gone.
    std::size_t drop_failed(std::uint64_t generation, std::size_t limit);

    [[nodiscard]] std::uint64_t next_timestamp() const { return next_timestamp_; }

 private:
    ChainOutcome run_chain(std::span<const Transfer> chain);
    FailedIds* failed();
    void flush_failed();
    store::Writer& rows_;
    Book book_;
    std::uint64_t now_ms_, running_ms_;
    std::uint64_t next_timestamp_;
    std::unique_ptr<FailedIds> failed_;  // read when first needed
    std::optional<FailedBegan> failed_began_;
};

// Reads. Any Reader.
[[nodiscard]] std::optional<Account> find_account(const store::Reader& rows, Id128 id,
                                                  Book book = kHouseBook);
[[nodiscard]] std::optional<Transfer> find_transfer(const store::Reader& rows, Id128 id,
                                                    Book book = kHouseBook);
[[nodiscard]] std::optional<PendingState> find_pending(const store::Reader& rows, Id128 pending_transfer,
                                                       Book book = kHouseBook);
// The next moment at which expire_pending() has work, in any book; nullopt: none.
[[nodiscard]] std::optional<std::uint64_t> next_expiry_ms(const store::Reader& rows);

// The accounts of a merchant's book, newest first, from the one of `timestamp_max` or the next older one,
// until `visit` returns false or `limit` were visited. Returns the next one; nullopt: there is none. Work: a
// row of the list and one of the account for each.
[[nodiscard]] std::optional<Id128> visit_accounts(const store::Reader& rows, Book book,
                                                  std::uint64_t timestamp_max, std::size_t limit,
                                                  const std::function<bool(const Account&)>& visit);

// Where a history that starts at `timestamp_max` (inclusive) begins: a transfer of the account that is newer
// than it by less than kHistoryIndexEvery transfers, or the newest one not above it. Zero: the account has no
// transfer.
[[nodiscard]] Id128 history_start(const store::Reader& rows, Id128 account, std::uint64_t timestamp_max,
                                  Book book = kHouseBook);

// The account's transfers, newest first, from `from` (inclusive; zero: the newest) until `visit` returns
// false or `limit` were visited. Returns where the next page starts; nullopt: that was the last one (also
// when the account does not exist, or `from` is not a transfer of it). Work: one row read per visited
// transfer.
[[nodiscard]] std::optional<Id128> visit_history(const store::Reader& rows, Id128 account, Id128 from,
                                                 std::size_t limit,
                                                 const std::function<bool(const Transfer&)>& visit,
                                                 Book book = kHouseBook);

// Recomputes every balance from the transfers (docs/ARCHITECTURE.md, promise 2). `visit_table` walks all rows
// of a table. Checks besides: checksums, debits equal credits in each ledger of each book, limits, pending
// states against the transfers that made and resolved them, the expiry index, the index rows, the lists of
// accounts, the ids that failed, and that every history chain holds each transfer exactly once. Memory: about
// 112 bytes an account plus 32 an unresolved pending transfer and 32 a run of 64 failed ids; independent of
// the number of transfers. Never throws for bad rows: it reports them. Rows of a table may come in any order.
struct VerifyReport {
    std::uint64_t accounts = 0, transfers = 0, ledgers = 0;
    std::uint64_t differences = 0;      // accounts whose stored balance is not the recomputed one
    std::vector<std::string> problems;  // first 100, for people
    [[nodiscard]] bool holds() const { return differences == 0 && problems.empty(); }
};
using TableVisitor = std::function<void(store::TableId, const store::Reader::Visitor&)>;
[[nodiscard]] VerifyReport verify(const TableVisitor& visit_table);

// The generations of failed ids that are kept: somebody has to drop each. Rows that do not match their
// checksum are left out, since verify() names them.
void visit_failed_generations(const TableVisitor& visit_table,
                              const std::function<void(Book, const Ledger::FailedBegan&)>& visit);

}  // namespace kontor::ledger
