// What the customers ask for.

#include "domains/all.h"
#include "domains/attempts/attempts.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/attempts.pb.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/ledger/packed.h"
#include "kontor/ledger_book_bodies.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/times.h"
#include "kontor/members_bodies.pb.h"
#include "kontor/operators_bodies.pb.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "kontor/webhooks_bodies.pb.h"
#include "shop.h"
#include "support/methods.h"
#include "support/sandbox_account.h"

namespace kontor::sim {

namespace {

constexpr std::uint32_t kCurrencies[] = {978, 392};
constexpr const char* kTokens[] = {"pm_wallet", "pm_wallet", "pm_card_visa", "pm_card_chargeDeclined"};
constexpr std::uint32_t kLedger = 77;
// Of the book: 1 to 3 take simple transfers only, 11 to 16 everything else.
constexpr std::uint64_t kSimple = 3, kFirstWild = 11, kWild = 6, kPayer = 9;

pb::PaymentMethod method(const char* token) {
    return kontor_test::method(token);
}

}  // namespace

std::string Shop::random_bytes(std::size_t size) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(below(256)));
    return out;
}

std::uint64_t Shop::pick(const std::vector<std::uint64_t>& all) {
    if (all.empty()) return 1 + below(1'000);
    const std::uint64_t window = percent(70) ? std::min<std::uint64_t>(all.size(), 6) : all.size();
    return all[all.size() - 1 - below(window)];
}

pb::Command Shop::command() {
    pb::Command out;
    out.set_version(machine::kCommandVersion);
    out.set_merchant_no(merchant_);
    out.mutable_actor()->set_kind(pb::Actor::API_KEY);
    out.set_request_id("req_" + std::to_string(below(1'000'000)));
    return out;
}

pb::Command Shop::first_command() {
    pb::Command c;
    c.set_version(machine::kCommandVersion);
    c.mutable_actor()->set_kind(pb::Actor::SYSTEM);
    auto& m = *mutable_body(c, pb::create_merchant);
    m.set_name("Shop");
    m.set_fee_bps(290);
    m.set_fee_fixed_minor(30);
    m.set_settlement_delay_days(static_cast<std::uint32_t>(below(3)));
    return c;
}

Shop::Wish Shop::bank_wish() {
    Wish wish{command(), Kind::bank};
    wish.account = banks_[below(banks_.size())];
    wish.amount = 1 + below(500);
    auto& t = *mutable_body(wish.command, pb::top_up_wallet);
    t.set_customer_no(wish.account);
    t.set_amount(static_cast<std::int64_t>(wish.amount));
    t.set_currency(978);
    return wish;
}

Shop::Wish Shop::book_wish() {
    Wish wish{command(), Kind::book};
    wish.account = 1 + below(kSimple);
    wish.amount = 1 + below(1'000);
    ledger::Transfer transfer;
    transfer.id = {1, ++transfers_};
    transfer.debit_account = {0, kPayer};
    transfer.credit_account = {0, wish.account};
    transfer.amount = wish.amount;
    transfer.ledger = kLedger;
    transfer.code = 1;
    mutable_body(wish.command, pb::create_ledger_transfers)
        ->set_packed(ledger::pack(std::span(&transfer, 1)));
    return wish;
}

pb::Command Shop::accounts() {
    std::vector<ledger::Account> rows;
    const auto add = [&](std::uint64_t number, std::uint16_t flags) {
        ledger::Account row;
        row.id = {0, number};
        row.ledger = kLedger;
        row.code = 1;
        row.flags = flags;
        rows.push_back(row);
    };
    for (std::uint64_t i = 1; i <= kSimple; ++i) add(i, 0);
    add(kPayer, 0);
    constexpr std::uint16_t limited = ledger::debits_must_not_exceed_credits;
    for (std::uint64_t i = 0; i < kWild; ++i) add(kFirstWild + i, i % 3 == 1 ? limited : std::uint16_t{0});
    pb::Command c = command();
    mutable_body(c, pb::create_ledger_accounts)->set_packed(ledger::pack(rows));
    return c;
}

pb::Command Shop::transfers() {
    std::vector<ledger::Transfer> rows;
    for (std::uint64_t n = 1 + below(5); n > 0; --n) {
        ledger::Transfer row;
        row.id = {2, ++transfers_};
        row.ledger = kLedger;
        row.code = 1;
        const bool resolves = !pending_ids_.empty() && percent(30);
        if (resolves) {
            row.pending_id = {2, pick(pending_ids_)};
            row.flags = percent(60) ? ledger::post_pending : ledger::void_pending;
            row.ledger = 0;
            row.code = 0;
        } else {
            row.debit_account = {0, kFirstWild + below(kWild)};
            row.credit_account = {0, kFirstWild + below(kWild)};
            row.amount = 1 + below(300);
            if (percent(30)) {
                row.flags = ledger::pending;
                row.timeout_s = static_cast<std::uint32_t>(below(3) * 2);
                pending_ids_.push_back(transfers_);
                if (row.timeout_s != 0) timed_.push_back(transfers_);
            }
        }
        if (n > 1 && percent(40)) row.flags = static_cast<std::uint16_t>(row.flags | ledger::linked);
        rows.push_back(row);
    }
    pb::Command c = command();
    mutable_body(c, pb::create_ledger_transfers)->set_packed(ledger::pack(rows));
    return c;
}

pb::Command Shop::intent() {
    pb::Command c = command();
    auto& p = *mutable_body(c, pb::create_payment_intent);
    p.set_amount(static_cast<std::int64_t>(1 + below(800)));
    p.set_currency(kCurrencies[below(2)]);
    if (percent(90)) p.set_customer_no(pick(customers_));
    p.set_manual_capture(percent(35));
    p.set_confirm(percent(75));
    if (percent(90)) *p.mutable_payment_method() = method(kTokens[below(std::size(kTokens))]);
    p.set_client_secret_suffix("s");
    if (percent(10)) c.add_expand("latest_charge");
    return c;
}

pb::Command Shop::change_intent() {
    pb::Command c = command();
    const std::uint64_t no = pick(intents_);
    const std::uint64_t what = below(4);
    if (what == 0) {
        mutable_body(c, pb::confirm_payment_intent)->set_no(no);
        *mutable_body(c, pb::confirm_payment_intent)->mutable_payment_method() = method(kTokens[below(4)]);
    } else if (what == 1) {
        mutable_body(c, pb::capture_payment_intent)->set_no(no);
    } else if (what == 2) {
        mutable_body(c, pb::cancel_payment_intent)->set_no(no);
        mutable_body(c, pb::cancel_payment_intent)->set_cancellation_reason("abandoned");
    } else {
        mutable_body(c, pb::update_payment_intent)->set_no(no);
        mutable_body(c, pb::update_payment_intent)->set_description("text " + std::to_string(below(9)));
    }
    return c;
}

pb::Command Shop::refund() {
    pb::Command c = command();
    if (percent(50)) {
        mutable_body(c, pb::create_refund)->set_intent_no(pick(intents_));
    } else {
        mutable_body(c, pb::create_refund)->set_charge_no(pick(charges_));
    }
    if (percent(70))
        mutable_body(c, pb::create_refund)->set_amount(static_cast<std::int64_t>(1 + below(300)));
    return c;
}

pb::Command Shop::customer() {
    pb::Command c = command();
    if (customers_.size() < 4 || percent(20)) {
        mutable_body(c, pb::create_customer)->set_email("a" + std::to_string(below(5)) + "@x.de");
    } else {
        mutable_body(c, pb::top_up_wallet)->set_customer_no(pick(customers_));
        mutable_body(c, pb::top_up_wallet)->set_amount(static_cast<std::int64_t>(1 + below(3'000)));
        mutable_body(c, pb::top_up_wallet)->set_currency(kCurrencies[below(2)]);
    }
    return c;
}

pb::Command Shop::webhook() {
    pb::Command c = command();
    if (endpoints_.size() < 2) {
        mutable_body(c, pb::create_webhook_endpoint)->set_url("https://localhost/");
        mutable_body(c, pb::create_webhook_endpoint)
            ->add_enabled_events(percent(50) ? "*" : "charge.succeeded");
    } else {
        mutable_body(c, pb::update_webhook_endpoint)->set_no(pick(endpoints_));
        mutable_body(c, pb::update_webhook_endpoint)->set_disabled(percent(50));
    }
    return c;
}

// Keys of the API, operators' tokens, and the members of the cluster as rows.
pb::Command Shop::admin() {
    pb::Command c = command();
    c.mutable_actor()->set_kind(pb::Actor::SYSTEM);
    c.set_merchant_no(0);
    switch (below(7)) {
        case 0: {
            auto& key = *mutable_body(c, pb::create_api_key);
            key.set_merchant_no(merchant_);
            api_keys_.push_back(random_bytes(32));
            key.set_key_sha256(api_keys_.back());
            key.set_name("key");
            break;
        }
        case 1:
            mutable_body(c, pb::revoke_api_key)
                ->set_key_sha256(api_keys_.empty() ? random_bytes(32) : api_keys_[below(api_keys_.size())]);
            break;
        case 2:
            mutable_body(c, pb::create_setup_token)->set_token_sha256(random_bytes(32));
            mutable_body(c, pb::create_setup_token)->set_lifetime_ms(60'000);
            break;
        case 3: {
            auto& init = *mutable_body(c, pb::init_cluster);
            init.set_cluster_id(std::string(16, 'c'));
            init.set_ca_pem("pem");
            init.set_sealed_ca_key("sealed");
            init.mutable_node()->set_no(1);
            init.mutable_node()->set_name("one");
            init.mutable_node()->set_peer_address("one:8444");
            init.mutable_node()->set_feature_level(1);
            break;
        }
        case 4: {
            tokens_.push_back(random_bytes(32));
            auto& token = *mutable_body(c, pb::create_join_token);
            token.set_token_sha256(tokens_.back());
            token.set_lifetime_ms(60'000);
            token.set_voter(percent(70));
            break;
        }
        case 5: {
            auto& admit = *mutable_body(c, pb::admit_node);
            admit.set_token_sha256(tokens_.empty() ? random_bytes(32) : tokens_.back());
            admit.set_public_key_sha256(random_bytes(32));
            admit.mutable_node()->set_name("node" + std::to_string(below(50)));
            admit.mutable_node()->set_peer_address("node:8444");
            admit.mutable_node()->set_feature_level(1);
            break;
        }
        default: {
            auto& update = *mutable_body(c, pb::update_cluster_node);
            update.set_no(1 + below(5));
            if (percent(50)) {
                update.set_voter(percent(50));
            } else {
                update.set_removed(percent(30));
            }
        }
    }
    return c;
}

// What the leader's own workers propose: ticks, answers of the channel, deliveries.
std::optional<pb::Command> Shop::chore(std::size_t leader) {
    pb::Command c;
    c.set_version(machine::kCommandVersion);
    std::optional<pb::Command> out;
    const std::int64_t now = cluster_.wall_ms(leader), machine = cluster_.worker_now_ms(leader);
    cluster_.state(leader).read([&](const store::Reader& rows) {
        if (machine::is_due(machine::next_due(domains::registry(), rows),
                            machine::times_at(rows, machine, now)) &&
            percent(50)) {
            mutable_body(c, pb::tick);
            out = c;
            return;
        }
        const auto attempts = attempts::due_attempts(rows, machine, 5);
        if (!attempts.empty() && percent(70)) {
            c.mutable_actor()->set_kind(pb::Actor::CHANNEL);
            pb::ChannelAnswered a;
            a.set_attempt_no(attempts[below(attempts.size())].no);
            const std::uint64_t what = below(12);
            a.set_state(what < 6   ? pb::ATTEMPT_SUCCEEDED
                        : what < 8 ? pb::ATTEMPT_FAILED
                        : what < 9 ? pb::ATTEMPT_UNKNOWN
                                   : pb::ATTEMPT_WAITING_FOR_PAYER);
            a.set_channel_reference("sbx");
            if (a.state() == pb::ATTEMPT_FAILED) a.mutable_error()->set_code("card_declined");
            if (a.state() == pb::ATTEMPT_WAITING_FOR_PAYER)
                a.mutable_next_action()->set_redirect_url("https://bank.example/" + std::to_string(below(2)));
            if (percent(75)) {
                *mutable_body(c, pb::channel_answered) = a;
            } else {  // the channel says it by itself
                auto& notified = *mutable_body(c, pb::channel_notified);
                notified.set_account_no(1);
                notified.set_notice_id("notice-" + std::to_string(below(100)));
                *notified.mutable_answer() = a;
            }
            out = c;
            return;
        }
        const auto deliveries = webhooks::due_deliveries(rows, machine, 5);
        if (deliveries.empty()) return;
        auto& w = *mutable_body(c, pb::webhook_attempted);
        w.set_delivery_no(deliveries[below(deliveries.size())].no);
        w.set_delivered(percent(60));
        w.mutable_attempt()->set_time_ms(now);
        out = c;
    });
    return out;
}

Shop::Wish Shop::random_wish(std::size_t leader) {
    if (banks_.size() < 3 || customers_.empty()) return {customer(), Kind::plain};
    if (!has_book_) return {accounts(), Kind::plain};
    if (!has_sandbox_ && percent(50)) return {kontor_test::open_sandbox(), Kind::plain};
    const std::uint64_t what = below(100);
    Wish wish;
    if (what < 15) {
        wish = bank_wish();
    } else if (what < 30) {
        return book_wish();
    } else if (what < 40) {
        return {transfers(), Kind::plain};
    } else if (what < 45 && !done_.empty()) {
        return done_[below(done_.size())];  // the same client asks once more
    } else if (what < 60) {
        if (auto due = chore(leader)) return {*std::move(due), Kind::plain};
        wish.command = intent();
    } else if (what < 74) {
        wish.command = intent();
    } else if (what < 82) {
        wish.command = change_intent();
    } else if (what < 89) {
        wish.command = refund();
    } else if (what < 94) {
        wish.command = customer();
    } else if (what < 97) {
        wish.command = webhook();
    } else {
        return {admin(), Kind::plain};
    }
    if (wish.kind == Kind::bank || percent(40)) {
        if (wish.kind == Kind::plain) wish.kind = Kind::keyed;
        wish.command.set_idempotency_key("key-" + std::to_string(++keys_));
        wish.command.set_params_hash(std::to_string(keys_));
    }
    return wish;
}

}  // namespace kontor::sim
