#include "kontor/ledger/ledger.h"

#include <algorithm>

#include "evaluate.h"
#include "kontor/base/assert.h"
#include "rows.h"

namespace kontor::ledger {
namespace {

bool is_linked(const Transfer& transfer) {
    return (transfer.flags & linked) != 0;
}

// The chain at the front: everything up to and with the first transfer that is not linked; all of it if there
// is none.
std::size_t chain_length(std::span<const Transfer> transfers) {
    std::size_t length = 0;
    while (length < transfers.size() && is_linked(transfers[length])) ++length;
    return length < transfers.size() ? length + 1 : length;
}

// Asks for the rows of a batch before their transfers are evaluated, since these rows lie at random places of
// memory: first where they are noted, then the rows. How far ahead: what a line of memory takes, divided by
// what evaluating a transfer takes, with some to spare.
class LookAhead {
 public:
    LookAhead(const store::Reader& rows, Book book, std::span<const Transfer> transfers)
        : rows_(rows), book_(book), transfers_(transfers) {
        if (transfers.size() < kWorthIt) return;
        for (std::size_t i = 0; i < std::min(kIndexAhead, transfers.size()); ++i) fetch_index(transfers[i]);
        for (std::size_t i = 0; i < std::min(kRowsAhead, transfers.size()); ++i) fetch_rows(transfers[i]);
    }
    // Before the transfer `at` is evaluated.
    void step(std::size_t at) const {
        if (at + kIndexAhead < transfers_.size()) fetch_index(transfers_[at + kIndexAhead]);
        if (transfers_.size() >= kWorthIt && at + kRowsAhead < transfers_.size())
            fetch_rows(transfers_[at + kRowsAhead]);
    }

 private:
    static constexpr std::size_t kWorthIt = 4, kRowsAhead = 6, kIndexAhead = 12;
    void fetch_index(const Transfer& transfer) const {
        rows_.prefetch(kTransferTable, RowKey(book_, transfer.id).view(), store::Fetch::index);
        rows_.prefetch(kAccountTable, RowKey(book_, transfer.debit_account).view(), store::Fetch::index);
        rows_.prefetch(kAccountTable, RowKey(book_, transfer.credit_account).view(), store::Fetch::index);
    }
    void fetch_rows(const Transfer& transfer) const {
        rows_.prefetch(kAccountTable, RowKey(book_, transfer.debit_account).view(), store::Fetch::row);
        rows_.prefetch(kAccountTable, RowKey(book_, transfer.credit_account).view(), store::Fetch::row);
    }

    const store::Reader& rows_;
    Book book_;
    std::span<const Transfer> transfers_;
};

}  // namespace

Ledger::Ledger(store::Writer& rows, std::uint64_t now_ms, std::uint64_t first_timestamp)
    : Ledger(rows, now_ms, first_timestamp, kHouseBook, 0) {}
Ledger::Ledger(store::Writer& rows, std::uint64_t now_ms, std::uint64_t first_timestamp, Book book,
               std::uint64_t running_ms)
    : rows_(rows), book_(book), now_ms_(now_ms), running_ms_(running_ms), next_timestamp_(first_timestamp) {}
Ledger::~Ledger() = default;

// The house names its transfers by its own numbers, and never sends one again.
FailedIds* Ledger::failed() {
    if (failed_ == nullptr && book_.kind != Book::Kind::house)
        failed_ = std::make_unique<FailedIds>(rows_, book_, running_ms_);
    return failed_.get();
}

void Ledger::flush_failed() {
    if (failed_ == nullptr) return;
    if (const auto generation = failed_->flush())
        failed_began_ = FailedBegan{*generation, generation_ends_ms(*generation)};
}

bool Ledger::has_room(std::size_t transfers) {
    return failed() == nullptr || failed()->count() + transfers <= kMaxFailedIds;
}

std::size_t Ledger::drop_failed(std::uint64_t generation, std::size_t limit) {
    return FailedIds::drop(rows_, book_, generation, limit);
}

namespace {
// Of a member of a chain whose status says that it can never succeed: a balancing pending transfer before it,
// in the same chain, may find more next time.
bool may_change_in_chain(const Overlay& overlay, const Transfer& request, Status status) {
    return (status == Status::exceeds_pending_amount ||
            status == Status::pending_transfer_has_different_amount) &&
           overlay.transfers.contains(request.pending_id);
}
}  // namespace

Ledger::ChainOutcome Ledger::run_chain(std::span<const Transfer> chain) {
    if (chain.size() > kMaxChain) return {Status::chain_too_long, kMaxChain};
    if (is_linked(chain.back())) return {Status::linked_event_chain_open, chain.size() - 1};
    Overlay overlay;
    RowView view(rows_, book_, &overlay, failed());
    Changes changes;
    for (std::size_t i = 0; i < chain.size(); ++i) {
        const Status status = evaluate(view, chain[i], now_ms_, next_timestamp_ + i, changes);
        if (status != Status::ok) {
            const bool keep = traits_of(status).is_kept || may_change_in_chain(overlay, chain[i], status);
            if (keep && failed() != nullptr) failed()->add(chain[i].id);
            return {status, i};
        }
        view.apply(changes);
    }
    overlay.flush(rows_, book_);
    next_timestamp_ += chain.size();
    return {};
}

std::vector<Status> Ledger::create_transfers(std::span<const Transfer> transfers) {
    std::vector<Status> statuses(transfers.size(), Status::ok);
    RowView view(rows_, book_, nullptr, failed());
    Changes changes;
    const LookAhead ahead(rows_, book_, transfers);
    for (std::size_t i = 0; i < transfers.size();) {
        ahead.step(i);
        if (!is_linked(transfers[i])) {
            statuses[i] = evaluate(view, transfers[i], now_ms_, next_timestamp_, changes);
            if (statuses[i] == Status::ok) {
                view.apply(changes);
                ++next_timestamp_;
            } else if (failed_ != nullptr && traits_of(statuses[i]).is_kept) {
                failed_->add(transfers[i].id);
            }
            ++i;
            continue;
        }
        const std::size_t length = chain_length(transfers.subspan(i));
        const ChainOutcome outcome = run_chain(transfers.subspan(i, length));
        if (outcome.status != Status::ok) {
            for (std::size_t j = 0; j < length; ++j) statuses[i + j] = Status::linked_event_failed;
            statuses[i + outcome.index] = outcome.status;
        }
        i += length;
    }
    flush_failed();
    return statuses;
}

Ledger::ChainOutcome Ledger::create_linked(std::vector<Transfer> transfers) {
    if (transfers.empty()) return {};
    for (Transfer& transfer : transfers) transfer.flags = static_cast<std::uint16_t>(transfer.flags | linked);
    transfers.back().flags = static_cast<std::uint16_t>(transfers.back().flags & ~unsigned{linked});
    const ChainOutcome outcome = run_chain(transfers);
    flush_failed();
    return outcome;
}

std::size_t Ledger::expire_pending(std::size_t limit) {
    if (limit == 0) return 0;
    std::vector<Expiry> due;  // first, since a scan's views end with the next write
    const std::string low(1, kExpiryPartition);
    rows_.scan(kExpiryTable, low, {}, store::Direction::ascending,
               [&](std::string_view key, std::string_view) {
                   const auto expiry = parse_expiry_key(key);
                   if (!expiry) row_failure("expiry index has a key of another shape", Id128{});
                   if (expiry->due_ms > now_ms_) return false;
                   due.push_back(*expiry);
                   return due.size() < limit;
               });
    for (const Expiry& expiry : due) {
        const auto [book, id] = expiry.transfer;
        PendingState state = required(find_pending(rows_, id, book), "pending state", id);
        if (state.status != PendingStatus::pending || state.due_ms != expiry.due_ms) {
            row_failure("expiry index names a transfer that is not due", id);
        }
        const Transfer transfer = required(find_transfer(rows_, id, book), "pending transfer", id);
        Account debit =
            required(find_account(rows_, transfer.debit_account, book), "account", transfer.debit_account);
        Account credit =
            required(find_account(rows_, transfer.credit_account, book), "account", transfer.credit_account);
        release_reservation(debit, credit, transfer.amount);
        state.status = PendingStatus::expired;
        state.remaining = 0;
        store_row(rows_, kAccountTable, book, debit);
        store_row(rows_, kAccountTable, book, credit);
        store_pending(rows_, book, state);
    }
    return due.size();
}

std::optional<std::uint64_t> next_expiry_ms(const store::Reader& rows) {
    std::optional<std::uint64_t> next;
    const std::string low(1, kExpiryPartition);
    rows.scan(kExpiryTable, low, {}, store::Direction::ascending,
              [&](std::string_view key, std::string_view) {
                  const auto expiry = parse_expiry_key(key);
                  if (!expiry) row_failure("expiry index has a key of another shape", Id128{});
                  next = expiry->due_ms;
                  return false;
              });
    return next;
}

std::optional<Id128> visit_accounts(const store::Reader& rows, Book book, std::uint64_t timestamp_max,
                                    std::size_t limit, const std::function<bool(const Account&)>& visit) {
    KONTOR_ASSERT(book.kind != Book::Kind::house, "the house has no list of accounts");
    std::vector<Id128> ids;  // first, since a scan's views end with the next read
    const auto high = timestamp_max == ~std::uint64_t{0}
                          ? std::string()
                          : std::string(AccountListKey(book, timestamp_max + 1).view());
    rows.scan(kAccountListTable, AccountListKey(book, 0).view(), high, store::Direction::descending,
              [&](std::string_view, std::string_view value) {
                  const auto id = parse_id(value);
                  if (!id) row_failure("list of accounts has a row of another shape", Id128{});
                  ids.push_back(*id);
                  return ids.size() <= limit;
              });
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (i == limit) return ids[i];
        if (visit(required(find_account(rows, ids[i], book), "account of the list", ids[i]))) continue;
        return i + 1 < ids.size() ? std::optional(ids[i + 1]) : std::nullopt;
    }
    return std::nullopt;
}

Id128 history_start(const store::Reader& rows, Id128 account, std::uint64_t timestamp_max, Book book) {
    std::optional<Id128> start;
    // The first index row above the time is less than kHistoryIndexEvery transfers away from it.
    if (timestamp_max != ~std::uint64_t{0}) {
        rows.scan(kHistoryIndexTable, HistoryIndexKey(book, account, timestamp_max + 1).view(), {},
                  store::Direction::ascending, [&](std::string_view, std::string_view value) {
                      start = parse_id(value);
                      if (!start) row_failure("index row of another shape", account);
                      return false;
                  });
    }
    if (start) return *start;
    const auto row = find_account(rows, account, book);
    return row ? row->last_transfer : Id128{};
}

std::optional<Id128> visit_history(const store::Reader& rows, Id128 account, Id128 from, std::size_t limit,
                                   const std::function<bool(const Transfer&)>& visit, Book book) {
    Id128 next = from;
    if (next.is_zero()) {
        const auto row = find_account(rows, account, book);
        if (!row) return std::nullopt;
        next = row->last_transfer;
    } else {
        const auto start = find_transfer(rows, from, book);
        if (!start || (start->debit_account != account && start->credit_account != account))
            return std::nullopt;
    }
    for (std::size_t visited = 0; !next.is_zero() && visited < limit; ++visited) {
        const Transfer transfer =
            required(find_transfer(rows, next, book), "transfer of a history chain", next);
        if (transfer.debit_account == account) {
            next = transfer.debit_previous;
        } else if (transfer.credit_account == account) {
            next = transfer.credit_previous;
        } else {
            row_failure("history chain reaches a transfer of other accounts", transfer.id);
        }
        if (!visit(transfer)) break;
    }
    if (next.is_zero()) return std::nullopt;
    return next;
}

}  // namespace kontor::ledger
