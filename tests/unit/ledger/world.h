#pragma once
// A small ledger for the table-driven tests: a few accounts of each kind, and transfers to refer to.

#include <gtest/gtest.h>

#include "kontor/ledger/ledger.h"
#include "memory_rows.h"

namespace kontor::ledger::testing {

inline constexpr std::uint64_t kMax = ~std::uint64_t{0};

inline Id128 id(std::uint64_t low) {
    return {0, low};
}

// Accounts, all in ledger 1, code 10, unless their name says otherwise.
inline constexpr std::uint64_t kAlice = 1, kBob = 2;
inline constexpr std::uint64_t kDebitLimited = 3;   // holds 100
inline constexpr std::uint64_t kCreditLimited = 4;  // may take 100
inline constexpr std::uint64_t kFrozen = 5, kClosed = 6, kForeign = 7;
inline constexpr std::uint64_t kNobody = 99;
// Transfers.
inline constexpr std::uint64_t kPaid = 1'001;      // alice to bob, 50
inline constexpr std::uint64_t kReserved = 1'002;  // alice to bob, 30, pending
inline constexpr std::uint64_t kTimed = 1'003;     // alice to bob, 20, pending, times out after 10 s
inline constexpr std::uint64_t kPosted = 1'004, kPostOf = 1'005;
inline constexpr std::uint64_t kVoided = 1'006, kVoidOf = 1'007;
inline constexpr std::uint64_t kNew = 2'000;

inline Account account(std::uint64_t number, unsigned flags = 0, std::uint32_t ledger = 1) {
    Account row;
    row.id = id(number);
    row.ledger = ledger;
    row.code = 10;
    row.flags = static_cast<std::uint16_t>(flags);
    return row;
}

inline Transfer transfer(std::uint64_t number, std::uint64_t debit, std::uint64_t credit,
                         std::uint64_t amount, unsigned flags = 0) {
    Transfer row;
    row.id = id(number);
    row.debit_account = id(debit);
    row.credit_account = id(credit);
    row.amount = amount;
    row.ledger = 1;
    row.code = 20;
    row.flags = static_cast<std::uint16_t>(flags);
    return row;
}

// A post or void that leaves out all that the pending transfer says.
inline Transfer resolution(std::uint64_t number, std::uint64_t pending_number, unsigned flags,
                           std::uint64_t amount = 0) {
    Transfer row;
    row.id = id(number);
    row.pending_id = id(pending_number);
    row.amount = amount;
    row.flags = static_cast<std::uint16_t>(flags);
    return row;
}

struct Balances {
    std::uint64_t debits_pending = 0, debits_posted = 0, credits_pending = 0, credits_posted = 0;
    friend bool operator==(const Balances&, const Balances&) = default;
};
inline void PrintTo(const Balances& b, std::ostream* out) {
    *out << "{debits " << b.debits_pending << " pending " << b.debits_posted << " posted, credits "
         << b.credits_pending << " pending " << b.credits_posted << " posted}";
}
inline void PrintTo(Status status, std::ostream* out) {
    *out << to_string(status);
}

struct World {
    MemoryRows rows;
    std::uint64_t now_ms = 1'000'000;
    std::uint64_t next_timestamp = 1;
    Book book = kHouseBook;
    std::vector<Ledger::FailedBegan> failed;  // generations that wait for their end

    [[nodiscard]] std::vector<Status> transfers(std::vector<Transfer> requests) {
        Ledger ledger(rows, now_ms, next_timestamp, book, now_ms);
        auto statuses = ledger.create_transfers(requests);
        next_timestamp = ledger.next_timestamp();
        if (ledger.failed_began()) failed.push_back(*ledger.failed_began());
        return statuses;
    }
    [[nodiscard]] Status run(const Transfer& request) { return transfers({request}).front(); }
    [[nodiscard]] Status open(const Account& request) {
        Ledger ledger(rows, now_ms, next_timestamp, book, now_ms);
        const Status status = ledger.create_accounts(std::span(&request, 1)).front();
        next_timestamp = ledger.next_timestamp();
        return status;
    }
    std::size_t expire(std::size_t limit = 1'000) {
        return Ledger(rows, now_ms, next_timestamp).expire_pending(limit);
    }
    // Removes what is over of the ids that failed, at most `limit` rows.
    void drop_failed(std::size_t limit = 1'000) {
        while (!failed.empty() && failed.front().drop_from_ms <= now_ms &&
               failed.front().drop_from_ms != kMax) {
            const std::size_t done =
                Ledger(rows, now_ms, 0, book, now_ms).drop_failed(failed.front().generation, limit);
            if (done >= limit) return;
            failed.erase(failed.begin());
        }
    }
    [[nodiscard]] Status set_frozen(std::uint64_t number, bool value) {
        return Ledger(rows, now_ms, next_timestamp, book, now_ms).set_frozen(id(number), value);
    }
    [[nodiscard]] Status close(std::uint64_t number) {
        return Ledger(rows, now_ms, next_timestamp, book, now_ms).close_account(id(number));
    }
    [[nodiscard]] Balances balances(std::uint64_t number) const {
        const auto row = find_account(rows, id(number), book);
        if (!row) return {kMax, kMax, kMax, kMax};
        return {row->debits_pending, row->debits_posted, row->credits_pending, row->credits_posted};
    }

    // The accounts and transfers named above.
    void populate() {
        const std::vector<Account> accounts{account(kAlice),
                                            account(kBob),
                                            account(kDebitLimited, debits_must_not_exceed_credits),
                                            account(kCreditLimited, credits_must_not_exceed_debits),
                                            account(kFrozen, frozen),
                                            account(kClosed, closed),
                                            account(kForeign, 0, 2)};
        for (const Account& row : accounts) ASSERT_EQ(open(row), Status::ok);
        Transfer timed = transfer(kTimed, kAlice, kBob, 20, pending);
        timed.timeout_s = 10;
        const std::vector<Transfer> all{transfer(kPaid, kAlice, kBob, 50),
                                        transfer(kReserved, kAlice, kBob, 30, pending),
                                        timed,
                                        transfer(kPosted, kAlice, kBob, 40, pending),
                                        resolution(kPostOf, kPosted, post_pending),
                                        transfer(kVoided, kAlice, kBob, 60, pending),
                                        resolution(kVoidOf, kVoided, void_pending),
                                        transfer(1'101, kAlice, kDebitLimited, 100),
                                        transfer(1'102, kCreditLimited, kBob, 100)};
        for (const Status status : transfers(all)) ASSERT_EQ(status, Status::ok);
    }
};

inline void expect_verified(const World& world) {
    const VerifyReport report = verify(world.rows.visitor());
    EXPECT_TRUE(report.holds()) << (report.problems.empty() ? "" : report.problems.front());
}

}  // namespace kontor::ledger::testing
