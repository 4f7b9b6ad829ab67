#pragma once
// A state machine over memory rows, with one merchant in test and live mode, and short words for commands.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "domains/all.h"
#include "domains/attempts/attempts.h"
#include "domains/balances/balances.h"
#include "domains/customers/customers.h"
#include "domains/ledger_book/outcomes.h"
#include "domains/payments/ids.h"
#include "domains/payments/limits.h"
#include "domains/payments/outcomes.h"
#include "domains/payments/payments.h"
#include "domains/refunds/ids.h"
#include "domains/refunds/outcomes.h"
#include "domains/refunds/refunds.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/attempts.pb.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/balances.pb.h"
#include "kontor/base/bytes.h"
#include "kontor/base/object_id.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/ledger/chart.h"
#include "kontor/ledger/ledger.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/audit.h"
#include "kontor/machine/events.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/rows.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "support/memory_rows.h"
#include "support/methods.h"
#include "support/sandbox_account.h"

namespace kontor::payments {

using namespace machine;  // the frame's words, as in the domains

inline Listed<FoundEvent> list_events(const store::Reader& rows, Scope scope, const ListQuery& query) {
    Bound bound = whole_list();
    return machine::list_events(rows, scope, query, bound);
}

}  // namespace kontor::payments

namespace kontor::payments::testing {

inline constexpr std::uint32_t kEur = 978;
inline constexpr std::uint32_t kJpy = 392;
inline constexpr std::int64_t kSecond = 1000;
inline constexpr std::int64_t kHour = 3600 * kSecond;
inline constexpr std::int64_t kDay = 24 * kHour;
inline constexpr std::int64_t kStart = 1'800'000'000'000;  // not at midnight

// What an audit found, a line each.
inline std::string said(const AuditReport& report) {
    std::string all;
    for (const Break& one : report.breaks)
        all += std::string(one.domain) + ": " + std::string(one.invariant) + ": " + one.first + "\n";
    return all;
}

class World {
 public:
    World() : rows(domains::registry().tables()) {
        effects.now.machine_ms = now;
        EXPECT_EQ(apply(kontor_test::open_sandbox()).outcome(), machine::outcome::ok);
    }

    pb::Result apply(const pb::Command& command) {
        pb::Batch batch = this->batch();
        *batch.add_commands() = command;
        apply(batch);
        return effects.results.at(0);
    }
    // An empty one. Both clocks agree until a test says otherwise.
    pb::Batch batch() const {
        pb::Batch batch = new_batch(std::string(kSaltBytes, 's'));
        batch.set_machine_ms(now);
        batch.set_utc_ms(now + wall_ahead);
        return batch;
    }
    void apply(const pb::Batch& batch) {
        machine.apply(rows, ++index, batch, effects);
        if (keep_log) log.push_back(batch);
        audit_records.insert(audit_records.end(), effects.audit_records.begin(), effects.audit_records.end());
    }

    // A command of the merchant; `fill` gets it.
    template <typename Fill>
    pb::Command command(Fill fill) const {
        pb::Command out;
        out.set_version(kCommandVersion);
        out.set_merchant_no(scope.merchant_no);
        out.set_livemode(scope.livemode);
        out.mutable_actor()->set_kind(pb::Actor::API_KEY);
        out.set_request_id("req_1");
        fill(out);
        // What no key may do, the platform's own parts do.
        if (out.actor().kind() == pb::Actor::API_KEY && !domains::registry().keys_may(out.kind()))
            out.mutable_actor()->set_kind(pb::Actor::SYSTEM);
        return out;
    }
    template <typename Fill>
    pb::Result run(Fill fill) {
        return apply(command(fill));
    }

    std::uint64_t make_merchant(std::uint32_t fee_bps = 0, std::int64_t fee_fixed = 0,
                                std::uint32_t delay = 0) {
        const auto result = run([&](pb::Command& c) {
            auto& m = *mutable_body(c, pb::create_merchant);
            m.set_name("Shop");
            m.set_fee_bps(fee_bps);
            m.set_fee_fixed_minor(fee_fixed);
            m.set_settlement_delay_days(delay);
        });
        EXPECT_EQ(result.outcome(), machine::outcome::ok);
        scope.merchant_no = object_in(result, pb::merchant).no();
        return scope.merchant_no;
    }
    std::uint64_t make_customer(const std::string& email = {}) {
        const auto result =
            run([&](pb::Command& c) { mutable_body(c, pb::create_customer)->set_email(email); });
        EXPECT_EQ(result.outcome(), machine::outcome::ok);
        return object_in(result, pb::customer).no();
    }
    pb::Result top_up(std::uint64_t customer, std::int64_t amount, std::uint32_t currency = kEur) {
        return run([&](pb::Command& c) {
            auto& t = *mutable_body(c, pb::top_up_wallet);
            t.set_customer_no(customer);
            t.set_amount(amount);
            t.set_currency(currency);
        });
    }
    std::uint64_t customer_with(std::int64_t amount) {
        const auto customer = make_customer();
        EXPECT_EQ(top_up(customer, amount).outcome(), machine::outcome::ok);
        return customer;
    }
    static pb::PaymentMethod method(const std::string& token) { return kontor_test::method(token); }
    using Fill = std::function<void(pb::Command&, pb::CreatePaymentIntent&)>;
    pb::Command pay_command(const std::string& token, std::int64_t amount, std::uint64_t customer = 0,
                            const Fill& more = {}) const {
        return command([&](pb::Command& c) {
            auto& p = *mutable_body(c, pb::create_payment_intent);
            p.set_amount(amount);
            p.set_currency(kEur);
            p.set_customer_no(customer);
            p.set_confirm(true);
            if (!token.empty()) *p.mutable_payment_method() = method(token);
            p.set_client_secret_suffix("s3cr3t");
            if (more) more(c, p);
        });
    }
    pb::Result pay(const std::string& token, std::int64_t amount, std::uint64_t customer = 0,
                   const Fill& more = {}) {
        return apply(pay_command(token, amount, customer, more));
    }
    pb::Result wallet(std::int64_t amount, std::uint64_t customer) {
        return pay("pm_wallet", amount, customer);
    }
    pb::Result authorize(const std::string& token, std::int64_t amount, std::uint64_t customer = 0) {
        return pay(token, amount, customer,
                   [](pb::Command&, pb::CreatePaymentIntent& p) { p.set_manual_capture(true); });
    }
    // The channel's answer; the Result that waited for it, if somebody did.
    pb::Result answer(std::uint64_t attempt, pb::AttemptState state,
                      const std::string& code = "card_declined",
                      const std::string& decline_code = "generic_decline") {
        pb::Command c;
        c.set_version(kCommandVersion);
        c.mutable_actor()->set_kind(pb::Actor::CHANNEL);
        auto& a = *mutable_body(c, pb::channel_answered);
        a.set_attempt_no(attempt);
        a.set_state(state);
        if (state == pb::ATTEMPT_SUCCEEDED) a.set_channel_reference("sbx_" + std::to_string(attempt));
        if (state == pb::ATTEMPT_FAILED) {
            a.mutable_error()->set_type("card_error");
            a.mutable_error()->set_code(code);
            a.mutable_error()->set_decline_code(decline_code);
            a.mutable_error()->set_message("Your card was declined.");
        }
        apply(c);
        return effects.resolved_results.empty() ? pb::Result() : effects.resolved_results.at(0);
    }
    // The channel wants the payer to go somewhere.
    pb::Result ask_payer(std::uint64_t attempt, const std::string& url = "https://bank.example/1",
                         std::int64_t expires_ms = 0) {
        pb::Command c;
        c.set_version(kCommandVersion);
        c.mutable_actor()->set_kind(pb::Actor::CHANNEL);
        auto& a = *mutable_body(c, pb::channel_answered);
        a.set_attempt_no(attempt);
        a.set_state(pb::ATTEMPT_WAITING_FOR_PAYER);
        a.set_channel_reference("sbx_" + std::to_string(attempt));
        a.mutable_next_action()->set_redirect_url(url);
        a.mutable_next_action()->set_expires_ms(expires_ms);
        apply(c);
        return effects.resolved_results.empty() ? pb::Result() : effects.resolved_results.at(0);
    }
    pb::Result notify(std::uint64_t attempt, pb::AttemptState state, const std::string& id,
                      std::uint64_t account_no = 1) {
        pb::Command c;
        c.set_version(kCommandVersion);
        c.mutable_actor()->set_kind(pb::Actor::CHANNEL);
        auto& n = *mutable_body(c, pb::channel_notified);
        n.set_account_no(account_no);
        n.set_notice_id(id);
        n.mutable_answer()->set_attempt_no(attempt);
        n.mutable_answer()->set_state(state);
        n.mutable_answer()->set_channel_reference("sbx_" + std::to_string(attempt));
        return apply(c);
    }
    pb::Result succeed(std::uint64_t attempt) { return answer(attempt, pb::ATTEMPT_SUCCEEDED); }
    pb::Result fail(std::uint64_t attempt) { return answer(attempt, pb::ATTEMPT_FAILED); }
    // A card payment to its end.
    pb::Result card(std::int64_t amount) { return succeed(pay("pm_card_visa", amount).waiting_on()); }

    pb::Result confirm(std::uint64_t intent, const std::string& token = {}) {
        return run([&](pb::Command& c) {
            mutable_body(c, pb::confirm_payment_intent)->set_no(intent);
            if (!token.empty())
                *mutable_body(c, pb::confirm_payment_intent)->mutable_payment_method() = method(token);
        });
    }
    pb::Result capture(std::uint64_t intent, std::int64_t amount = 0) {
        return run([&](pb::Command& c) {
            mutable_body(c, pb::capture_payment_intent)->set_no(intent);
            if (amount != 0) mutable_body(c, pb::capture_payment_intent)->set_amount_to_capture(amount);
        });
    }
    pb::Result cancel(std::uint64_t intent) {
        return run([&](pb::Command& c) {
            mutable_body(c, pb::cancel_payment_intent)->set_no(intent);
            mutable_body(c, pb::cancel_payment_intent)->set_cancellation_reason("requested_by_customer");
        });
    }
    pb::Result refund(std::uint64_t intent, std::int64_t amount = 0) {
        return run([&](pb::Command& c) {
            mutable_body(c, pb::create_refund)->set_intent_no(intent);
            if (amount != 0) mutable_body(c, pb::create_refund)->set_amount(amount);
        });
    }
    // As on a node that is in use: entries are made all the while.
    void run_for(std::int64_t ms) {
        for (std::int64_t left = ms; left > 0; left -= machine::limits::kRunningGapMs) {
            now += std::min(left, machine::limits::kRunningGapMs);
            make_customer();
        }
    }
    machine::Times next() const { return next_due(domains::registry(), rows); }
    pb::Result tick() {
        return run([](pb::Command& c) {
            c.set_merchant_no(0);
            mutable_body(c, pb::tick);
        });
    }

    pb::PaymentIntent intent(std::uint64_t no) const { return find_intent(rows, scope, no).value(); }
    pb::Charge charge(std::uint64_t no) const { return find_charge(rows, scope, no).value(); }
    pb::Charge charge_of(std::uint64_t intent_no) const {
        return charge(intent(intent_no).latest_charge_no());
    }
    std::int64_t wallet_of(std::uint64_t customer) const {
        const auto lines = customers::wallet_balance(rows, scope, customer);
        return lines.empty() ? 0 : lines[0].available;
    }
    balances::BalanceLine balance() const {
        const auto lines = balances::merchant_balance(rows, scope);
        return lines.empty() ? balances::BalanceLine{} : lines[0];
    }
    std::int64_t sum_of_transactions(std::uint32_t currency = kEur) const {
        std::int64_t sum = 0;
        rows.visit_table(24, [&](std::string_view, std::string_view value) {
            pb::BalanceTransaction row;
            EXPECT_TRUE(row.ParseFromArray(value.data(), static_cast<int>(value.size())));
            if (row.merchant_no() == scope.merchant_no && row.livemode() == scope.livemode &&
                row.currency() == currency)
                sum += row.net();
            return true;
        });
        return sum;
    }
    ledger::VerifyReport verify() const {
        return ledger::verify([this](store::TableId table, const store::Reader::Visitor& visit) {
            rows.visit_table(table, visit);
        });
    }
    AuditReport audit() const {
        return kontor::machine::audit(domains::registry(), rows,
                                      [this](store::TableId table, const store::Reader::Visitor& visit) {
                                          rows.visit_table(table, visit);
                                      });
    }
    // The books balance, and every domain's rows hold.
    void expect_whole() const {
        const ledger::VerifyReport books = verify();
        EXPECT_TRUE(books.holds()) << (books.problems.empty() ? "" : books.problems[0]);
        const AuditReport report = audit();
        EXPECT_TRUE(report.holds()) << said(report);
    }
    std::vector<std::string> event_types() const {
        std::vector<std::string> types;
        for (const auto& audit_record : effects.audit_records)
            for (const auto& event : audit_record.events()) types.push_back(event.type());
        return types;
    }

    kontor::testing::MemoryRows rows;
    domains::Machine machine;
    Effects effects;  // of the last batch
    std::vector<pb::AuditRecord> audit_records;
    std::vector<pb::Batch> log;
    bool keep_log = false;
    std::uint64_t index = 0;
    std::int64_t now = kStart;    // machine time
    std::int64_t wall_ahead = 0;  // of it: UTC
    Scope scope;
};

using Types = std::vector<std::string>;

}  // namespace kontor::payments::testing
