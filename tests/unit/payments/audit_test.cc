// The audit must not believe anything: each test falsifies one row of a state that holds, and wants it said.

#include "kontor/machine/audit.h"
#include "domains/accounts/accounts.h"
#include "kontor/accounts.pb.h"
#include "kontor/customers.pb.h"
#include "kontor/keys.pb.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/machine/chain.h"
#include "kontor/members.pb.h"
#include "kontor/members_bodies.pb.h"
#include "kontor/operators.pb.h"
#include "kontor/operators_bodies.pb.h"
#include "kontor/refunds.pb.h"
#include "kontor/webhooks.pb.h"
#include "kontor/webhooks_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

using Bytes = std::string_view;

// Something of every kind of row.
struct Audited : ::testing::Test {
    World world;

    void SetUp() override {
        make_instance();
        world.make_merchant(100, 10, 2);
        world.run([](pb::Command& c) {
            auto& e = *mutable_body(c, pb::create_webhook_endpoint);
            e.set_url("https://shop.example/hook");
            e.add_enabled_events("*");
        });
        make_keys_and_people();
        const std::uint64_t customer = world.make_customer("ada@example.com");
        world.top_up(customer, 50'000);
        const auto paid = world.wallet(3'000, customer);
        world.refund(object_in(paid, pb::payment_intent).no(), 500);
        world.authorize("pm_wallet", 700, customer);
        const auto by_card = object_in(world.card(2'000), pb::payment_intent).no();
        world.fail(world.refund(by_card, 300).waiting_on());
        world.succeed(world.refund(by_card, 400).waiting_on());
        world.refund(by_card, 100);  // under way
        world.apply(world.pay_command("pm_card_visa", 900, 0, [](pb::Command& c, pb::CreatePaymentIntent&) {
            c.set_idempotency_key("one");
            c.set_params_hash("hash");
        }));
        deliver_one();
        expect_whole();
    }

    void make_instance() {
        world.run([](pb::Command& c) {
            auto& cluster = *mutable_body(c, pb::init_cluster);
            cluster.set_cluster_id(std::string(16, 'c'));
            cluster.set_ca_pem("pem");
            cluster.set_sealed_ca_key("sealed");
            cluster.mutable_node()->set_no(1);
            cluster.mutable_node()->set_name("one");
            cluster.mutable_node()->set_peer_address("127.0.0.1:7001");
            cluster.mutable_node()->set_feature_level(1);
        });
        world.run([](pb::Command& c) {
            mutable_body(c, pb::create_join_token)->set_token_sha256(std::string(32, 'j'));
            mutable_body(c, pb::create_join_token)->set_lifetime_ms(kHour);
        });
    }
    void make_keys_and_people() {
        world.run([&](pb::Command& c) {
            mutable_body(c, pb::create_api_key)->set_merchant_no(world.scope.merchant_no);
            mutable_body(c, pb::create_api_key)->set_key_sha256(std::string(32, 'k'));
        });
        world.run([](pb::Command& c) {
            mutable_body(c, pb::create_setup_token)->set_token_sha256(std::string(32, 't'));
            mutable_body(c, pb::create_setup_token)->set_lifetime_ms(kHour);
        });
        const auto person = world.run([](pb::Command& c) {
            mutable_body(c, pb::set_up_operator)->set_token_sha256(std::string(32, 't'));
            mutable_body(c, pb::set_up_operator)->set_name("ada");
            mutable_body(c, pb::set_up_operator)->set_totp_step(1);
        });
        world.run([&](pb::Command& c) {
            auto& open = *mutable_body(c, pb::open_session);
            open.set_operator_no(object_in(person, pb::operator_).no());
            open.set_cookie_sha256(std::string(32, 's'));
            open.set_lifetime_ms(kHour);
            open.set_totp_step(2);
        });
    }
    void deliver_one() {
        const auto due = webhooks::due_deliveries(world.rows, world.now, 1);
        ASSERT_EQ(due.size(), 1U);
        world.run([&](pb::Command& c) {
            mutable_body(c, pb::webhook_attempted)->set_delivery_no(due[0].no);
            mutable_body(c, pb::webhook_attempted)->set_delivered(true);
        });
    }

    void expect_whole() const {
        const AuditReport report = world.audit();
        ASSERT_TRUE(report.holds()) << said(report);
    }
    static std::string said(const AuditReport& report) {
        std::string all;
        for (const Break& one : report.breaks)
            all += std::string(one.domain) + ": " + std::string(one.invariant) + ": " + one.first + "\n";
        return all;
    }
    // What is said of the rows as they are now; then they are as they were before.
    void expect(const std::string& words) {
        const AuditReport report = world.audit();
        EXPECT_FALSE(report.holds());
        EXPECT_NE(said(report).find(words), std::string::npos) << words << "; but: " << said(report);
        world.rows.rows() = before;
    }

    // The first row that `edit` takes is another one.
    template <typename T, typename Edit>
    void change(store::TableId table, Edit edit) {
        before = world.rows.rows();
        for (auto& [key, value] : world.rows.rows()) {
            T row;
            if (key.first != table || !row.ParseFromString(value) || !edit(row)) continue;
            row.SerializeToString(&value);
            return;
        }
        FAIL() << "no such row";
    }
    void drop(store::TableId table, const std::function<bool(Bytes key, Bytes value)>& which) {
        before = world.rows.rows();
        auto& rows = world.rows.rows();
        for (auto at = rows.begin(); at != rows.end(); ++at) {
            if (at->first.first != table || !which(at->first.second, at->second)) continue;
            rows.erase(at);
            return;
        }
        FAIL() << "no such row";
    }
    void drop(store::TableId table) {
        drop(table, [](Bytes, Bytes) { return true; });
    }
    void add(store::TableId table, const std::string& key, const std::string& value) {
        before = world.rows.rows();
        world.rows.put(table, key, value);
    }
    static auto link(char letter) {
        return [letter](Bytes key, Bytes) { return key[17] == letter; };
    }
    static auto due(char kind) {
        return [kind](Bytes key, Bytes) { return key[1] == kind; };
    }
    static auto outbox(char kind) {
        return [kind](Bytes key, Bytes) { return key[0] == kind; };
    }

    kontor::testing::MemoryRows::Rows before;
};

TEST_F(Audited, CountsWhatItLooksAt) {
    const AuditReport report = world.audit();
    EXPECT_GE(report.invariants, 15U);
    EXPECT_GT(report.rows, 100U);
    EXPECT_TRUE(audit(domains::registry(), kontor::testing::MemoryRows(domains::registry().tables()),
                      [](store::TableId, const store::Reader::Visitor&) {})
                    .holds());
}

// A domain whose rows nobody checks would be one that may rot.
TEST_F(Audited, EveryDomainWithTablesHasInvariants) {
    for (const Domain* domain : domains::registry().domains()) {
        EXPECT_TRUE(domain->tables.empty() || !domain->invariants.empty()) << domain->name.value;
    }
}

TEST_F(Audited, NamesTheFirstAndCountsTheOthers) {
    for (auto& [key, value] : world.rows.rows()) {
        if (key.first != 22) continue;
        pb::Charge charge;
        charge.ParseFromString(value);
        charge.set_amount(charge.amount_captured() - 1);
        charge.SerializeToString(&value);
    }
    const AuditReport report = world.audit();
    const auto found = std::find_if(report.breaks.begin(), report.breaks.end(), [](const Break& one) {
        return one.invariant == "refunded <= captured <= amount of each charge";
    });
    ASSERT_NE(found, report.breaks.end()) << said(report);
    EXPECT_EQ(found->domain, "payments");
    EXPECT_GT(found->count, 1U);
    EXPECT_TRUE(found->first.starts_with("merchant ")) << found->first;
    EXPECT_NE(found->first.find(" test, "), std::string::npos) << found->first;
    EXPECT_NE(found->first.find("(entry "), std::string::npos) << found->first;
}

TEST_F(Audited, Chain) {
    const auto of_merchant = [](const pb::Journal& row) {
        return row.merchant_no() != 0 && row.events_size() > 0;
    };
    change<pb::Journal>(
        26, [&](pb::Journal& row) { return of_merchant(row) && (row.set_request_id("req_2"), true); });
    expect("the journal row does not follow from the one before it");
    change<pb::Journal>(26, [&](pb::Journal& row) {
        if (!of_merchant(row) || !has_object(row.events(0), pb::customer)) return false;
        mutable_object(*row.mutable_events(0), pb::customer)->set_email("eve@example.com");
        return true;
    });
    expect("the journal row does not follow from the one before it");
    change<pb::Journal>(
        26, [&](pb::Journal& row) { return of_merchant(row) && (row.set_salt("another"), true); });
    expect("the journal row does not follow from the one before it");
    drop(26, [&](Bytes, Bytes value) {
        pb::Journal row;
        row.ParseFromArray(value.data(), static_cast<int>(value.size()));
        return of_merchant(row) && !row.previous_hash().empty();
    });
    expect("the journal row does not follow from the one before it");
    drop(26, [&](Bytes, Bytes value) {  // the very first
        pb::Journal row;
        row.ParseFromArray(value.data(), static_cast<int>(value.size()));
        return row.merchant_no() != 0 && row.previous_hash().empty();
    });
    expect("the first journal row names one before it");
    change<pb::ScopeHead>(
        16, [](pb::ScopeHead& head) { return head.set_journal_hash(std::string(16, 'x')), true; });
    expect("the newest journal row is not the one that the head names");
    drop(16);
    expect("there is a journal, and its head is gone");
}

TEST_F(Audited, ChainOfErasedImages) {
    std::string name = "ada@example.com";
    std::size_t erased = 0;
    for (auto& [key, value] : world.rows.rows()) {
        if (key.first != 26) continue;
        pb::Journal row;
        ASSERT_TRUE(row.ParseFromString(value));
        if (row.salt().empty()) continue;
        const std::string hash = chain_hash(value);
        row.set_personal_digest(image_digest(value));
        row.clear_salt();
        for (auto* events : {row.mutable_events(), row.mutable_changes()}) {
            for (pb::Event& event : *events) {
                event.clear_object();
                event.clear_previous_attributes_json();
            }
        }
        row.SerializeToString(&value);
        EXPECT_EQ(chain_hash(value), hash);
        EXPECT_EQ(value.find(name), std::string::npos);
        ++erased;
    }
    EXPECT_GT(erased, 5U);
    const AuditReport report = world.audit();
    EXPECT_TRUE(report.holds()) << said(report);
    // The frame is still under it.
    change<pb::Journal>(26, [](pb::Journal& row) {
        return !row.personal_digest().empty() && (row.mutable_events(0)->set_type("customer.deleted"), true);
    });
    expect("the journal row does not follow from the one before it");
    change<pb::Journal>(26, [](pb::Journal& row) {
        return !row.personal_digest().empty() && (row.set_personal_digest(std::string(32, 'd')), true);
    });
    expect("the journal row does not follow from the one before it");
    change<pb::Journal>(26, [](pb::Journal& row) {
        return !row.personal_digest().empty() && (row.set_salt(std::string(16, 's')), true);
    });
    expect("the journal row was not erased as a row is");
}

// The same images of two rows have nothing in common that could be looked for, and other batches' salts
// neither.
TEST_F(Audited, SaltsDiffer) {
    std::set<std::string> salts;
    std::size_t rows = 0;
    for (const pb::Journal& journal : world.journals) {
        if (journal.events().empty() && journal.changes().empty()) {
            EXPECT_TRUE(journal.salt().empty());
            continue;
        }
        EXPECT_EQ(journal.salt().size(), kSaltBytes);
        salts.insert(journal.salt());
        ++rows;
    }
    EXPECT_EQ(salts.size(), rows);
    EXPECT_NE(row_salt("a", {1, false}, 4096), row_salt("b", {1, false}, 4096));
    EXPECT_NE(row_salt("a", {1, false}, 4096), row_salt("a", {1, true}, 4096));
    EXPECT_NE(row_salt("a", {1, false}, 4096), row_salt("a", {1, false}, 8192));
}

TEST_F(Audited, Idempotency) {
    drop(17);
    expect("is to be forgotten as an idempotency record, and has none");
    drop(18);
    expect("its idempotency record has no row in idempotency_expiry");
    change<pb::IdempotencyRecord>(17, [](pb::IdempotencyRecord& row) { return row.set_command_no(1), true; });
    expect("is to be forgotten as an idempotency record, and has none");
    drop(19, due(2));
    expect("its idempotency record is never forgotten");
    change<pb::IdempotencyRecord>(17,
                                  [](pb::IdempotencyRecord& row) { return row.set_complete(true), true; });
    expect("the open attempt's idempotency record does not wait for it");
}

TEST_F(Audited, DueWork) {
    add(19, std::string("d\x01\x01", 3) + std::string(8, '\x01') + "short", "\x01");
    expect("due work has another form");
    add(19, std::string("d\x63\x01", 3) + std::string(8, '\x01'), "\x01");
    expect("nobody does this due work");
    add(19, "d\x01", "\x01");
    expect("a key of due is too short");
}

TEST_F(Audited, Outbox) {
    add(31, "q" + std::string(16, '\x01'), "\x01");
    expect("a row of the outbox has another form");
    add(31, "d" + std::string(16, '\x01'), "\x01");
    expect("is in the outbox at 72340172838076673 and does not wait for that");
    add(31, "a" + std::string(16, '\x01'), "\x01");
    expect("does not wait for that");
    drop(31, outbox('d'));
    expect("the pending delivery is not in the outbox");
    drop(31, outbox('a'));
    expect("the open attempt is not in the outbox");
}

TEST_F(Audited, Links) {
    add(27, std::string(26, 'z'), "\x01");
    expect("a link has another form");
    for (const char letter : {'i', 'c', 'C', 'j', 'a', 'R', 'r', 'd', 'p'}) {
        std::string key(object_key(world.scope, 77).view());
        key += letter;
        key += std::string(Key().be64(78).view());
        add(27, key, "\x01");
        expect(std::string("the link '") + letter + "' to it from 000000000000004d is wrong");
    }
    const std::pair<char, const char*> needed[] = {
        {'i', "the payment intent's customer does not lead to it"},
        {'c', "the charge's customer does not lead to it"},
        {'C', "the charge's payment intent does not lead to it"},
        {'a', "the attempt's payment intent does not lead to it"},
        {'R', "the refund's payment intent or charge does not lead to it"},
        {'r', "the refund's payment intent or charge does not lead to it"},
        {'d', "the delivery's event does not lead to it"},
        {'p', "the delivery's endpoint does not know that it is pending"}};
    for (const auto& [letter, words] : needed) {
        drop(27, link(letter));
        expect(words);
    }
}

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
    expect("a payment intent is processing while a channel is asked, and only then");
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

TEST_F(Audited, ARowThatDoesNotParse) {
    const std::pair<store::TableId, const char*> tables[] = {
        {12, "api_keys"},          {13, "operators"}, {16, "scope_heads"},
        {17, "machine"},           {20, "customers"}, {21, "payment_intents"},
        {22, "charges"},           {23, "refunds"},   {24, "balance_transactions"},
        {25, "webhook_endpoints"}, {26, "journals"},  {29, "webhook_deliveries"},
        {30, "channel_attempts"}};
    for (const auto& [table, name] : tables) {
        before = world.rows.rows();
        for (auto& [key, value] : world.rows.rows())
            if (key.first == table) value = "\xFF\xFF";
        expect(std::string(name) + ": a row does not parse");
    }
}

}  // namespace
}  // namespace kontor::payments::testing
