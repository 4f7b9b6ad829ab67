// After the storm: the leader's workers do all that is due, customers pay, and nothing waits for long.

#include <algorithm>

#include "domains/all.h"
#include "domains/attempts/attempts.h"
#include "domains/payments/payments.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/attempts.pb.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/times.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/webhooks_bodies.pb.h"
#include "shop.h"
#include "support/methods.h"

namespace kontor::sim {

namespace {
constexpr std::uint64_t kPaysEveryMs = 300;
constexpr std::size_t kWorkAtOnce = 40;
}  // namespace

void Shop::faults_ended() {
    old_timed_ = timed_;
    next_payment_ms_ = cluster_.now();
}

void Shop::work() {
    const auto leader = cluster_.leader();
    const bool pays =
        cluster_.now() >= next_payment_ms_ && merchant_ != 0 && has_sandbox_ && banks_.size() == 3;
    std::vector<Wish> mine;
    if (pays) {
        next_payment_ms_ = cluster_.now() + kPaysEveryMs;
        mine.push_back(card_payment());
    }
    if (!leader || !cluster_.caught_up(*leader)) {
        for (Wish& wish : mine) again(std::move(wish));  // nobody takes it just now
        return;
    }
    std::vector<Wish> wishes = due_wishes();
    for (Wish& wish : due_chores(*leader)) wishes.push_back(std::move(wish));
    for (Wish& wish : mine) wishes.push_back(std::move(wish));
    if (!wishes.empty()) send(*leader, std::move(wishes));
}

Shop::Wish Shop::card_payment() {
    Wish wish{command(), Kind::keyed};
    auto& p = *mutable_body(wish.command, pb::create_payment_intent);
    p.set_amount(100);
    p.set_currency(978);
    p.set_confirm(true);
    p.set_client_secret_suffix("s");
    *p.mutable_payment_method() = kontor_test::method("pm_card_visa");
    wish.command.set_idempotency_key("peace-" + std::to_string(++keys_));
    wish.command.set_params_hash(std::to_string(keys_));
    wish.asked_ms = cluster_.now();
    paying_.emplace(wish.command.idempotency_key(), wish.asked_ms);
    return wish;
}

std::vector<Shop::Wish> Shop::due_chores(std::size_t leader) {
    std::vector<Wish> out;
    const auto add = [&]() -> pb::Command& {
        out.emplace_back();
        out.back().command.set_version(machine::kCommandVersion);
        return out.back().command;
    };
    const std::int64_t machine = cluster_.worker_now_ms(leader), utc = cluster_.wall_ms(leader);
    cluster_.state(leader).read([&](const store::Reader& rows) {
        if (machine::is_due(machine::next_due(domains::registry(), rows),
                            machine::times_at(rows, machine, utc)))
            mutable_body(add(), pb::tick);
        for (const auto& due : attempts::due_attempts(rows, machine, kWorkAtOnce)) {
            pb::Command& c = add();
            c.mutable_actor()->set_kind(pb::Actor::CHANNEL);
            mutable_body(c, pb::channel_answered)->set_attempt_no(due.no);
            mutable_body(c, pb::channel_answered)->set_state(pb::ATTEMPT_SUCCEEDED);
            mutable_body(c, pb::channel_answered)->set_channel_reference("sbx");
        }
        for (const auto& due : webhooks::due_deliveries(rows, machine, kWorkAtOnce)) {
            auto& tried = *mutable_body(add(), pb::webhook_attempted);
            tried.set_delivery_no(due.no);
            tried.set_delivered(true);
            tried.mutable_attempt()->set_time_ms(utc);
        }
    });
    return out;
}

void Shop::check_not_stuck(std::uint64_t since_ms, std::uint64_t stuck_ms) {
    const auto stuck = [&](std::uint64_t asked_ms) {
        return std::max(asked_ms, since_ms) + stuck_ms <= cluster_.now();
    };
    const auto leader = cluster_.leader();
    if (!leader || !cluster_.caught_up(*leader))
        return cluster_.violate("nobody leads after the faults have ended");
    for (const Wish& wish : open_)
        if (stuck(wish.asked_ms)) return cluster_.violate("a command of the time before has no answer yet");
    for (const auto& [key, asked_ms] : paying_)
        if (stuck(asked_ms)) return cluster_.violate("a card payment has no answer");
    const std::int64_t long_due = cluster_.machine_now_ms(*leader) - static_cast<std::int64_t>(stuck_ms);
    cluster_.state(*leader).read([&](const store::Reader& rows) {
        for (auto it = processing_.begin(); it != processing_.end();) {
            const auto intent = payments::find_intent(rows, {merchant_, false}, it->first);
            if (!intent) cluster_.violate("a card payment is not there");
            const bool is_over = !intent || intent->status() != pb::PROCESSING;
            if (!is_over && stuck(it->second)) cluster_.violate("a card payment stays in processing");
            it = is_over ? processing_.erase(it) : std::next(it);
        }
        if (!attempts::due_attempts(rows, long_due, 1).empty()) cluster_.violate("a channel is not asked");
        if (!webhooks::due_deliveries(rows, long_due, 1).empty()) cluster_.violate("a webhook is not sent");
        if (machine::is_due(machine::next_due(domains::registry(), rows), {long_due, 0, 0}))
            cluster_.violate("due work is not done");
    });
}

void Shop::check_time_outs() {
    const auto leader = cluster_.leader();
    if (!leader) return;
    cluster_.state(*leader).read([&](const store::Reader& rows) {
        for (const std::uint64_t id : old_timed_) {
            const auto state = ledger::find_pending(rows, {2, id}, ledger::book_of(merchant_, false));
            if (state && state->status == ledger::PendingStatus::pending)
                return cluster_.violate("reservation " + std::to_string(id) + " does not run out");
        }
    });
}

}  // namespace kontor::sim
