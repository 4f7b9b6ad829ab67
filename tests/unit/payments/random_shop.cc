#include "random_shop.h"
#include "domains/attempts/attempts.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/attempts.pb.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/rows.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "kontor/webhooks_bodies.pb.h"

namespace kontor::payments::testing {
namespace {
constexpr std::uint32_t kCurrencies[] = {kEur, kJpy};
constexpr const char* kTokens[] = {"pm_wallet", "pm_wallet", "pm_card_visa", "pm_card_chargeDeclined"};
}  // namespace

void RandomShop::open_shops() {
    world.keep_log = true;
    const std::tuple<std::uint32_t, std::int64_t, std::uint32_t> terms[] = {
        {0, 0, 0}, {290, 30, 2}, {2'000, 0, 1}, {10'000, 0, 3}};
    for (const auto& [bps, fixed, days] : terms) {
        world.make_merchant(bps, fixed, days);
        shops_.push_back({world.scope, {}, {}, {}, {}, {}});
        scopes.push_back(world.scope);
    }
    shops_.push_back({{world.scope.merchant_no, true}, {}, {}, {}, {}, {}});  // live mode
    scopes.push_back(shops_.back().scope);
    for (Shop& shop : shops_) {
        world.scope = shop.scope;
        for (int i = 0; i < 3; ++i) {
            shop.customers.push_back(world.make_customer());
            for (const std::uint32_t currency : kCurrencies)
                world.top_up(shop.customers.back(), 5'000, currency);
        }
    }
}

RandomShop::Shop& RandomShop::shop_of(Scope scope) {
    for (Shop& shop : shops_) {
        if (shop.scope == scope) return shop;
    }
    throw std::logic_error("no such shop");
}

std::uint64_t RandomShop::pick(std::vector<std::uint64_t> Shop::*kind) {
    Shop& shop = percent(97) ? *shop_ : shops_[below(shops_.size())];
    const auto& all = shop.*kind;
    if (all.empty() || percent(1)) return random_();
    // Mostly new ones: old ones are at their end.
    const std::uint64_t window = percent(70) ? std::min<std::uint64_t>(all.size(), 8) : all.size();
    return all[all.size() - 1 - below(window)];
}

pb::PaymentMethod RandomShop::random_method() {
    return percent(10) ? pb::PaymentMethod() : World::method(kTokens[below(std::size(kTokens))]);
}

template <typename Fill>
pb::Command RandomShop::make(Fill fill) {
    pb::Command command = world.command(fill);
    if (percent(30)) {
        command.set_idempotency_key("key-" + std::to_string(++keys_));
        command.set_params_hash(std::to_string(keys_));
    }
    if (percent(20)) command.add_expand(percent(50) ? "latest_charge" : "charge.balance_transaction");
    return command;
}

pb::Command RandomShop::create_intent() {
    return make([&](pb::Command& c) {
        auto& p = *mutable_body(c, pb::create_payment_intent);
        p.set_amount(static_cast<std::int64_t>(1 + below(800)));
        p.set_currency(kCurrencies[below(2)]);
        if (percent(85)) p.set_customer_no(pick(&Shop::customers));
        p.set_manual_capture(percent(35));
        p.set_confirm(percent(75));
        *p.mutable_payment_method() = random_method();
        p.set_client_secret_suffix("s");
        p.set_error_on_requires_action(percent(20));
    });
}

pb::Command RandomShop::change_intent() {
    const std::uint64_t no = pick(&Shop::intents);
    switch (below(4)) {
        case 0:
            return make([&](pb::Command& c) {
                mutable_body(c, pb::confirm_payment_intent)->set_no(no);
                *mutable_body(c, pb::confirm_payment_intent)->mutable_payment_method() = random_method();
            });
        case 1:
            return make([&](pb::Command& c) {
                mutable_body(c, pb::capture_payment_intent)->set_no(no);
                if (percent(60))
                    mutable_body(c, pb::capture_payment_intent)
                        ->set_amount_to_capture(static_cast<std::int64_t>(below(900)));
            });
        case 2:
            return make([&](pb::Command& c) {
                mutable_body(c, pb::cancel_payment_intent)->set_no(no);
                mutable_body(c, pb::cancel_payment_intent)->set_cancellation_reason("abandoned");
            });
        default:
            return make([&](pb::Command& c) {
                auto& u = *mutable_body(c, pb::update_payment_intent);
                u.set_no(no);
                if (percent(40)) u.set_amount(static_cast<std::int64_t>(below(900)));
                if (percent(20)) u.set_currency(kCurrencies[below(2)]);
                if (percent(20)) u.set_customer_no(pick(&Shop::customers));
                if (percent(40)) u.set_description("text " + std::to_string(below(100)));
                if (percent(30)) *u.mutable_payment_method() = random_method();
            });
    }
}

pb::Command RandomShop::refund() {
    return make([&](pb::Command& c) {
        if (percent(10) && !shop_->refunds.empty()) {
            mutable_body(c, pb::update_refund)->set_no(pick(&Shop::refunds));
            auto& pair = *mutable_body(c, pb::update_refund)->add_metadata();
            pair.set_key("k" + std::to_string(below(5)));
            pair.set_value(percent(30) ? "" : "v");
            return;
        }
        auto& r = *mutable_body(c, pb::create_refund);
        if (percent(50)) {
            r.set_intent_no(pick(&Shop::intents));
        } else {
            r.set_charge_no(pick(&Shop::charges));
        }
        if (percent(70)) r.set_amount(static_cast<std::int64_t>(below(500)));
    });
}

pb::Command RandomShop::customer() {
    return make([&](pb::Command& c) {
        const std::uint64_t what = below(10);
        if (what < 6) {
            mutable_body(c, pb::top_up_wallet)->set_customer_no(pick(&Shop::customers));
            mutable_body(c, pb::top_up_wallet)->set_amount(static_cast<std::int64_t>(below(3'000)));
            mutable_body(c, pb::top_up_wallet)->set_currency(kCurrencies[below(2)]);
            if (shop_->scope.livemode && percent(80)) c.mutable_actor()->set_kind(pb::Actor::SYSTEM);
        } else if (what < 8) {
            mutable_body(c, pb::create_customer)->set_email("a" + std::to_string(below(5)) + "@x.de");
        } else if (what < 9) {
            mutable_body(c, pb::update_customer)->set_no(pick(&Shop::customers));
            mutable_body(c, pb::update_customer)->set_email("a" + std::to_string(below(5)) + "@x.de");
        } else {
            mutable_body(c, pb::delete_customer)->set_no(pick(&Shop::customers));
        }
    });
}

pb::Command RandomShop::webhook() {
    const auto due = webhooks::due_deliveries(world.rows, world.now, 5);
    if (!due.empty() && percent(70)) {
        pb::Command c;
        auto& a = *mutable_body(c, pb::webhook_attempted);
        a.set_delivery_no(due[below(due.size())].no);
        a.set_delivered(percent(60));
        a.mutable_attempt()->set_time_ms(world.now);
        return c;
    }
    return make([&](pb::Command& c) {
        const std::uint64_t what = below(3);
        if (what == 0) {
            mutable_body(c, pb::create_webhook_endpoint)->set_url("https://localhost/");
            mutable_body(c, pb::create_webhook_endpoint)
                ->add_enabled_events(percent(50) ? "*" : "charge.succeeded");
        } else if (what == 1) {
            mutable_body(c, pb::update_webhook_endpoint)->set_no(pick(&Shop::endpoints));
            mutable_body(c, pb::update_webhook_endpoint)->set_disabled(percent(50));
        } else {
            mutable_body(c, pb::delete_webhook_endpoint)->set_no(pick(&Shop::endpoints));
        }
    });
}

// In any order, twice, contradicting itself: whatever a bad network does.
pb::Command RandomShop::channel_answer() {
    pb::Command c;
    c.mutable_actor()->set_kind(pb::Actor::CHANNEL);
    pb::ChannelAnswered a;
    const std::uint64_t window =
        percent(80) ? std::min<std::uint64_t>(attempts_.size(), 6) : attempts_.size();
    a.set_attempt_no(attempts_.empty() ? 1 : attempts_[attempts_.size() - 1 - below(window)]);
    const std::uint64_t what = below(20);
    a.set_state(what < 12   ? pb::ATTEMPT_SUCCEEDED
                : what < 15 ? pb::ATTEMPT_FAILED
                : what < 17 ? pb::ATTEMPT_UNKNOWN
                            : pb::ATTEMPT_WAITING_FOR_PAYER);
    a.set_channel_reference("sbx");
    if (a.state() == pb::ATTEMPT_FAILED)
        a.mutable_error()->set_code(percent(80) ? "card_declined" : std::string(kAuthenticationFailure));
    if (a.state() == pb::ATTEMPT_WAITING_FOR_PAYER) {
        if (percent(80))
            a.mutable_next_action()->set_redirect_url("https://bank.example/" + std::to_string(below(3)));
        else if (percent(80))
            a.mutable_next_action()->set_qr_data("code");
        if (percent(50)) a.mutable_next_action()->set_expires_ms(world.now + 60'000);
    }
    if (percent(70)) {
        *mutable_body(c, pb::channel_answered) = a;
        return c;
    }
    auto& notified = *mutable_body(c, pb::channel_notified);
    notified.set_account_no(percent(95) ? 1 : 2);
    notified.set_notice_id("notice-" + std::to_string(below(200)));
    *notified.mutable_answer() = a;
    return c;
}

pb::Command RandomShop::instance() {
    return make([&](pb::Command& c) {
        c.set_merchant_no(0);
        c.set_livemode(false);
        mutable_body(c, pb::tick);
    });
}

pb::Command RandomShop::random_command() {
    shop_ = &shops_[below(shops_.size())];
    world.scope = shop_->scope;
    const std::uint64_t what = below(100);
    if (what < 28) return create_intent();
    if (what < 48) return change_intent();
    if (what < 62) return refund();
    if (what < 70) return customer();
    if (what < 78) return webhook();
    if (what < 96) return channel_answer();
    return instance();
}

void RandomShop::move_time() {
    if (percent(50)) world.now += static_cast<std::int64_t>(below(60'000));
    if (percent(3)) world.now += static_cast<std::int64_t>(below(30)) * kHour;
    if (percent(2)) world.now -= kHour;  // another leader's clock
}

void RandomShop::learn(const pb::Command& command, const pb::Result& result) {
    if (!command.idempotency_key().empty() && command.merchant_no() != 0) keyed_.push_back(command);
    if (result.waiting_on() != 0) attempts_.push_back(result.waiting_on());
    if (command.merchant_no() == 0) return;
    Shop& shop = shop_of({command.merchant_no(), command.livemode()});
    const auto add = [](std::vector<std::uint64_t>& all, std::uint64_t no) {
        if (no != 0 && (all.empty() || all.back() < no)) all.push_back(no);
    };
    if (result.outcome() != machine::outcome::ok && !has_object(result, pb::payment_intent)) return;
    add(shop.customers, object_in(result, pb::customer).no());
    add(shop.intents, object_in(result, pb::payment_intent).no());
    add(shop.charges, object_in(result, pb::payment_intent).latest_charge_no());
    add(shop.refunds, object_in(result, pb::refund).no());
    add(shop.endpoints, object_in(result, pb::webhook_endpoint).no());
}

void RandomShop::step() {
    move_time();
    pb::Batch batch = world.batch();
    const std::uint64_t size = 1 + below(percent(20) ? 12 : 2);
    for (std::uint64_t i = 0; i < size; ++i) *batch.add_commands() = random_command();
    world.apply(batch);
    for (int i = 0; i < batch.commands_size(); ++i) {
        learn(batch.commands(i), world.effects.results[static_cast<std::size_t>(i)]);
    }
    for (const auto& due :
         attempts::due_attempts(world.rows, INT64_MAX, 1'000)) {  // also those that give money back
        if (std::find(attempts_.begin(), attempts_.end(), due.no) == attempts_.end())
            attempts_.push_back(due.no);
    }
    for (const pb::Result& result : world.effects.resolved_results) {
        if (has_object(result, pb::payment_intent)) {
            const auto& intent = object_in(result, pb::payment_intent);
            Shop& shop = shop_of({intent.merchant_no(), intent.livemode()});
            if (intent.latest_charge_no() != 0) shop.charges.push_back(intent.latest_charge_no());
        }
    }
}

std::optional<pb::Command> RandomShop::keyed_again() {
    if (keyed_.empty()) return std::nullopt;
    return keyed_[keyed_.size() - 1 - below(std::min<std::uint64_t>(keyed_.size(), 20))];
}

}  // namespace kontor::payments::testing
