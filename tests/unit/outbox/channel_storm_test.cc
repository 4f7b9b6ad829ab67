// Money at a channel, in a storm. A reference model stands beside the worker: a channel with a memory of its
// own (model_channel.h) behind a network that loses and delays, nodes that lead, lead no more and crash
// (storm_stage.h), payers and merchants who change their minds. The rows are the real ones, each command an
// entry. After the storm comes peace, and then the channel, the rows and the ledger say the same.
//
//   KONTOR_SEED=n           one run: the seed that a failed one printed
//   KONTOR_FIRST_SEED=n     where the seeds begin (1)
//   KONTOR_SIM_SEEDS=n      how many of them
//   KONTOR_STEPS=n          steps of each
//
// What the storm does comes from the seed, what channel and network do from the seed and the order. Four of
// five seeds wait after each step until the workers have come to rest: such a run is the same each time, but
// for what a worker's own timers do once in a while. Each fifth one does not wait, and then it is the
// machine's business when a worker comes to something: that run is mostly the same again, not always. No rule
// depends on it: each compares with what the worker had looked at.

#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "domains/payments/payments.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/ledger/chart.h"
#include "kontor/machine/audit.h"
#include "kontor/refunds_bodies.pb.h"
#include "storm_stage.h"
#include "support/environment.h"

namespace kontor::outbox::testing {
namespace {

constexpr std::uint64_t kSeeds = 40, kSteps = 300;
constexpr std::size_t kPeaceRounds = 1'000;
constexpr std::uint32_t kEur = 978;
constexpr std::int64_t kSecond = 1'000, kDayAndMore = 25LL * 3'600 * kSecond;

class Storm {
 public:
    explicit Storm(std::uint64_t seed) : stage_(seed), hurries_(seed % 5 == 0), random_(seed) {
        stage_.gain(0);
    }

    void run(std::uint64_t steps) {
        for (std::uint64_t i = 0; i < steps && holds(); ++i) {
            stage_.clock.step(1);
            step();
            if (!hurries_ || percent(50)) stage_.settle();
        }
        if (holds()) peace();
        if (holds()) compare();
        const std::lock_guard lock(stage_.mutex);
        for (const std::string& one : stage_.problems) ADD_FAILURE() << one;
        if (!stage_.problems.empty()) ADD_FAILURE() << stage_.story();
    }
    void add_to(Seen& seen) const {
        const std::lock_guard lock(stage_.mutex);
        seen.add(stage_.seen);
    }

 private:
    [[nodiscard]] bool holds() const {
        const std::lock_guard lock(stage_.mutex);
        return stage_.problems.empty();
    }
    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    bool percent(std::uint64_t p) { return below(100) < p; }

    // ---- the storm ----

    void step() {
        if (!stage_.leader && percent(50)) return gain();
        const std::uint64_t what = below(100);
        if (what < 10) return pay();
        if (what < 18) return change(pb::REQUIRES_CAPTURE);
        if (what < 28) return change(pb::REQUIRES_ACTION);
        if (what < 33) return change(pb::SUCCEEDED);
        if (what < 35) return change(pb::REQUIRES_PAYMENT_METHOD);
        if (what < 55) return stage_.move_letter(random_(), below(100));
        if (what < 63) return payer_acts(percent(75));
        if (what < 75) return percent(80) ? tell_news() : tell_that_there_is_news();
        if (what < 86) return pass_time();
        if (what < 91) return stage_.lose();
        if (what < 95) return hand_over();
        if (what < 98) return crash();
        refuse_a_result();
    }

    void pay() {
        pb::Command command = stage_.world.mine();
        auto& create = *mutable_body(command, pb::create_payment_intent);
        create.set_amount(static_cast<std::int64_t>(100 + below(900)));
        create.set_currency(kEur);
        create.set_manual_capture(percent(45));
        create.set_error_on_requires_action(percent(15));
        *create.mutable_payment_method() = kontor_test::method("pm_card_visa");
        create.set_confirm(true);
        create.set_client_secret_suffix("x");
        const bool is_sale = !create.manual_capture();
        const std::lock_guard lock(stage_.mutex);
        const auto result = stage_.apply(command);
        ASSERT_NE(result.waiting_on(), 0U);
        intents_.push_back(object_in(result, pb::payment_intent).no());
        stage_.say(result.waiting_on(), is_sale ? "is a sale" : "is an authorisation");
    }

    // A merchant, with a payment in this state.
    void change(pb::IntentStatus status) {
        const auto intent = pick(status);
        if (!intent) return;
        pb::Command command = stage_.world.mine();
        const std::uint64_t no = intent->no(), what = below(3);
        if (status == pb::SUCCEEDED) {
            auto& refund = *mutable_body(command, pb::create_refund);
            refund.set_intent_no(no);
            if (what != 0) refund.set_amount(static_cast<std::int64_t>(1 + below(500)));
        } else if (status == pb::REQUIRES_CAPTURE && what != 0) {
            auto& capture = *mutable_body(command, pb::capture_payment_intent);
            capture.set_no(no);
            if (what == 1) capture.set_amount_to_capture(static_cast<std::int64_t>(1 + below(500)));
        } else if (status == pb::REQUIRES_PAYMENT_METHOD || (status == pb::REQUIRES_ACTION && what == 0)) {
            auto& confirm = *mutable_body(command, pb::confirm_payment_intent);
            confirm.set_no(no);
            *confirm.mutable_payment_method() = kontor_test::method("pm_card_visa");
        } else if (status == pb::REQUIRES_ACTION && what == 1) {
            auto& update = *mutable_body(command, pb::update_payment_intent);
            update.set_no(no);
            update.set_amount(intent->amount() + 1);
        } else {
            mutable_body(command, pb::cancel_payment_intent)->set_no(no);
        }
        const std::lock_guard lock(stage_.mutex);
        if (intent->attempt_no() != 0) stage_.say(intent->attempt_no(), "is not wanted any more");
        const auto result = stage_.apply(command);
        if (result.waiting_on() != 0) stage_.say(result.waiting_on(), "is what the merchant wants");
    }
    std::optional<pb::PaymentIntent> pick(pb::IntentStatus status) {
        const std::uint64_t start = below(intents_.size() + 1);
        for (std::size_t i = 0; i < intents_.size(); ++i) {
            auto found = intent(intents_[(start + i) % intents_.size()]);
            if (found.status() == status) return found;
        }
        return std::nullopt;
    }
    pb::PaymentIntent intent(std::uint64_t no) const {
        std::optional<pb::PaymentIntent> found;
        stage_.world.read([&](const store::Reader& rows, std::uint64_t) {
            found = payments::find_intent(rows, {stage_.world.merchant_no, false}, no);
        });
        return found.value();
    }

    void payer_acts(bool pays) {
        const std::lock_guard lock(stage_.mutex);
        const auto waiting = stage_.channel.with_payers();
        if (waiting.empty()) return;
        const std::string& reference = waiting[below(waiting.size())];
        stage_.channel.payer_acts(reference, pays);
        stage_.say(stage_.channel.find(reference)->order.no, pays ? "is paid by its payer" : "is left");
    }
    // The channel says what ended, now and then twice.
    void tell_news() {
        const std::lock_guard lock(stage_.mutex);
        auto& news = stage_.channel.news;
        if (news.empty()) return;
        const auto at = news.begin() + static_cast<std::ptrdiff_t>(below(news.size()));
        const Deal& deal = *stage_.channel.find(*at);
        const bool is_done = deal.state == Deal::State::done;
        notify(deal.order.no, is_done ? pb::ATTEMPT_SUCCEEDED : pb::ATTEMPT_FAILED,
               std::string(kNamed) + deal.order.reference);
        if (!percent(15)) news.erase(at);
    }
    // Of any order, and no more than that: it is to be asked.
    void tell_that_there_is_news() {
        const std::lock_guard lock(stage_.mutex);
        if (stage_.open.empty()) return;
        const std::uint64_t no =
            *std::next(stage_.open.begin(), static_cast<std::ptrdiff_t>(below(stage_.open.size())));
        notify(no, pb::ATTEMPT_UNKNOWN, {});
        stage_.was_told_of(no);
    }
    void notify(std::uint64_t no, pb::AttemptState state, const std::string& name) {
        pb::Command command = machine::new_command(pb::Actor::CHANNEL);
        auto& notified = *mutable_body(command, pb::channel_notified);
        notified.set_account_no(1);
        notified.set_notice_id("notice " + std::to_string(++notices_));
        notified.mutable_answer()->set_attempt_no(no);
        notified.mutable_answer()->set_state(state);
        notified.mutable_answer()->set_channel_reference(name);
        if (state == pb::ATTEMPT_FAILED) notified.mutable_answer()->mutable_error()->set_code(kDeclines);
        stage_.say(no, "is in a notice, state " + std::to_string(state));
        stage_.apply(command);
    }

    void pass_time() {
        const std::uint64_t what = below(10);
        if (what < 6)
            to_next_try();
        else
            stage_.clock.step(what < 9 ? static_cast<std::int64_t>(below(20)) * kSecond : kDayAndMore);
        tick();
    }
    void to_next_try() {
        const auto due = stage_.due_until(kForever);
        if (!due.empty()) stage_.clock.set_wall(std::max(stage_.clock.wall_ms(), due.front().due_ms));
    }
    void tick() {
        pb::Command command = machine::new_command(pb::Actor::SYSTEM);
        mutable_body(command, pb::tick);
        stage_.apply(command);
        if (stage_.leader) stage_.nodes[*stage_.leader]->poke();
    }

    void gain() {
        last_ = percent(70) ? 1 - last_ : last_;
        stage_.gain(last_);
    }
    void hand_over() {
        stage_.lose();
        gain();
    }
    // Its machine starts it again.
    void crash() {
        const std::size_t i = below(2);
        const bool led = stage_.leader == i;
        stage_.crash(i);
        if (led) gain();
    }
    void refuse_a_result() {
        const std::lock_guard lock(stage_.mutex);
        if (stage_.leader) stage_.nodes[*stage_.leader]->refuses = 1;
    }

    // ---- peace ----

    // Everything arrives and is answered, and payers decide; some never do.
    void peace() {
        {
            const std::lock_guard lock(stage_.mutex);
            stage_.is_peaceful = true;
            stage_.say(0, "peace");
            for (auto& node : stage_.nodes) node->refuses = 0;
        }
        if (!stage_.leader) stage_.gain(0);
        stage_.cut_off(1 - *stage_.leader);
        while (has_letters()) stage_.move_letter(0, 50);
        for (std::size_t i = 0; i < kPeaceRounds && holds(); ++i) {
            payer_acts(percent(75));
            while (has_news()) tell_news();
            stage_.settle();
            const auto due = stage_.due_until(kForever);
            if (due.empty() && !has_news()) return;
            to_next_try();
            stage_.clock.step(1);
            tick();
        }
        if (holds()) stage_.problem(0, "the peace comes to no end");
    }
    bool has_letters() const {
        const std::lock_guard lock(stage_.mutex);
        return !stage_.letters.empty();
    }
    bool has_news() const {
        const std::lock_guard lock(stage_.mutex);
        return !stage_.channel.news.empty();
    }

    // ---- the channel, the rows and the ledger ----

    struct Sums {
        std::array<std::int64_t, pb::ChannelOperation_ARRAYSIZE> by_operation{};  // what succeeded
        std::int64_t held = 0;                                                    // by the channel, for us
        std::int64_t reserved = 0;  // by payers' banks, for payments that may be captured
        std::int64_t suspense = 0;
    };

    void compare() {
        const std::lock_guard lock(stage_.mutex);
        Sums channel, rows;
        for (const auto& [reference, times] : stage_.channel.moves())
            if (times != 1)
                stage_.problem(stage_.channel.find(reference)->order.no,
                               "was done " + std::to_string(times) + " times");
        for (const auto& [reference, deal] : stage_.channel.deals())
            if (deal.state == Deal::State::done)
                channel.by_operation.at(static_cast<std::size_t>(deal.order.operation)) += deal.order.amount;
        for (const std::uint64_t no : intents_) compare(no, rows);
        EXPECT_EQ(channel.by_operation, rows.by_operation)
            << "-, sold, authorised, captured, voided, refunded";
        ledger_says(ledger::AccountKind::channel_receivable, rows.held, rows.reserved);
        ledger_says(ledger::AccountKind::suspense, -rows.suspense, 0);
        expect_whole();
        if (::testing::Test::HasFailure()) stage_.problem(0, "the books are not those of the channel");
    }

    // Each attempt of a payment, and the payment as a whole.
    void compare(std::uint64_t no, Sums& sums) {
        const auto all = stage_.world.attempts(no);
        const bool can_be_captured = intent(no).status() == pb::REQUIRES_CAPTURE;
        std::int64_t held = 0, late = 0;
        for (const pb::ChannelAttempt& attempt : all) {
            const Deal* deal = stage_.channel.find(format_id(attempts::prefix::attempt, attempt.no()));
            const bool is_done = deal != nullptr && deal->state == Deal::State::done;
            const bool has_succeeded = attempt.state() == pb::ATTEMPT_SUCCEEDED || attempt.late_success();
            if (is_done != has_succeeded || (is_done && deal->order.amount != attempt.amount()))
                stage_.problem(attempt.no(), "is not in the rows what it is at the channel");
            if (deal != nullptr && deal->state == Deal::State::waits_for_payer &&
                attempt.error().code() != kDeclines &&
                newest_that_undoes(attempt, pb::CHANNEL_VOID, all) == nullptr)
                stage_.problem(attempt.no(),
                               "is over, and nobody told the channel, which waits for its payer");
            if (!is_done) continue;
            sums.by_operation.at(attempt.operation()) += attempt.amount();
            held += deal->captured - deal->given_back;
            if (attempt.late_success()) {
                late += left_of(attempt, *deal, all);
            } else if (deal->holds) {
                sums.reserved += attempt.amount();
                if (!can_be_captured)
                    stage_.problem(attempt.no(), "is held at the channel, and nobody knows");
            }
        }
        if (held != kept(no) + late)
            stage_.problem(all.back().no(), "is of a payment with " + std::to_string(held) +
                                                " at the channel, and " + std::to_string(kept(no)) + " + " +
                                                std::to_string(late) + " in the rows");
        sums.held += held;
        sums.suspense += late;
    }
    static const pb::ChannelAttempt* newest_that_undoes(const pb::ChannelAttempt& attempt,
                                                        pb::ChannelOperation operation,
                                                        const std::vector<pb::ChannelAttempt>& all) {
        const pb::ChannelAttempt* found = nullptr;
        for (const pb::ChannelAttempt& one : all)
            if (one.compensates() == attempt.no() && one.operation() == operation) found = &one;
        return found;
    }
    // What came late was given back: what the channel did not take of it lies in suspense.
    std::int64_t left_of(const pb::ChannelAttempt& late, const Deal& deal,
                         const std::vector<pb::ChannelAttempt>& all) {
        const bool is_sale = late.operation() == pb::CHANNEL_SALE;
        const auto* back = newest_that_undoes(late, is_sale ? pb::CHANNEL_REFUND : pb::CHANNEL_VOID, all);
        ++stage_.seen.late;
        if (back == nullptr) {
            stage_.problem(late.no(), "came late and was not given back");
            return 0;
        }
        const bool is_back = back->state() == pb::ATTEMPT_SUCCEEDED;
        stage_.seen.given_back += is_back ? 1 : 0;
        if (is_back && (deal.holds || deal.captured != deal.given_back))
            stage_.problem(late.no(), "was given back, and the channel has it yet");
        return is_sale && !is_back ? late.amount() : 0;
    }
    // The payment's own money, as the merchant sees it.
    std::int64_t kept(std::uint64_t no) const {
        std::optional<pb::Charge> charge;
        stage_.world.read([&](const store::Reader& rows, std::uint64_t) {
            charge =
                payments::find_charge(rows, {stage_.world.merchant_no, false}, intent(no).latest_charge_no());
        });
        return charge && charge->captured() ? charge->amount_captured() - charge->amount_refunded() : 0;
    }

    void ledger_says(ledger::AccountKind kind, std::int64_t balance, std::int64_t reserved) const {
        std::optional<ledger::Account> account;
        stage_.world.read([&](const store::Reader& rows, std::uint64_t) {
            account =
                ledger::find_account(rows, ledger::system_account(kind, ledger::ledger_number(kEur, false),
                                                                  ledger::platform_owner(0, 1)));
        });
        if (!account) account.emplace();
        EXPECT_EQ(static_cast<std::int64_t>(account->debits_posted - account->credits_posted), balance)
            << "account of kind " << static_cast<int>(kind);
        EXPECT_EQ(static_cast<std::int64_t>(account->debits_pending), reserved);
        EXPECT_EQ(account->credits_pending, 0U) << "a refund is under way";
    }
    // The books balance, and every domain's rows hold.
    void expect_whole() const {
        stage_.world.read([this](const store::Reader& rows, std::uint64_t) {
            const auto each = [this](store::TableId table, const store::Reader::Visitor& visit) {
                stage_.world.rows.visit_table(table, visit);
            };
            const ledger::VerifyReport books = ledger::verify(each);
            EXPECT_TRUE(books.holds()) << (books.problems.empty() ? "" : books.problems[0]);
            const auto report = machine::audit(domains::registry(), rows, each);
            for (const machine::Break& one : report.breaks)
                ADD_FAILURE() << one.invariant << ": " << one.first;
        });
    }

    Stage stage_;
    const bool hurries_;  // and does not wait for the workers after each step
    std::mt19937_64 random_;
    std::vector<std::uint64_t> intents_;
    std::uint64_t notices_ = 0;
    std::size_t last_ = 0;  // who led
};

TEST(ChannelStorm, NoMoneyMovesTwiceAndNoneIsLost) {
    const bool is_one = kontor_test::one_seed_only();
    const std::uint64_t first = is_one ? kontor_test::test_seed() : kontor_test::first_seed();
    const std::uint64_t seeds = is_one ? 1 : kontor_test::from_environment("KONTOR_SIM_SEEDS", kSeeds);
    const std::uint64_t steps = kontor_test::from_environment("KONTOR_STEPS", kSteps);
    Seen seen;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
        if (!is_one) std::cout << "KONTOR_SEED=" << seed << std::endl;  // also of one that ends the process
        Storm storm(seed);
        storm.run(steps);
        ASSERT_FALSE(HasFailure()) << "KONTOR_SEED=" << seed;
        storm.add_to(seen);
    }
    for (const auto& [name, count] : Seen::kCounts) std::cout << seen.*count << " " << name << "\n";
    if (is_one || seeds < kSeeds || steps < kSteps) return;
    // A storm that no longer gets there would prove nothing.
    for (const auto& [name, count] : Seen::kCounts) EXPECT_GT(seen.*count, 0U) << "no " << name;
}

}  // namespace
}  // namespace kontor::outbox::testing
