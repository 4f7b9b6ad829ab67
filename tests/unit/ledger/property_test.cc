// The engine against the reference model, over random command streams.
//
//   KONTOR_SEED=n       the first world's seed (worlds count up from it); printed on every run
//   KONTOR_COMMANDS=n   how many commands in all

#include <cstdlib>
#include <set>

#include "command_stream.h"
#include "support/environment.h"
#include "world.h"

namespace kontor::ledger::testing {
namespace {

#if defined(KONTOR_SANITIZED)
constexpr std::uint64_t kDefaultCommands = 100'000;
#elif defined(__OPTIMIZE__)
constexpr std::uint64_t kDefaultCommands = 1'000'000;
#else
constexpr std::uint64_t kDefaultCommands = 150'000;
#endif

// One world: engine and model side by side until they differ or `length` commands are done.
class Duel {
 public:
    Duel(std::uint64_t seed, std::set<Status>& seen) : stream_(seed), seen_(seen) {
        world_.now_ms = model_.now_ms = stream_.start_ms();
        if (seed % 4 != 0) world_.book = book_of(7, true);  // the house keeps no failed ids
        model_.keeps_failed = seed % 4 != 0;
    }

    std::uint64_t run() {
        const std::uint64_t length = 200 + stream_.below(1'800);
        std::vector<Account> first;
        for (std::uint64_t number = 1; number <= kAccountIds - 1; ++number)
            first.push_back(stream_.first_account(number));
        accounts(first);
        while (commands_ < length && !::testing::Test::HasFailure()) {
            const std::uint64_t what = stream_.below(100);
            if (what < 70) {
                transfers(stream_.batch());
            } else if (what < 78) {
                accounts({stream_.account()});
            } else if (what < 86) {
                flags();
            } else {
                time();
            }
            if (stream_.percent(10)) blind_resend();
            if (stream_.percent(10)) compare_accounts();
        }
        compare_all();
        return commands_;
    }

 private:
    template <typename Request>
    void compare_statuses(const std::vector<Request>& requests, const std::vector<Status>& engine,
                          const std::vector<Status>& model) {
        commands_ += requests.size();
        seen_.insert(model.begin(), model.end());
        ASSERT_EQ(engine.size(), model.size());
        for (std::size_t i = 0; i < engine.size(); ++i) {
            ASSERT_EQ(engine[i], model[i]) << "item " << i << ", id " << requests[i].id.low << ", flags "
                                           << requests[i].flags << ", before command " << commands_;
        }
        ASSERT_EQ(world_.next_timestamp, model_.next_timestamp);
    }

    void transfers(const std::vector<Transfer>& requests) {
        const auto statuses = model_.create_transfers(requests);
        compare_statuses(requests, world_.transfers(requests), statuses);
        stream_.learn(requests, statuses);
        sent_.push_back({world_.now_ms, requests});
        if (sent_.size() > kResendable) sent_.erase(sent_.begin());
    }

    // A client that has lost the answer sends the same batch again, at once or hours later: nothing moves.
    void blind_resend() {
        if (!model_.keeps_failed || sent_.empty()) return;
        const auto [sent_ms, requests] = sent_[stream_.below(sent_.size())];
        if (world_.now_ms - sent_ms >= kFailedKeptMs) return;
        const auto statuses = model_.create_transfers(requests);
        const std::uint64_t timestamp = world_.next_timestamp;
        compare_statuses(requests, world_.transfers(requests), statuses);
        for (const Status status : statuses) ASSERT_NE(status, Status::ok);
        ASSERT_EQ(world_.next_timestamp, timestamp);
        compare_accounts();
    }

    void accounts(const std::vector<Account>& requests) {
        Ledger ledger(world_.rows, world_.now_ms, world_.next_timestamp, world_.book, world_.now_ms);
        const auto statuses = ledger.create_accounts(requests);
        world_.next_timestamp = ledger.next_timestamp();
        compare_statuses(requests, statuses, model_.create_accounts(requests));
    }

    void flags() {
        const std::uint64_t number = 1 + stream_.below(kAccountIds);
        ++commands_;
        if (stream_.percent(15)) {
            const Status status = model_.close(id(number));
            seen_.insert(status);
            ASSERT_EQ(world_.close(number), status);
        } else {
            const bool value = stream_.percent(25);
            const Status status = model_.set_frozen(id(number), value);
            seen_.insert(status);
            ASSERT_EQ(world_.set_frozen(number, value), status);
        }
    }

    void time() {
        // In whole half seconds mostly, so that the very millisecond of a time-out is met.
        const std::uint64_t step_ms = stream_.percent(80) ? 500 : 1;
        std::uint64_t jump = stream_.below(stream_.percent(20) ? 60 : 4) * step_ms;
        if (stream_.percent(8)) jump = stream_.below(3 * kFailedKeptMs);
        const std::uint64_t now_ms = world_.now_ms > kMax - jump ? kMax : world_.now_ms + jump;
        world_.now_ms = model_.now_ms = now_ms;
        if (stream_.percent(70)) world_.drop_failed(1 + stream_.below(3));
        if (stream_.percent(40)) return;  // due, but not yet swept
        ++commands_;
        const std::size_t limit = stream_.percent(50) ? stream_.below(4) : 1'000;
        ASSERT_EQ(world_.expire(limit), model_.expire(limit));
    }

    void compare_accounts() {
        for (std::uint64_t number = 1; number <= kAccountIds; ++number) {
            SCOPED_TRACE("account " + std::to_string(number));
            const auto row = find_account(world_.rows, id(number), world_.book);
            const auto model = model_.accounts.find(id(number));
            ASSERT_EQ(row.has_value(), model != model_.accounts.end());
            if (!row) continue;
            ASSERT_TRUE(Wide{row->debits_pending} == model->second.debits_pending);
            ASSERT_TRUE(Wide{row->debits_posted} == model->second.debits_posted);
            ASSERT_TRUE(Wide{row->credits_pending} == model->second.credits_pending);
            ASSERT_TRUE(Wide{row->credits_posted} == model->second.credits_posted);
            ASSERT_EQ(row->flags, model->second.opened.flags);
            ASSERT_EQ(row->timestamp, model->second.timestamp);
        }
    }

    void compare_transfers() {
        std::optional<std::uint64_t> next_due;
        for (const auto& [id, model] : model_.transfers) {
            SCOPED_TRACE("transfer " + std::to_string(id.low));
            const auto row = find_transfer(world_.rows, id, world_.book);
            ASSERT_TRUE(row);
            ASSERT_TRUE(Wide{row->amount} == model.amount);
            ASSERT_EQ(row->timestamp, model.timestamp);
            ASSERT_EQ(row->debit_account, model.debit);
            ASSERT_EQ(row->credit_account, model.credit);
            ASSERT_EQ(row->ledger, model.ledger);
            ASSERT_EQ(row->code, model.code);
            ASSERT_EQ(row->user_data_128, model.user_data_128);
            ASSERT_EQ(row->user_data_64, model.user_data_64);
            const auto state = find_pending(world_.rows, id, world_.book);
            ASSERT_EQ(state.has_value(), model.state != ModelState::plain);
            if (!state) continue;
            ASSERT_EQ(static_cast<int>(state->status), static_cast<int>(model.state));
            const bool open = model.state == ModelState::open;
            ASSERT_TRUE(Wide{state->remaining} == (open ? model.amount : 0));
            if (!open || model.due_ms < 0) continue;
            const auto due_ms = static_cast<std::uint64_t>(model.due_ms);
            if (!next_due || due_ms < *next_due) next_due = due_ms;
        }
        ASSERT_EQ(next_expiry_ms(world_.rows), next_due);
    }

    void compare_histories() {
        for (const auto& [account, model] : model_.histories) {
            std::vector<Id128> reversed;
            Id128 from{};
            while (true) {  // in pages, as a caller would
                const auto next = visit_history(
                    world_.rows, account, from, 7,
                    [&](const Transfer& row) {
                        reversed.push_back(row.id);
                        return true;
                    },
                    world_.book);
                if (!next) break;
                from = *next;
            }
            ASSERT_TRUE(std::equal(reversed.rbegin(), reversed.rend(), model.begin(), model.end()))
                << "history of account " << account.low;
        }
    }

    void compare_all() {
        compare_accounts();
        compare_transfers();
        compare_histories();
        const VerifyReport report = verify(world_.rows.visitor());
        ASSERT_TRUE(report.holds()) << report.problems.front();
        ASSERT_EQ(report.transfers, model_.transfers.size());  // and none that the model does not know
        ASSERT_EQ(report.accounts, model_.accounts.size());
    }

    static constexpr std::size_t kResendable = 30;
    CommandStream stream_;
    std::set<Status>& seen_;
    std::vector<std::pair<std::uint64_t, std::vector<Transfer>>> sent_;  // when, and what
    World world_;
    ReferenceModel model_;
    std::uint64_t commands_ = 0;
};

TEST(LedgerProperty, EngineAndModelAgree) {
    const std::uint64_t seed = kontor_test::test_seed();
    const std::uint64_t wanted = kontor_test::from_environment("KONTOR_COMMANDS", kDefaultCommands);
    std::set<Status> seen;
    std::uint64_t commands = 0;
    std::uint64_t world_seed = seed;
    for (; commands < wanted; ++world_seed) {
        commands += Duel(world_seed, seen).run();
        ASSERT_FALSE(HasFailure()) << "replay this world with KONTOR_SEED=" << world_seed
                                   << " KONTOR_COMMANDS=1";
    }
    std::cout << commands << " commands in " << world_seed - seed << " worlds\n";
    if (commands < 50'000) return;
    for (std::uint16_t number = 0; number < kStatusCount; ++number) {
        const auto status = static_cast<Status>(number);
        if (status == Status::chain_too_long) continue;  // status_test.cc
        EXPECT_TRUE(seen.contains(status)) << "the command streams no longer reach " << to_string(status);
    }
}

}  // namespace
}  // namespace kontor::ledger::testing
