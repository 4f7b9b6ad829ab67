#pragma once
// A state with something of every kind of row, which holds; tests falsify one of them, and want it said.

#include "kontor/accounts.pb.h"
#include "kontor/approvals_bodies.pb.h"
#include "kontor/customers.pb.h"
#include "kontor/keys.pb.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/ledger/packed.h"
#include "kontor/ledger_book_bodies.pb.h"
#include "kontor/machine/audit.h"
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
        fail_in_ledger();
        world.expect_whole();
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
        propose_something(object_in(person, pb::operator_).no());
    }
    // Something that waits for a second person.
    void propose_something(std::uint64_t ada) {
        world.run([](pb::Command& c) {
            mutable_body(c, pb::create_setup_token)->set_token_sha256(std::string(32, 'u'));
            mutable_body(c, pb::create_setup_token)->set_lifetime_ms(kHour);
        });
        world.run([](pb::Command& c) {
            mutable_body(c, pb::set_up_operator)->set_token_sha256(std::string(32, 'u'));
            mutable_body(c, pb::set_up_operator)->set_name("bob");
        });
        const auto as_ada = [ada](pb::Command& c) {
            c.set_merchant_no(0);
            c.mutable_actor()->set_kind(pb::Actor::OPERATOR);
            c.mutable_actor()->set_no(ada);
        };
        world.run([&](pb::Command& c) {
            as_ada(c);
            mutable_body(c, pb::set_approval_policy)
                ->add_rules()
                ->set_command(pb::kCreateMerchantFieldNumber);
        });
        const auto waits = world.run([&](pb::Command& c) {
            as_ada(c);
            mutable_body(c, pb::create_merchant)->set_name("Shop");
        });
        ASSERT_EQ(waits.outcome(), machine::outcome::awaiting_approval);
    }
    void deliver_one() {
        const auto due = webhooks::due_deliveries(world.rows, world.now, 1);
        ASSERT_EQ(due.size(), 1U);
        world.run([&](pb::Command& c) {
            mutable_body(c, pb::webhook_attempted)->set_delivery_no(due[0].no);
            mutable_body(c, pb::webhook_attempted)->set_delivered(true);
        });
    }

    void fail_in_ledger() {
        std::vector<ledger::Transfer> rows(1);
        rows[0].id = {0, 5};
        rows[0].debit_account = {0, 1};
        rows[0].credit_account = {0, 2};
        rows[0].amount = rows[0].ledger = rows[0].code = 1;
        world.run([&](pb::Command& c) {
            mutable_body(c, pb::create_ledger_transfers)->set_packed(ledger::pack(rows));
        });
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

}  // namespace kontor::payments::testing
