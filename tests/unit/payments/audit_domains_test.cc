// The audit must not believe anything: the rows of the domains.

#include "audited.h"
#include "kontor/channels_bodies.pb.h"

namespace kontor::payments::testing {
namespace {

TEST_F(Audited, Webhooks) {
    change<pb::WebhookDelivery>(29, [](pb::WebhookDelivery& row) {
        return row.state() == pb::DELIVERY_PENDING && (row.set_state(pb::DELIVERY_GAVE_UP), true);
    });
    expect("the delivery ended and has a next try");
    change<pb::WebhookDelivery>(29, [](pb::WebhookDelivery& row) {
        return row.state() == pb::DELIVERY_DELIVERED && (row.set_state(pb::DELIVERY_PENDING), true);
    });
    expect("the pending delivery is not in the outbox");
    change<pb::WebhookDelivery>(29, [](pb::WebhookDelivery& row) {
        return row.state() == pb::DELIVERY_PENDING && (row.set_next_try_ms(row.next_try_ms() + 1), true);
    });
    expect("and does not wait for that");
    change<pb::WebhookDelivery>(29, [](pb::WebhookDelivery& row) { return row.set_endpoint_no(5), true; });
    expect("the delivery's endpoint is not there");
    change<pb::WebhookEndpoint>(25, [](pb::WebhookEndpoint& row) { return row.set_deleted(true), true; });
    expect("the endpoint was deleted and gets events");
    drop(25);
    expect("the endpoint gets events and is not there");
    change<pb::ScopeHead>(16, [](pb::ScopeHead& head) {
        if (!head.HasExtension(pb::webhook_head)) return false;
        head.ClearExtension(pb::webhook_head);
        return true;
    });
    expect("the endpoint gets no events");
}

TEST_F(Audited, Attempts) {
    const auto with = [&](auto edit) {
        change<pb::ChannelAttempt>(30, [&](pb::ChannelAttempt& row) { return edit(row), true; });
    };
    with([](pb::ChannelAttempt& row) { row.set_intent_no(5); });
    expect("the attempt's payment intent is not there");
    with([](pb::ChannelAttempt& row) { row.set_charge_no(5); });
    expect("the attempt's charge is not there");
    with([](pb::ChannelAttempt& row) { row.set_refund_no(5); });
    expect("the attempt's refund is not there");
    with([](pb::ChannelAttempt& row) { row.set_no(5); });
    expect("stands under another key in channel_attempts");
    with([](pb::ChannelAttempt& row) { row.set_state(pb::ATTEMPT_SUCCEEDED), row.set_next_try_ms(1); });
    expect("the attempt ended and has a next try");
}

TEST_F(Audited, AttemptsAndTheirAccounts) {
    const auto with = [&](auto edit) {
        change<pb::ChannelAttempt>(30, [&](pb::ChannelAttempt& row) { return edit(row), true; });
    };
    with([](pb::ChannelAttempt& row) { row.set_account_no(5); });
    expect("the attempt's channel account is not there");
    with([](pb::ChannelAttempt& row) { row.set_expires_ms(5); });
    expect("an attempt ends by itself while it waits for the payer, and only then");
    with([](pb::ChannelAttempt& row) { row.set_state(pb::ATTEMPT_WAITING_FOR_PAYER); });
    expect("an attempt ends by itself while it waits for the payer, and only then");
}

TEST_F(Audited, Channels) {
    const auto account = [&](auto edit) {
        change<pb::ChannelAccount>(36, [&](pb::ChannelAccount& row) { return edit(row), true; });
    };
    account([](pb::ChannelAccount& row) { row.set_routed_by(2); });
    expect("the channel account counts 2 rows of routes, and there are 1");
    account([](pb::ChannelAccount& row) { row.set_disabled(true); });
    expect("a route names an account that does not take its payments");
    account([](pb::ChannelAccount& row) { row.set_livemode(true); });
    expect("a route names an account that does not take its payments");
    account([](pb::ChannelAccount& row) { row.set_merchant_no(5); });
    expect("a route names an account that does not take its payments");
    account([](pb::ChannelAccount& row) { row.set_no(2); });
    expect("the channel account stands under another key");
    add(36, "n" + std::string(7, '\0') + "\x01", "\x01" + std::string(7, '\0'));
    expect("the channel account counts 1 notices, and there are 0");
    add(36, "n" + std::string(7, '\0') + "\x05", "\x01" + std::string(7, '\0'));
    expect("notices are counted of an account that is not there");
    drop(36);
    expect("a route names an account that does not take its payments");
    change<pb::ChannelRoutes>(37, [](pb::ChannelRoutes& row) { return row.clear_entries(), true; });
    expect("a row of routes has none");
    change<pb::ChannelRoutes>(37, [](pb::ChannelRoutes& row) { return row.set_merchant_no(5), true; });
    expect("routes stand under another key");
    change<pb::ScopeHead>(16, [](pb::ScopeHead& head) {
        if (!head.HasExtension(pb::webhook_head)) return false;
        return head.MutableExtension(pb::channel_head)->set_has_routes(true), true;
    });
    expect("the head names routes that are not there");
    add(38, std::string(7, '\0') + "\x01" + std::string(32, 'n'), "\x01");
    expect("the channel account counts 0 notices, and there are 1");
}

TEST_F(Audited, PaymentIntents) {
    const auto with = [&](pb::IntentStatus status, auto edit) {
        change<pb::PaymentIntent>(
            21, [&](pb::PaymentIntent& row) { return row.status() == status && (edit(row), true); });
    };
    with(pb::SUCCEEDED, [](pb::PaymentIntent& row) { row.set_latest_charge_no(5); });
    expect("the payment intent's latest charge is not there");
    with(pb::SUCCEEDED, [](pb::PaymentIntent& row) { row.set_amount_received(row.amount_received() + 1); });
    expect("the payment intent received 3001 and its charge captured 3000");
    with(pb::SUCCEEDED, [](pb::PaymentIntent& row) { row.set_status(pb::CANCELED); });
    expect("a payment intent has succeeded when its charge was captured, and only then");
    with(pb::SUCCEEDED, [](pb::PaymentIntent& row) { row.set_amount_capturable(1); });
    expect("the payment intent names an amount that cannot be captured");
    with(pb::REQUIRES_CAPTURE, [](pb::PaymentIntent& row) { row.set_amount_capturable(1); });
    expect("the payment intent can be captured, and its charge is not reserved in the ledger");
    with(pb::PROCESSING, [](pb::PaymentIntent& row) { row.set_attempt_no(0); });
    expect("a payment intent is processing or waits for the payer while a channel is asked, and only then");
    with(pb::PROCESSING, [](pb::PaymentIntent& row) { row.set_status(pb::REQUIRES_ACTION); });
    expect("a payment intent names the payer's action while it waits for it, and only then");
    with(pb::PROCESSING, [](pb::PaymentIntent& row) {
        row.set_status(pb::REQUIRES_ACTION);
        row.mutable_next_action()->set_redirect_url("https://bank.example");
    });
    expect("the payment intent and its attempt differ about whom they wait for");
    with(pb::PROCESSING, [](pb::PaymentIntent& row) { row.set_attempt_no(5); });
    expect("the payment intent waits for an attempt that is not open");
    change<pb::Charge>(22, [](pb::Charge& row) {
        return !row.pending_transfer_id().empty() && (row.clear_pending_transfer_id(), true);
    });
    expect("the payment intent can be captured, and its charge is not reserved in the ledger");
}

TEST_F(Audited, Charges) {
    const auto with = [&](auto edit) {
        change<pb::Charge>(22, [&](pb::Charge& row) { return row.captured() && (edit(row), true); });
    };
    with([](pb::Charge& row) { row.set_amount_refunded(row.amount_captured() + 1); });
    expect("the charge says refunded 3001, captured 3000, amount 3000");
    with([](pb::Charge& row) { row.set_amount_captured(row.amount() + 1); });
    expect("the charge says refunded 500, captured 3001, amount 3000");
    with([](pb::Charge& row) { row.set_refunded(true); });
    expect("the charge's status and amounts differ");
    with([](pb::Charge& row) { row.set_status(pb::CHARGE_FAILED); });
    expect("the charge's status and amounts differ");
    with([](pb::Charge& row) { row.set_balance_transaction_no(5); });
    expect("the charge's balance transaction is not there, or says another amount");
    with([](pb::Charge& row) { row.set_fee(row.fee() + 1); });
    expect("the charge's balance transaction is not there, or says another amount");
    with([](pb::Charge& row) { row.set_amount_refunded(row.amount_refunded() - 1); });
    expect("the charge says refunded 499, and its refunds are 500");
}

TEST_F(Audited, Refunds) {
    const auto with = [&](pb::RefundStatus status, auto edit) {
        change<pb::Refund>(23, [&](pb::Refund& row) { return row.status() == status && (edit(row), true); });
    };
    with(pb::REFUND_SUCCEEDED, [](pb::Refund& row) { row.set_from_pending(row.from_pending() + 1); });
    expect("the refund's parts are not its amount");
    with(pb::REFUND_SUCCEEDED, [](pb::Refund& row) { row.set_balance_transaction_no(5); });
    expect("the refund's balance transaction is not there, or says another amount");
    with(pb::REFUND_FAILED, [](pb::Refund& row) { row.clear_failure_balance_transaction_no(); });
    expect("a refund that failed is given back, and only that");
    with(pb::REFUND_PENDING, [](pb::Refund& row) { row.clear_attempt_no(); });
    expect("a refund is pending while a channel is asked, and only then");
    with(pb::REFUND_PENDING, [](pb::Refund& row) { row.set_attempt_no(5); });
    expect("the refund waits for an attempt that is not its own");
    with(pb::REFUND_SUCCEEDED, [](pb::Refund& row) { row.set_charge_no(5); });
    expect("the refund's charge is not there, or another payment intent's");
    with(pb::REFUND_FAILED, [](pb::Refund& row) {
        row.set_status(pb::REFUND_SUCCEEDED);
        row.clear_failure_balance_transaction_no();
    });
    expect(", and its refunds are ");
}

TEST_F(Audited, Balances) {
    change<pb::BalanceTransaction>(
        24, [](pb::BalanceTransaction& row) { return row.set_net(row.net() + 1), true; });
    expect("pending and available, and the balance transactions say ");
    change<pb::BalanceTransaction>(
        24, [](pb::BalanceTransaction& row) { return row.set_fee(row.fee() + 1), true; });
    expect("the balance transaction's net is not its amount less the fee");
    drop(24);
    expect("money waits for a balance transaction that is not pending");
    drop(32, [](Bytes, Bytes value) { return value != std::string(8, '\0'); });
    expect(" pending, and what waits is ");
    drop(32);
    expect("the balance transaction is pending, and nothing waits for its day");
    drop(19, [](Bytes key, Bytes) { return key[1] == 1 && key[2] == 1; });
    expect("money waits, and its day never comes");
    add(33, std::string(Key().scope(world.scope).be32(kEur).view()), std::string(8, '\0'));
    expect("a release debt is not above zero");
    add(33, std::string(Key().scope(world.scope).be32(kEur).view()), std::string("\x05\0\0\0\0\0\0\0", 8));
    expect(" pending, and what waits is ");
}

TEST_F(Audited, FailedIds) {
    drop(19, due(7));
    expect("ids that failed are never forgotten");
    drop(19, [](Bytes key, Bytes) { return key[1] == 7 && key[2] == 2; });  // by running time
    expect("ids that failed are never forgotten");
}

TEST_F(Audited, CustomersAndKeys) {
    change<pb::Customer>(20, [](pb::Customer& row) { return row.set_email("eve@example.com"), true; });
    expect("the customer is not found by its e-mail address");
    drop(28);
    expect("the customer is not found by its e-mail address");
    change<pb::Customer>(20, [](pb::Customer& row) { return row.set_deleted(true), true; });
    expect("is found by an e-mail address that no such customer has");
    change<pb::ApiKey>(12, [](pb::ApiKey& row) { return row.set_no(5), true; });
    expect("the key is not found by its merchant");
    drop(34);
    expect("the key is not found by its merchant");
    drop(12);
    expect("the merchant has a key that is not there, or is another's");
    drop(11);
    expect("the key's merchant is not there");
    change<pb::Merchant>(11, [](pb::Merchant& row) { return row.set_no(5), true; });
    expect("the merchant stands under another key");
}

TEST_F(Audited, PeopleAndNodes) {
    drop(13, [](Bytes key, Bytes) { return key.starts_with("o#"); });
    expect("a name leads to no operator of that name");
    drop(13, [](Bytes key, Bytes) { return key.starts_with("on"); });
    expect("the operator is not found by the name");
    drop(19, due(3));
    expect("a session of the operator never ends");
    drop(19, due(4));
    expect("a set-up link never ends");
    change<pb::Session>(14, [](pb::Session& row) { return row.set_operator_no(5), true; });
    expect("a session's operator is not there");
    drop(19, due(6));
    expect("a join token never ends");
    drop(35, [](Bytes key, Bytes) { return key == "cc"; });
    expect("there are members of a cluster, and no cluster");
    add(35, std::string("cn") + std::string(7, '\0') + "\x09", [] {
        pb::ClusterNode node;
        node.set_no(9);
        return node.SerializeAsString();
    }());
    expect("node 9 has a number that was never given");
}

}  // namespace
}  // namespace kontor::payments::testing
