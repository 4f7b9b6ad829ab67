// Every status: the request that gets it, and that a request which gets anything but ok changes nothing.

#include <set>

#include "world.h"

namespace kontor::ledger::testing {
namespace {

using Edit = std::function<void(Transfer&)>;

struct TransferCase {
    Status wanted;
    Transfer request;
    std::function<void(World&)> before = nullptr;
};

Transfer edited(Transfer request, const Edit& edit) {
    edit(request);
    return request;
}

Transfer plain(const Edit& edit = [](Transfer&) {}) {
    return edited(transfer(kNew, kAlice, kBob, 5), edit);
}
Transfer post(const Edit& edit) {
    return edited(resolution(kNew, kReserved, post_pending), edit);
}

void must(Status status) {
    ASSERT_EQ(status, Status::ok);
}

std::vector<TransferCase> shape_cases() {
    return {
        {Status::ok, plain()},
        {Status::timestamp_must_be_zero, plain([](auto& t) { t.timestamp = 1; })},
        {Status::reserved_flag, plain([](auto& t) { t.flags = 1U << 6U; })},
        {Status::reserved_flag, plain([](auto& t) { t.flags = 1U << 15U; })},
        {Status::id_must_not_be_zero, plain([](auto& t) { t.id = {}; })},
        {Status::id_must_not_be_max, plain([](auto& t) {
             t.id = {kMax, kMax};
         })},
        {Status::flags_are_mutually_exclusive, plain([](auto& t) { t.flags = pending | post_pending; })},
        {Status::flags_are_mutually_exclusive, plain([](auto& t) { t.flags = pending | void_pending; })},
        {Status::flags_are_mutually_exclusive, post([](auto& t) { t.flags = post_pending | void_pending; })},
        {Status::flags_are_mutually_exclusive,
         post([](auto& t) { t.flags = post_pending | balancing_debit; })},
        {Status::flags_are_mutually_exclusive,
         post([](auto& t) { t.flags = void_pending | balancing_credit; })},
        {Status::timeout_reserved_for_pending, plain([](auto& t) { t.timeout_s = 1; })},
        {Status::timeout_reserved_for_pending, post([](auto& t) { t.timeout_s = 1; })},
        {Status::pending_id_must_not_be_zero, post([](auto& t) { t.pending_id = {}; })},
        {Status::pending_id_must_not_be_max, post([](auto& t) {
             t.pending_id = {kMax, kMax};
         })},
        {Status::pending_id_must_be_different, post([](auto& t) { t.pending_id = t.id; })},
        {Status::debit_account_must_not_be_zero, plain([](auto& t) { t.debit_account = {}; })},
        {Status::credit_account_must_not_be_zero, plain([](auto& t) { t.credit_account = {}; })},
        {Status::debit_account_must_not_be_zero,
         plain([](auto& t) { t.debit_account = t.credit_account = {}; })},
        {Status::debit_account_must_not_be_max, plain([](auto& t) {
             t.debit_account = {kMax, kMax};
         })},
        {Status::credit_account_must_not_be_max, plain([](auto& t) {
             t.credit_account = {kMax, kMax};
         })},
        {Status::debit_account_must_not_be_max, post([](auto& t) {
             t.debit_account = {kMax, kMax};
         })},
        {Status::credit_account_must_not_be_max, post([](auto& t) {
             t.credit_account = {kMax, kMax};
         })},
        {Status::pending_id_must_be_zero, plain([](auto& t) { t.pending_id = id(kReserved); })},
        {Status::accounts_must_be_different, plain([](auto& t) { t.credit_account = id(kAlice); })},
        {Status::amount_must_not_be_zero, plain([](auto& t) { t.amount = 0; })},
        {Status::amount_must_not_be_zero, plain([](auto& t) { t.amount = 0, t.flags = balancing_debit; })},
        {Status::ledger_must_not_be_zero, plain([](auto& t) { t.ledger = 0; })},
        {Status::code_must_not_be_zero, plain([](auto& t) { t.code = 0; })},
    };
}

Transfer again(const Edit& edit) {
    Transfer request = transfer(kPaid, kAlice, kBob, 50);
    edit(request);
    return request;
}

std::vector<TransferCase> exists_cases() {
    const auto post_again = [](const Edit& edit) {
        return edited(resolution(kPostOf, kPosted, post_pending), edit);
    };
    const auto void_again = [](const Edit& edit) {
        return edited(resolution(kVoidOf, kVoided, void_pending), edit);
    };
    return {
        {Status::exists, again([](auto&) {})},
        {Status::exists_with_different_flags, again([](auto& t) { t.flags = pending; })},
        {Status::exists_with_different_flags, again([](auto& t) { t.flags = balancing_debit; })},
        {Status::exists_with_different_ledger, again([](auto& t) { t.ledger = 2; })},
        {Status::exists_with_different_code, again([](auto& t) { t.code = 21; })},
        {Status::exists_with_different_user_data, again([](auto& t) { t.user_data_128.high = 1; })},
        {Status::exists_with_different_user_data, again([](auto& t) { t.user_data_64 = 1; })},
        {Status::exists_with_different_user_data, again([](auto& t) { t.user_data_32 = 1; })},
        {Status::exists_with_different_debit_account, again([](auto& t) { t.debit_account = id(kNobody); })},
        {Status::exists_with_different_credit_account,
         again([](auto& t) { t.credit_account = id(kNobody); })},
        {Status::exists_with_different_amount, again([](auto& t) { t.amount = 51; })},
        {Status::exists, post_again([](auto&) {})},
        {Status::exists, post_again([](auto& t) { t.amount = 40; })},
        {Status::exists_with_different_amount, post_again([](auto& t) { t.amount = 39; })},
        {Status::exists_with_different_pending_id, post_again([](auto& t) { t.pending_id = id(kReserved); })},
        {Status::exists,
         void_again([](auto& t) { t.debit_account = id(kAlice), t.ledger = 1, t.code = 20; })},
        {Status::exists, void_again([](auto& t) { t.amount = 60; })},
        {Status::exists_with_different_amount, void_again([](auto& t) { t.amount = 59; })},
        {Status::exists_with_different_timeout,
         edited(transfer(kTimed, kAlice, kBob, 20, pending), [](auto& t) { t.timeout_s = 11; })},
    };
}

std::vector<TransferCase> account_cases() {
    const auto from = [](std::uint64_t debit, std::uint64_t credit, unsigned flags = 0) {
        return transfer(kNew, debit, credit, 5, flags);
    };
    return {
        {Status::debit_account_not_found, from(kNobody, kBob)},
        {Status::credit_account_not_found, from(kAlice, kNobody)},
        {Status::accounts_must_have_the_same_ledger, from(kAlice, kForeign)},
        {Status::transfer_must_have_the_same_ledger, plain([](auto& t) { t.ledger = 2; })},
        {Status::debit_account_closed, from(kClosed, kBob)},
        {Status::credit_account_closed, from(kAlice, kClosed, pending)},
        {Status::debit_account_frozen, from(kFrozen, kBob, pending)},
        {Status::credit_account_frozen, from(kAlice, kFrozen)},
        {Status::credit_account_closed, from(kFrozen, kClosed)},
        {Status::debit_account_frozen, post([](auto&) {}),
         [](World& w) { must(w.set_frozen(kAlice, true)); }},
        {Status::credit_account_frozen, post([](auto&) {}), [](World& w) { must(w.set_frozen(kBob, true)); }},
        {Status::ok, resolution(kNew, kReserved, void_pending),
         [](World& w) { must(w.set_frozen(kBob, true)); }},
    };
}

std::vector<TransferCase> pending_cases() {
    const auto later = [](World& w) { w.now_ms += 10'000; };
    const auto swept = [](World& w) {
        w.now_ms += 10'000;
        ASSERT_EQ(w.expire(), 1U);
    };
    return {
        {Status::ok, post([](auto&) {})},
        {Status::pending_transfer_not_found, post([](auto& t) { t.pending_id = id(kNobody); })},
        {Status::pending_transfer_not_pending, post([](auto& t) { t.pending_id = id(kPaid); })},
        {Status::pending_transfer_not_pending, post([](auto& t) { t.pending_id = id(kPostOf); })},
        {Status::pending_transfer_has_different_accounts, post([](auto& t) { t.debit_account = id(kBob); })},
        {Status::pending_transfer_has_different_accounts,
         post([](auto& t) { t.credit_account = id(kAlice); })},
        {Status::pending_transfer_has_different_ledger, post([](auto& t) { t.ledger = 2; })},
        {Status::pending_transfer_has_different_code, post([](auto& t) { t.code = 21; })},
        {Status::exceeds_pending_amount, post([](auto& t) { t.amount = 31; })},
        {Status::ok, post([](auto& t) { t.amount = 30; })},
        {Status::ok, post([](auto& t) { t.amount = 1; })},
        {Status::exceeds_pending_amount, resolution(kNew, kReserved, void_pending, 31)},
        {Status::pending_transfer_has_different_amount, resolution(kNew, kReserved, void_pending, 29)},
        {Status::pending_transfer_already_posted, post([](auto& t) { t.pending_id = id(kPosted); })},
        {Status::pending_transfer_already_posted, resolution(kNew, kPosted, void_pending)},
        {Status::pending_transfer_already_voided, post([](auto& t) { t.pending_id = id(kVoided); })},
        {Status::ok, resolution(kNew, kTimed, post_pending), [](World& w) { w.now_ms += 9'999; }},
        {Status::pending_transfer_expired, resolution(kNew, kTimed, post_pending), later},
        {Status::pending_transfer_expired, resolution(kNew, kTimed, void_pending), swept},
    };
}

std::vector<TransferCase> amount_cases() {
    const auto fill = [](unsigned flags, std::uint64_t amount) {
        return [=](World& w) { must(w.run(transfer(3'000, kAlice, kBob, amount, flags))); };
    };
    const auto two =
        [](World& w) {  // carol's debits and dave's credits are nearly full, of other accounts each
            must(w.open(account(20)));
            must(w.open(account(21)));
            must(w.run(transfer(3'000, 20, kBob, kMax - 1'000)));
            must(w.run(transfer(3'001, kAlice, 21, kMax - 1'000, pending)));
        };
    const auto with_timeout = [](std::uint64_t seconds) {
        return edited(transfer(kNew, kAlice, kBob, 5, pending),
                      [=](auto& t) { t.timeout_s = static_cast<std::uint32_t>(seconds); });
    };
    return {
        {Status::exceeds_credits, transfer(kNew, kDebitLimited, kBob, 101)},
        {Status::exceeds_credits, transfer(kNew, kDebitLimited, kBob, 101, pending)},
        {Status::ok, transfer(kNew, kDebitLimited, kBob, 100)},
        {Status::exceeds_debits, transfer(kNew, kAlice, kCreditLimited, 101)},
        {Status::ok, transfer(kNew, kAlice, kCreditLimited, 100, pending)},
        // Nothing is available, so a balancing amount becomes 0.
        {Status::exceeds_credits, transfer(kNew, kAlice, kBob, 5, balancing_debit)},
        {Status::exceeds_debits, transfer(kNew, kAlice, kBob, 5, balancing_credit)},
        {Status::ok, transfer(kNew, kDebitLimited, kAlice, kMax, balancing_debit | balancing_credit)},
        {Status::overflows_debits_pending, transfer(kNew, 22, 23, 1'001, pending),
         [](World& w) {
             must(w.open(account(22)));
             must(w.open(account(23)));
             must(w.run(transfer(3'000, 22, 23, kMax - 1'000, pending)));
         }},
        {Status::overflows_credits_pending, transfer(kNew, kDebitLimited, 21, 1'001, pending), two},
        {Status::overflows_debits_posted, transfer(kNew, 20, kAlice, 1'001), two},
        {Status::overflows_credits_posted, transfer(kNew, kDebitLimited, kBob, 1'001), two},
        {Status::overflows_debits, transfer(kNew, kAlice, kDebitLimited, kMax - 400), fill(pending, 500)},
        {Status::overflows_credits, transfer(kNew, 20, kBob, kMax - 100, pending),
         [](World& w) { must(w.open(account(20))); }},
        {Status::overflows_timeout, with_timeout(6), [](World& w) { w.now_ms = kMax - 5'999; }},
        {Status::ok, with_timeout(5), [](World& w) { w.now_ms = kMax - 5'999; }},
    };
}

std::set<Status>& seen() {
    static std::set<Status> statuses;
    return statuses;
}

void run_cases(const std::vector<TransferCase>& cases) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
        SCOPED_TRACE("case " + std::to_string(i) + ", wanted " + std::string(to_string(cases[i].wanted)));
        World world;
        world.populate();
        if (cases[i].before) cases[i].before(world);
        const auto rows_before = world.rows.rows();
        const std::size_t writes_before = world.rows.writes();
        const std::uint64_t timestamp_before = world.next_timestamp;
        EXPECT_EQ(world.run(cases[i].request), cases[i].wanted);
        seen().insert(cases[i].wanted);
        if (cases[i].wanted == Status::ok) {
            EXPECT_NE(world.rows.rows(), rows_before);
            EXPECT_EQ(world.next_timestamp, timestamp_before + 1);
            const auto made = find_transfer(world.rows, cases[i].request.id);
            ASSERT_TRUE(made);
            EXPECT_EQ(made->timestamp, timestamp_before);
            // A retry of what was done is not done again.
            const auto rows_after = world.rows.rows();
            EXPECT_EQ(world.run(cases[i].request), Status::exists);
            EXPECT_EQ(world.rows.rows(), rows_after);
        } else {
            EXPECT_EQ(world.rows.rows(), rows_before);
            EXPECT_EQ(world.rows.writes(), writes_before);
            EXPECT_EQ(world.next_timestamp, timestamp_before);
        }
        expect_verified(world);
    }
}

TEST(Status, OfTheShapeOfATransfer) {
    run_cases(shape_cases());
}
TEST(Status, OfAnIdThatExists) {
    run_cases(exists_cases());
}
TEST(Status, OfTheAccounts) {
    run_cases(account_cases());
}
TEST(Status, OfAPendingTransfer) {
    run_cases(pending_cases());
}
TEST(Status, OfTheAmount) {
    run_cases(amount_cases());
}

TEST(Status, OfANewAccount) {
    using AccountEdit = std::function<void(Account&)>;
    const std::vector<std::pair<Status, AccountEdit>> cases{
        {Status::ok, [](auto&) {}},
        {Status::ok, [](auto& a) { a.flags = credits_must_not_exceed_debits; }},
        {Status::timestamp_must_be_zero, [](auto& a) { a.timestamp = 7; }},
        {Status::reserved_flag, [](auto& a) { a.flags = 1U << 5U; }},
        {Status::reserved_flag, [](auto& a) { a.flags = 1U << 2U; }},  // `history`: every account has one
        {Status::id_must_not_be_zero, [](auto& a) { a.id = {}; }},
        {Status::id_must_not_be_max,
         [](auto& a) {
             a.id = {kMax, kMax};
         }},
        {Status::flags_are_mutually_exclusive,
         [](auto& a) { a.flags = debits_must_not_exceed_credits | credits_must_not_exceed_debits; }},
        {Status::ledger_must_not_be_zero, [](auto& a) { a.ledger = 0; }},
        {Status::code_must_not_be_zero, [](auto& a) { a.code = 0; }},
        {Status::balances_must_be_zero, [](auto& a) { a.debits_pending = 1; }},
        {Status::balances_must_be_zero, [](auto& a) { a.credits_posted = 1; }},
        {Status::exists, [](auto& a) { a.id = id(kAlice); }},
        {Status::exists, [](auto& a) { a.id = id(kFrozen); }},  // frozen is no part of what the account is
        {Status::exists_with_different_flags,
         [](auto& a) { a.id = id(kAlice), a.flags = debits_must_not_exceed_credits; }},
        {Status::exists_with_different_ledger, [](auto& a) { a.id = id(kAlice), a.ledger = 2; }},
        {Status::exists_with_different_code, [](auto& a) { a.id = id(kAlice), a.code = 11; }},
        {Status::exists_with_different_user_data, [](auto& a) { a.id = id(kAlice), a.user_data_64 = 1; }},
    };
    for (const auto& [wanted, edit] : cases) {
        SCOPED_TRACE(to_string(wanted));
        World world;
        world.populate();
        Account request = account(kNew);
        edit(request);
        const auto rows_before = world.rows.rows();
        EXPECT_EQ(world.open(request), wanted);
        seen().insert(wanted);
        EXPECT_EQ(world.rows.rows() == rows_before, wanted != Status::ok);
    }
}

TEST(Status, OfFreezingAndClosing) {
    World world;
    world.populate();
    EXPECT_EQ(world.set_frozen(kNobody, true), Status::account_not_found);
    EXPECT_EQ(world.close(kNobody), Status::account_not_found);
    EXPECT_EQ(world.close(kAlice), Status::account_not_settled);  // pending, and debits are not credits
    EXPECT_EQ(world.close(kDebitLimited), Status::account_not_settled);
    EXPECT_EQ(world.run(transfer(kNew, kDebitLimited, kBob, 100)), Status::ok);
    EXPECT_EQ(world.close(kDebitLimited), Status::ok);
    EXPECT_EQ(world.run(transfer(kNew + 1, kAlice, kDebitLimited, 1)), Status::credit_account_closed);
    EXPECT_EQ(world.set_frozen(kBob, true), Status::ok);
    EXPECT_EQ(world.set_frozen(kBob, true), Status::ok);
    EXPECT_EQ(world.run(transfer(kNew + 1, kAlice, kBob, 1)), Status::credit_account_frozen);
    EXPECT_EQ(world.set_frozen(kBob, false), Status::ok);
    EXPECT_EQ(world.run(transfer(kNew + 1, kAlice, kBob, 1)), Status::ok);
    seen().insert({Status::account_not_found, Status::account_not_settled});
    expect_verified(world);
}

TEST(Status, OfAChain) {
    World world;
    world.populate();
    const auto rows_before = world.rows.rows();
    const auto link = [](std::uint64_t number, std::uint64_t amount = 1) {
        return transfer(number, kAlice, kBob, amount, linked);
    };
    using S = Status;
    // The chain is left open by the end of the batch; a chain of one, too.
    EXPECT_EQ(world.transfers({link(1), link(2)}),
              (std::vector{S::linked_event_failed, S::linked_event_chain_open}));
    EXPECT_EQ(world.transfers({link(1)}), (std::vector{S::linked_event_chain_open}));
    // The member that failed says why, the others that they went with it.
    EXPECT_EQ(world.transfers({link(1), link(2, 0), transfer(3, kAlice, kBob, 1)}),
              (std::vector{S::linked_event_failed, S::amount_must_not_be_zero, S::linked_event_failed}));
    EXPECT_EQ(world.rows.rows(), rows_before);
    seen().insert({S::linked_event_failed, S::linked_event_chain_open});

    std::vector<Transfer> longest;
    for (std::size_t i = 0; i < kMaxChain; ++i) longest.push_back(link(10'000 + i));
    std::vector<Transfer> too_long = longest;
    too_long.push_back(transfer(9'999, kAlice, kBob, 1));
    const auto refused = world.transfers(too_long);
    EXPECT_EQ(refused[0], S::linked_event_failed);
    EXPECT_EQ(refused[kMaxChain], S::chain_too_long);
    EXPECT_EQ(world.rows.rows(), rows_before);
    longest.back().flags = 0;
    for (const Status status : world.transfers(longest)) EXPECT_EQ(status, S::ok);
    seen().insert(S::chain_too_long);
    expect_verified(world);
}

TEST(Status, OfAnIdThatFailed) {
    World world;
    world.book = book_of(7, true);
    world.populate();
    EXPECT_EQ(world.run(transfer(kNew, kDebitLimited, kBob, 101)), Status::exceeds_credits);
    EXPECT_EQ(world.run(transfer(kNew, kDebitLimited, kBob, 1)), Status::id_already_failed);
    seen().insert(Status::id_already_failed);
    expect_verified(world);
}

// Runs last in this file: no status without a case above.
TEST(StatusZ, EveryOneIsTested) {
    if (GTEST_FLAG_GET(filter) != "*") GTEST_SKIP() << "only together with the others";
    std::set<std::string_view> names;
    for (std::uint16_t number = 0; number < kStatusCount; ++number) {
        const auto status = static_cast<Status>(number);
        EXPECT_TRUE(seen().contains(status)) << to_string(status);
        names.insert(to_string(status));
    }
    EXPECT_EQ(names.size(), kStatusCount);
    EXPECT_FALSE(names.contains("unknown"));
    EXPECT_EQ(to_string(static_cast<Status>(kStatusCount)), "unknown");
    EXPECT_TRUE(traits_of(Status::exceeds_credits).is_kept);
    EXPECT_TRUE(traits_of(Status::debit_account_not_found).is_kept);
    EXPECT_FALSE(traits_of(Status::exists_with_different_amount).is_kept);
    EXPECT_FALSE(traits_of(Status::debit_account_closed).is_kept);
    EXPECT_FALSE(traits_of(Status::ok).is_kept);
}

}  // namespace
}  // namespace kontor::ledger::testing
