// The proof that no cent was lost or invented: balances recomputed from the transfers, in one pass over each
// table.
//
// A row can only be visited, not looked up, and memory must not grow with the number of transfers. So
// relations between rows are compared as sets by fingerprint: the sum (order-independent) of a 64-bit hash of
// each member. Equal sets have equal sums; by chance, different ones have too once in 2^64.

#include <algorithm>
#include <map>
#include <type_traits>

#include "account_table.h"
#include "failed_ids.h"
#include "rows.h"

namespace kontor::ledger {
namespace {

constexpr std::size_t kMaxProblems = 100;
using Wide = unsigned __int128;

// Both sides of one ledger, exact.
struct LedgerTotals {
    Wide debits_pending = 0, debits_posted = 0, credits_pending = 0, credits_posted = 0;  // as stored
    Wide pending = 0, posted = 0;                                                         // of the transfers
};

struct OpenPending {
    BookId id;
    std::uint64_t amount = 0;
    bool seen = false;  // its transfer was visited
};

class Verifier {
 public:
    explicit Verifier(const TableVisitor& visit_table) : visit_table_(visit_table) {}

    VerifyReport run() {
        read_accounts();
        read_pending_states();
        read_transfers();
        read_expiries();
        read_index_rows();
        read_account_lists();
        read_failed_ids();
        compare();
        return std::move(report_);
    }

 private:
    void problem(std::string text) {
        ++problem_count_;
        if (report_.problems.size() < kMaxProblems) report_.problems.push_back(std::move(text));
    }

    // Visits the intact rows of a table; each other one is a problem.
    template <typename Row, typename Visit>
    void each_row(store::TableId table, const char* name, Visit visit) {
        visit_table_(table, [&](std::string_view key, std::string_view value) {
            const auto id = parse_row_key(key);
            const auto row = id ? decode_row<Row>(value, id->id) : std::nullopt;
            if (row) {
                visit(*row, id->book);
            } else {
                problem(std::string(name) + " " + (id ? to_string(id->id) : "with a bad key") +
                        ": does not match its checksum");
            }
            return true;
        });
    }

    void read_accounts();
    void read_pending_states();
    void read_transfers();
    void read_expiries();
    void read_index_rows();
    void read_account_lists();
    void read_failed_ids();
    void read_failed_run(std::string_view key, std::string_view value);
    void add_transfer(const Transfer& transfer, Book book);
    void add_side(const BookId& account, const Transfer& transfer, Id128 previous, bool is_debit,
                  std::uint64_t pending, std::uint64_t posted);
    void compare();
    void compare_account(const AccountSums& account);
    void compare_sets();

    const TableVisitor& visit_table_;
    VerifyReport report_;
    std::uint64_t problem_count_ = 0;
    AccountTable accounts_;
    std::map<std::pair<Book, std::uint32_t>, LedgerTotals> ledgers_;
    std::vector<OpenPending> open_;  // sorted by id

    // Fingerprints and counts of sets that must be equal, left as the transfers say, right as the other rows
    // say.
    struct SetPair {
        std::uint64_t left = 0, right = 0, left_count = 0, right_count = 0;
        void add_left(std::uint64_t hash) { left += hash, ++left_count; }
        void add_right(std::uint64_t hash) { right += hash, ++right_count; }
        [[nodiscard]] bool equal() const { return left == right && left_count == right_count; }
    };
    std::uint64_t index_rows_ = 0, index_due_ = 0;
    SetPair states_;       // pending transfers | pending states
    SetPair resolutions_;  // posts and voids | states that say by whom they were resolved
    SetPair expiries_;     // unresolved states with a due time | expiry index
    SetPair lists_;        // accounts of merchants' books | the lists of them

    struct FailedSums {
        std::uint64_t count = 0;                    // as the head says, less what was visited
        Id128 greatest;                             // as the head says
        std::vector<std::pair<Id128, Id128>> runs;  // the first and last id of each, in any order
    };
    std::map<std::pair<Book, std::uint64_t>, FailedSums> failed_;  // kGenerations a book at most
};

std::uint64_t hash_due(std::uint64_t due_ms, const BookId& id) {
    return fingerprint({due_ms, fingerprint(id)});
}

void Verifier::read_accounts() {
    each_row<Account>(kAccountTable, "account", [this](const Account& account, Book book) {
        ++report_.accounts;
        std::uint64_t sum = 0;
        if (__builtin_add_overflow(account.debits_pending, account.debits_posted, &sum) ||
            __builtin_add_overflow(account.credits_pending, account.credits_posted, &sum)) {
            problem("account " + to_string(account.id) + ": pending and posted overflow");
        } else if (((account.flags & debits_must_not_exceed_credits) != 0 &&
                    account.debits_pending + account.debits_posted > account.credits_posted) ||
                   ((account.flags & credits_must_not_exceed_debits) != 0 &&
                    account.credits_pending + account.credits_posted > account.debits_posted)) {
            problem("account " + to_string(account.id) + ": beyond its limit");
        }
        index_due_ += account.transfers / kHistoryIndexEvery;
        if (book.kind != Book::Kind::house)
            lists_.add_left(fingerprint({account.timestamp, fingerprint(BookId{book, account.id})}));
        LedgerTotals& totals = ledgers_[{book, account.ledger}];
        totals.debits_pending += account.debits_pending;
        totals.debits_posted += account.debits_posted;
        totals.credits_pending += account.credits_pending;
        totals.credits_posted += account.credits_posted;
        accounts_.add(account, book);
    });
    accounts_.index();
    report_.ledgers = ledgers_.size();
}

void Verifier::read_pending_states() {
    each_row<PendingState>(kPendingTable, "pending state", [this](const PendingState& state, Book book) {
        const BookId id{book, state.id};
        states_.add_right(fingerprint(id));
        const bool unresolved = state.status == PendingStatus::pending;
        const bool resolved_by_transfer =
            state.status == PendingStatus::posted || state.status == PendingStatus::voided;
        if (unresolved) {
            open_.push_back({id, state.remaining});
            if (state.due_ms != 0) expiries_.add_left(hash_due(state.due_ms, id));
        } else if (state.remaining != 0) {
            problem("pending state " + to_string(state.id) + ": resolved, but something remains");
        }
        if (resolved_by_transfer) {
            resolutions_.add_right(
                fingerprint({fingerprint(id), state.resolved_by.high, state.resolved_by.low,
                             static_cast<std::uint64_t>(state.status)}));
        } else if (!state.resolved_by.is_zero()) {
            problem("pending state " + to_string(state.id) + ": unresolved, but names a resolving transfer");
        }
    });
    std::sort(open_.begin(), open_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
}

void Verifier::read_transfers() {
    each_row<Transfer>(kTransferTable, "transfer", [this](const Transfer& transfer, Book book) {
        ++report_.transfers;
        add_transfer(transfer, book);
    });
}

void Verifier::add_transfer(const Transfer& transfer, Book book) {
    const BookId id{book, transfer.id};
    if (transfer.amount == 0) problem("transfer " + to_string(transfer.id) + ": moves nothing");
    std::uint64_t pending_amount = 0;
    std::uint64_t posted_amount = 0;
    if ((transfer.flags & pending) != 0) {
        states_.add_left(fingerprint(id));
        const auto found = std::lower_bound(
            open_.begin(), open_.end(), id,
            [](const OpenPending& entry, const BookId& wanted) { return entry.id < wanted; });
        if (found != open_.end() && found->id == id) {
            found->seen = true;
            pending_amount = transfer.amount;
            if (found->amount != transfer.amount) {
                problem("pending state " + to_string(transfer.id) +
                        ": remaining is not the transfer's amount");
            }
        }
    } else if ((transfer.flags & (post_pending | void_pending)) != 0) {
        const bool post = (transfer.flags & post_pending) != 0;
        const auto status = post ? PendingStatus::posted : PendingStatus::voided;
        resolutions_.add_left(fingerprint({fingerprint(BookId{book, transfer.pending_id}), transfer.id.high,
                                           transfer.id.low, static_cast<std::uint64_t>(status)}));
        if (post) posted_amount = transfer.amount;
    } else {
        posted_amount = transfer.amount;
    }
    LedgerTotals& totals = ledgers_[{book, transfer.ledger}];
    totals.pending += pending_amount;
    totals.posted += posted_amount;
    add_side({book, transfer.debit_account}, transfer, transfer.debit_previous, true, pending_amount,
             posted_amount);
    add_side({book, transfer.credit_account}, transfer, transfer.credit_previous, false, pending_amount,
             posted_amount);
}

void Verifier::add_side(const BookId& account, const Transfer& transfer, Id128 previous, bool is_debit,
                        std::uint64_t pending_amount, std::uint64_t posted_amount) {
    AccountSums* sums = accounts_.find(account);
    if (sums == nullptr) {
        problem("transfer " + to_string(transfer.id) + ": account " + to_string(account.id) +
                " does not exist");
        return;
    }
    if (sums->ledger != transfer.ledger) {
        problem("transfer " + to_string(transfer.id) + ": account " + to_string(account.id) +
                " is of another ledger");
    }
    (is_debit ? sums->debits_pending : sums->credits_pending) -= pending_amount;
    (is_debit ? sums->debits_posted : sums->credits_posted) -= posted_amount;
    // The chain's pointers lead to each of the account's transfers once, and one of them to the end.
    sums->chain += fingerprint({previous.high, previous.low});
    sums->chain -= fingerprint({transfer.id.high, transfer.id.low});
    --sums->transfers;
}

void Verifier::read_expiries() {
    visit_table_(kExpiryTable, [this](std::string_view key, std::string_view) {
        if (const auto expiry = parse_expiry_key(key)) {
            expiries_.add_right(hash_due(expiry->due_ms, expiry->transfer));
        } else {
            problem("expiry index has a key of another shape");
        }
        return true;
    });
}

// Each index row is of an account that exists, and there are as many as the accounts' counts say; that each
// names a transfer of its account, the reader of a history checks.
void Verifier::read_index_rows() {
    visit_table_(kHistoryIndexTable, [this](std::string_view key, std::string_view value) {
        const auto place = parse_history_index_key(key);
        if (!place || !parse_id(value)) {
            problem("an index row has another shape");
        } else if (accounts_.find(place->account) == nullptr) {
            problem("an index row of account " + to_string(place->account.id) + ", which does not exist");
        }
        ++index_rows_;
        return true;
    });
}

void Verifier::read_account_lists() {
    visit_table_(kAccountListTable, [this](std::string_view key, std::string_view value) {
        const auto listed = parse_account_list_key(key);
        const auto id = parse_id(value);
        if (listed && id)
            lists_.add_right(fingerprint({listed->timestamp, fingerprint(BookId{listed->book, *id})}));
        else
            problem("a list of accounts has a row of another shape");
        return true;
    });
}

// Each generation that a head names has as many ids as it says, sorted and none above the greatest. Rows of
// an older one are left over from a removal that takes its time.
void Verifier::read_failed_ids() {
    visit_table_(kFailedHeadTable, [this](std::string_view key, std::string_view value) {
        const auto book = parse_head_key(key);
        const auto head = decode_head(value);
        if (!book || !head) {
            problem("a head of failed ids does not match its checksum");
            return true;
        }
        for (std::size_t slot = 0; slot < kGenerations; ++slot) {
            const FailedGeneration& generation = head->generations[slot];
            if (generation.count == 0) continue;
            FailedSums sums{generation.count, generation.greatest, {}};
            if (slot == 0) {
                sums.count -= head->recent.size();
                if (!head->recent.empty() && head->recent.back() > sums.greatest)
                    problem("a failed id of book " + std::to_string(book->owner) + " is above the greatest");
            }
            failed_[{*book, generation.number}] = std::move(sums);
        }
        return true;
    });
    visit_table_(kFailedRunTable, [this](std::string_view key, std::string_view value) {
        read_failed_run(key, value);
        return true;
    });
    for (auto& [key, sums] : failed_) {
        std::sort(sums.runs.begin(), sums.runs.end());
        const auto overlap = [](const auto& run, const auto& next) { return next.first <= run.second; };
        if (std::adjacent_find(sums.runs.begin(), sums.runs.end(), overlap) != sums.runs.end())
            problem("runs of failed ids of book " + std::to_string(key.first.owner) + " are in disorder");
        if (sums.count != 0)
            problem("book " + std::to_string(key.first.owner) +
                    " counts another number of failed ids than it has");
    }
}

void Verifier::read_failed_run(std::string_view key, std::string_view value) {
    const auto place = parse_run_key(key);
    const auto ids = decode_run(value);
    if (!place || !ids || ids->front() != place->first) {
        problem("a run of failed ids does not match its checksum");
        return;
    }
    const auto known = failed_.find({place->book, place->generation});
    if (known == failed_.end()) {
        const auto newer = failed_.lower_bound({place->book, place->generation});
        if (newer == failed_.end() || newer->first.first != place->book)
            problem("failed ids of a generation that book " + std::to_string(place->book.owner) +
                    " does not know");
        return;
    }
    FailedSums& sums = known->second;
    if (ids->back() > sums.greatest)
        problem("a failed id of book " + std::to_string(place->book.owner) + " is above the greatest");
    sums.runs.emplace_back(ids->front(), ids->back());
    sums.count -= ids->size();
}

void Verifier::compare_account(const AccountSums& account) {
    std::string text;
    const auto compare_one = [&text](const char* name, std::uint64_t difference) {
        if (difference == 0) return;
        const bool more = difference < (std::uint64_t{1} << 63U);
        text += std::string(text.empty() ? "" : ", ") + name + " is " +
                std::to_string(more ? difference : 0 - difference) + (more ? " more" : " less") +
                " than its transfers say";
    };
    compare_one("debits_pending", account.debits_pending);
    compare_one("debits_posted", account.debits_posted);
    compare_one("credits_pending", account.credits_pending);
    compare_one("credits_posted", account.credits_posted);
    if (!text.empty()) {
        ++report_.differences;
        problem("account " + to_string(account.id.id) + ": " + text);
    }
    if (account.transfers != 0) {
        problem("account " + to_string(account.id.id) + ": counts another number of transfers than it has");
    }
    if (account.chain != 0) {
        problem("account " + to_string(account.id.id) +
                ": its history chain does not hold all its transfers");
    }
}

void Verifier::compare_sets() {
    const auto counts = [](const SetPair& pair) {
        return " (" + std::to_string(pair.left_count) + " and " + std::to_string(pair.right_count) + ")";
    };
    // (An account past 2^32 transfers has more than its count says.)
    if (index_rows_ < index_due_) {
        problem("histories have " + std::to_string(index_rows_) + " index rows and need " +
                std::to_string(index_due_));
    }
    if (!states_.equal()) problem("pending transfers and pending states differ" + counts(states_));
    if (!resolutions_.equal()) {
        problem("posts and voids differ from what the pending states say" + counts(resolutions_));
    }
    if (!lists_.equal()) problem("accounts and the lists of them differ" + counts(lists_));
    if (!expiries_.equal()) problem("due pending states and expiry index differ" + counts(expiries_));
}

void Verifier::compare() {
    accounts_.each([this](const AccountSums& account) { compare_account(account); });
    for (const OpenPending& entry : open_) {
        if (!entry.seen) problem("pending state " + to_string(entry.id.id) + ": has no pending transfer");
    }
    compare_sets();
    for (const auto& [key, totals] : ledgers_) {
        const auto& [book, number] = key;
        const std::string name = "ledger " + std::to_string(number) +
                                 (book == kHouseBook ? "" : " of book " + std::to_string(book.owner)) + ": ";
        if (totals.debits_posted != totals.credits_posted) problem(name + "posted debits and credits differ");
        if (totals.debits_pending != totals.credits_pending)
            problem(name + "pending debits and credits differ");
        if (totals.debits_posted != totals.posted || totals.debits_pending != totals.pending) {
            problem(name + "accounts and transfers have different totals");
        }
    }
    if (problem_count_ > report_.problems.size()) {
        report_.problems.back() =
            "… and " + std::to_string(problem_count_ - report_.problems.size() + 1) + " more";
    }
}

}  // namespace

VerifyReport verify(const TableVisitor& visit_table) {
    return Verifier(visit_table).run();
}

void visit_failed_generations(const TableVisitor& visit_table,
                              const std::function<void(Book, const Ledger::FailedBegan&)>& visit) {
    visit_table(kFailedHeadTable, [&](std::string_view key, std::string_view value) {
        const auto book = parse_head_key(key);
        const auto head = decode_head(value);
        if (!book || !head) return true;
        for (const FailedGeneration& generation : head->generations)
            if (generation.count != 0)
                visit(*book, {generation.number, generation_ends_ms(generation.number)});
        return true;
    });
}

}  // namespace kontor::ledger
