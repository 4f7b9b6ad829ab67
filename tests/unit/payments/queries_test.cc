// Lists: newest first, by key, filters by index or by bounded scan; foreign objects are absent.
#include "world.h"

#include "domains/balances/balances.h"
#include "domains/customers/customers.h"
#include "domains/refunds/refunds.h"
#include "kontor/balances.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/events.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/page.h"
#include "kontor/machine/rows.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"

namespace kontor::payments::testing {
namespace {

class Queries : public ::testing::Test {
 protected:
    Queries() { world.make_merchant(); }
    std::vector<std::uint64_t> ids(const Listed<pb::PaymentIntent>& page) {
        std::vector<std::uint64_t> numbers;
        for (const auto& row : page.rows) numbers.push_back(row.no());
        return numbers;
    }
    World world;
};

using Numbers = std::vector<std::uint64_t>;

TEST_F(Queries, PagesForwardsAndBackwards) {
    const auto customer = world.customer_with(1'000);
    Numbers all;
    for (int i = 0; i < 7; ++i)
        all.insert(all.begin(), object_in(world.wallet(1, customer), pb::payment_intent).no());
    for (const std::uint64_t by_customer : {std::uint64_t{0}, customer}) {
        ListQuery query;
        query.customer_no = by_customer;
        query.limit = 3;
        auto page = list_intents(world.rows, world.scope, query);
        EXPECT_EQ(ids(page), Numbers(all.begin(), all.begin() + 3));
        EXPECT_TRUE(page.has_more);
        query.starting_after = page.rows.back().no();
        page = list_intents(world.rows, world.scope, query);
        EXPECT_EQ(ids(page), Numbers(all.begin() + 3, all.begin() + 6));
        EXPECT_TRUE(page.has_more);
        query.starting_after = page.rows.back().no();
        page = list_intents(world.rows, world.scope, query);
        EXPECT_EQ(ids(page), Numbers(all.begin() + 6, all.end()));
        EXPECT_FALSE(page.has_more);
        query.starting_after = 0;
        query.ending_before = all[4];
        page = list_intents(world.rows, world.scope, query);
        EXPECT_EQ(ids(page), Numbers(all.begin() + 1, all.begin() + 4));
        EXPECT_TRUE(page.has_more);
        query.ending_before = all[3];
        page = list_intents(world.rows, world.scope, query);
        EXPECT_EQ(ids(page), Numbers(all.begin(), all.begin() + 3));
        EXPECT_FALSE(page.has_more);
    }
}

TEST_F(Queries, ByTime) {
    const auto customer = world.customer_with(1'000);
    Numbers all;
    for (int i = 0; i < 5; ++i) {
        world.now += 1000;
        all.push_back(object_in(world.wallet(1, customer), pb::payment_intent).no());
    }
    const auto at = [](int i) { return kStart + 1000 * (i + 1); };
    struct Case {
        const char* name;
        ListQuery query;
        Numbers expected;
    };
    const auto with = [](auto set) {
        ListQuery query;
        set(query);
        return query;
    };
    const std::vector<Case> cases = {
        {"gte", with([&](ListQuery& q) { q.created_gte_ms = at(3); }), {all[4], all[3]}},
        {"gt", with([&](ListQuery& q) { q.created_gt_ms = at(3); }), {all[4]}},
        {"lte", with([&](ListQuery& q) { q.created_lte_ms = at(1); }), {all[1], all[0]}},
        {"lt", with([&](ListQuery& q) { q.created_lt_ms = at(1); }), {all[0]}},
        {"between",
         with([&](ListQuery& q) {
             q.created_gt_ms = at(0);
             q.created_lt_ms = at(3);
         }),
         {all[2], all[1]}},
        {"after all", with([&](ListQuery& q) { q.created_gt_ms = at(9); }), {}},
        {"before all", with([&](ListQuery& q) { q.created_lt_ms = at(0); }), {}},
        {"nothing between",
         with([&](ListQuery& q) {
             q.created_gt_ms = at(2);
             q.created_lt_ms = at(1);
         }),
         {}},
    };
    for (const auto& each : cases) {
        EXPECT_EQ(ids(list_intents(world.rows, world.scope, each.query)), each.expected) << each.name;
        ListQuery indexed = each.query;
        indexed.customer_no = customer;
        EXPECT_EQ(ids(list_intents(world.rows, world.scope, indexed)), each.expected) << each.name;
    }
    ListQuery events;
    events.created_gte_ms = at(4);
    events.type = "charge.succeeded";
    EXPECT_EQ(list_events(world.rows, world.scope, events).rows.size(), 1U);
}

TEST_F(Queries, CustomersByEmail) {
    const auto first = world.make_customer("a@x.de");
    world.make_customer("b@x.de");
    const auto second = world.make_customer("a@x.de");
    ListQuery query;
    query.email = "a@x.de";
    auto page = customers::list_customers(world.rows, world.scope, query);
    ASSERT_EQ(page.rows.size(), 2U);
    EXPECT_EQ(page.rows[0].no(), second);
    world.run([&](pb::Command& c) {
        mutable_body(c, pb::update_customer)->set_no(first);
        mutable_body(c, pb::update_customer)->set_email("c@x.de");
    });
    EXPECT_EQ(world.effects.audit_records[0].events(0).previous_attributes_json(), R"({"email":"a@x.de"})");
    EXPECT_EQ(customers::list_customers(world.rows, world.scope, query).rows.size(), 1U);
    world.run([&](pb::Command& c) { mutable_body(c, pb::delete_customer)->set_no(second); });
    EXPECT_TRUE(customers::list_customers(world.rows, world.scope, query).rows.empty());
    EXPECT_EQ(customers::list_customers(world.rows, world.scope, {}).rows.size(), 2U);
    EXPECT_TRUE(customers::find_customer(world.rows, world.scope, second)->deleted());
}

// These bytes are state: every node writes the same ones.
TEST_F(Queries, ACustomerUpdateSaysWhatEachFieldWas) {
    const auto no = world.make_customer("a@x.de");
    const auto update = [&](const std::string& text) {
        world.run([&](pb::Command& c) {
            pb::UpdateCustomer& wanted = *mutable_body(c, pb::update_customer);
            wanted.set_no(no);
            wanted.set_name(text);
            wanted.set_email(text + "@y.de");
            wanted.set_phone("1" + text);
            wanted.set_description(text + "\n");
            for (const char* key : {"a", "b"}) {
                pb::Pair& pair = *wanted.add_metadata();
                pair.set_key(key);
                pair.set_value(*key == 'a' ? text : "same");
            }
        });
        return world.effects.audit_records.empty()
                   ? std::string("no event")
                   : world.effects.audit_records[0].events(0).previous_attributes_json();
    };
    EXPECT_EQ(update("Ada"), R"({"name":null,"email":"a@x.de","phone":null,"description":null,)"
                             R"("metadata":{"a":null,"b":null}})");
    EXPECT_EQ(update("Bob"), R"({"name":"Ada","email":"Ada@y.de","phone":"1Ada","description":"Ada\n",)"
                             R"("metadata":{"a":"Ada"}})");
    EXPECT_EQ(update("Bob"), "no event");
}

TEST_F(Queries, EventsInsideOneCommandPageOneByOne) {
    const auto customer = world.customer_with(1'000);
    world.wallet(1, customer);
    world.wallet(1, customer);
    Types types;
    ListQuery query;
    query.limit = 1;
    std::vector<std::uint64_t> numbers;
    for (bool more = true; more;) {
        const auto page = list_events(world.rows, world.scope, query);
        ASSERT_EQ(page.rows.size(), 1U);
        types.push_back(page.rows[0].event->type());
        numbers.push_back(page.rows[0].event->no());
        query.starting_after = page.rows[0].event->no();
        more = page.has_more;
    }
    EXPECT_EQ(types, (Types{"payment_intent.succeeded", "charge.succeeded", "payment_intent.created",
                            "payment_intent.succeeded", "charge.succeeded", "payment_intent.created",
                            "customer.created"}));
    query = {};
    query.limit = 2;
    query.ending_before = numbers[4];
    auto page = list_events(world.rows, world.scope, query);
    ASSERT_EQ(page.rows.size(), 2U);
    EXPECT_EQ(page.rows[0].event->no(), numbers[2]);
    EXPECT_EQ(page.rows[1].event->no(), numbers[3]);
    EXPECT_TRUE(page.has_more);
    query = {};
    query.types = {"customer.created", "charge.succeeded"};
    EXPECT_EQ(list_events(world.rows, world.scope, query).rows.size(), 3U);
    EXPECT_FALSE(find_event(world.rows, world.scope, numbers[0] + 1));
}

TEST_F(Queries, ChargesRefundsAndTransactions) {
    const auto customer = world.customer_with(1'000);
    const auto intent = object_in(world.wallet(100, customer), pb::payment_intent);
    world.wallet(50, customer);
    const auto refund = object_in(world.refund(intent.no(), 10), pb::refund);
    ListQuery query;
    query.intent_no = intent.no();
    EXPECT_EQ(list_charges(world.rows, world.scope, query).rows.size(), 1U);
    EXPECT_EQ(refunds::list_refunds(world.rows, world.scope, query).rows.size(), 1U);
    query = {};
    query.customer_no = customer;
    EXPECT_EQ(list_charges(world.rows, world.scope, query).rows.size(), 2U);
    query = {};
    query.charge_no = intent.latest_charge_no();
    EXPECT_EQ(refunds::list_refunds(world.rows, world.scope, query).rows.size(), 1U);
    query = {};
    query.type = "refund";
    auto page = balances::list_balance_transactions(world.rows, world.scope, query);
    ASSERT_EQ(page.rows.size(), 1U);
    EXPECT_EQ(page.rows[0].no(), refund.balance_transaction_no());
    query = {};
    query.source_id = format_id(prefix::charge, intent.latest_charge_no());
    EXPECT_EQ(balances::list_balance_transactions(world.rows, world.scope, query).rows.size(), 1U);
    query.source_id = "ch_nonsense";
    EXPECT_TRUE(balances::list_balance_transactions(world.rows, world.scope, query).rows.empty());
    query = {};
    query.currency = kJpy;
    EXPECT_TRUE(balances::list_balance_transactions(world.rows, world.scope, query).rows.empty());
}

TEST_F(Queries, ForeignObjectsAreAbsent) {
    const auto customer = world.customer_with(1'000);
    const auto intent = object_in(world.wallet(100, customer), pb::payment_intent);
    const auto refund = object_in(world.refund(intent.no(), 10), pb::refund);
    const auto event = world.audit_records.back().events(0).no();
    const auto mine = world.scope;
    world.make_merchant();
    for (const Scope scope : {world.scope, Scope{mine.merchant_no, true}}) {
        EXPECT_FALSE(customers::find_customer(world.rows, scope, customer));
        EXPECT_FALSE(find_intent(world.rows, scope, intent.no()));
        EXPECT_FALSE(find_charge(world.rows, scope, intent.latest_charge_no()));
        EXPECT_FALSE(refunds::find_refund(world.rows, scope, refund.no()));
        EXPECT_FALSE(find_event(world.rows, scope, event));
        EXPECT_TRUE(list_intents(world.rows, scope, {}).rows.empty());
        EXPECT_TRUE(customers::wallet_balance(world.rows, scope, customer).empty());
        EXPECT_TRUE(audit_records_of_intent(world.rows, scope, intent.no()).empty());
    }
    EXPECT_EQ(list_intents(world.rows, mine, {}).rows.size(), 1U);
}

TEST_F(Queries, AFilteredScanIsBounded) {
    const auto customer = world.customer_with(1);
    const auto rows = machine::limits::kListScanMax + 5;
    for (std::size_t i = 0; i < rows; ++i) {
        pb::BalanceTransaction row;
        row.set_no(1'000'000'000'000 + i);
        row.set_type("charge");
        std::string key;
        put_be64(key, world.scope.merchant_no);
        key.push_back('\0');
        put_be64(key, row.no());
        world.rows.put(24, key, row.SerializeAsString());
    }
    ListQuery query;
    query.type = "refund";
    const auto page = balances::list_balance_transactions(world.rows, world.scope, query);
    EXPECT_TRUE(page.rows.empty());
    EXPECT_TRUE(page.has_more);
    // In pieces: each looks at as many rows as it may, and says where the next one goes on.
    Bound bound;
    std::size_t pieces = 0;
    do {
        const auto piece = balances::list_balance_transactions(world.rows, world.scope, query, bound);
        EXPECT_TRUE(piece.rows.empty());
        EXPECT_EQ(piece.has_more, bound.resume != 0);
        query.starting_after = bound.resume;
        ++pieces;
    } while (bound.resume != 0 && pieces < 100);
    EXPECT_EQ(pieces, rows / kRowsPerRead + 1);
    EXPECT_NE(customer, 0U);
}

}  // namespace
}  // namespace kontor::payments::testing
