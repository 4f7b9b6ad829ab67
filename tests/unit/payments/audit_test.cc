// The audit must not believe anything: the frame's rows. Those of the domains: audit_domains_test.cc.

#include "audited.h"

namespace kontor::payments::testing {
namespace {

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
    const auto of_merchant = [](const pb::AuditRecord& row) {
        return row.merchant_no() != 0 && row.events_size() > 0;
    };
    change<pb::AuditRecord>(
        26, [&](pb::AuditRecord& row) { return of_merchant(row) && (row.set_request_id("req_2"), true); });
    expect("the audit record does not follow from the one before it");
    change<pb::AuditRecord>(26, [&](pb::AuditRecord& row) {
        if (!of_merchant(row) || !has_object(row.events(0), pb::customer)) return false;
        mutable_object(*row.mutable_events(0), pb::customer)->set_email("eve@example.com");
        return true;
    });
    expect("the audit record does not follow from the one before it");
    change<pb::AuditRecord>(26, [&](pb::AuditRecord& row) {
        return of_merchant(row) && (row.set_salt(std::string(16, 'x')), true);
    });
    expect("the audit record does not follow from the one before it");
    for (const std::size_t size : {0U, 15U, 17U}) {
        change<pb::AuditRecord>(26, [&](pb::AuditRecord& row) {
            return of_merchant(row) && (row.set_salt(std::string(size, 'x')), true);
        });
        expect("the audit record has no salt of its own");
    }
    drop(26, [&](Bytes, Bytes value) {
        pb::AuditRecord row;
        row.ParseFromArray(value.data(), static_cast<int>(value.size()));
        return of_merchant(row) && !row.previous_hash().empty();
    });
    expect("the audit record does not follow from the one before it");
    drop(26, [&](Bytes, Bytes value) {  // the very first
        pb::AuditRecord row;
        row.ParseFromArray(value.data(), static_cast<int>(value.size()));
        return row.merchant_no() != 0 && row.previous_hash().empty();
    });
    expect("the first audit record names one before it");
    change<pb::ScopeHead>(
        16, [](pb::ScopeHead& head) { return head.set_audit_hash(std::string(16, 'x')), true; });
    expect("the newest audit record is not the one that the head names");
    drop(16);
    expect("there is an audit record, and its head is gone");
}

using Rows = kontor::testing::MemoryRows::Rows;

// Of all audit records, as whoever erases a person will do it. How many had some.
std::size_t erase_images(Rows& rows) {
    ChainHasher chain;
    std::size_t erased = 0;
    for (auto& [key, value] : rows) {
        pb::AuditRecord row;
        if (key.first != 26 || !row.ParseFromString(value) || row.salt().empty()) continue;
        const std::string hash = chain.hash(value);
        row.set_personal_digest(chain.image_digest(value));
        row.clear_salt();
        row.clear_idempotency_key();
        row.clear_reason();
        for (auto* events : {row.mutable_events(), row.mutable_changes()}) {
            for (pb::Event& event : *events) {
                event.clear_object();
                event.clear_previous_attributes_json();
            }
        }
        row.SerializeToString(&value);
        EXPECT_EQ(chain.hash(value), hash);
        ++erased;
    }
    return erased;
}

template <typename T, typename Edit>
void edit_all(Rows& rows, store::TableId table, Edit edit) {
    std::size_t edited = 0;
    for (auto& [key, value] : rows) {
        T row;
        if (key.first != table || !row.ParseFromString(value)) continue;
        edit(row);
        row.SerializeToString(&value);
        ++edited;
    }
    EXPECT_GT(edited, 0U);
}

std::set<store::TableId> tables_with(const Rows& rows, const std::string& text) {
    std::set<store::TableId> found;
    for (const auto& [key, value] : rows)
        if (key.second.find(text) != std::string::npos || value.find(text) != std::string::npos)
            found.insert(key.first);
    return found;
}

// The fields that docs/formats/state.md names are all there is about a payer, and none of them carries a
// hash, a key or a sum.
TEST_F(Audited, APersonCanBeErasedFromEveryRow) {
    const std::string person = "eve@example.com";
    const auto customer = world.run([&](pb::Command& c) {
        auto& create = *mutable_body(c, pb::create_customer);
        create.set_name("name of " + person);
        create.set_email(person);
        create.set_phone("phone of " + person);
        create.set_description("text about " + person);
    });
    const std::uint64_t no = object_in(customer, pb::customer).no();
    world.top_up(no, 1'000);
    const auto paid =
        world.apply(world.pay_command("pm_card_visa", 500, no, [&](pb::Command&, pb::CreatePaymentIntent& c) {
            c.set_description("text about " + person);
            c.set_receipt_email(person);
        }));
    ASSERT_NE(paid.waiting_on(), 0U);
    world.succeed(paid.waiting_on());
    Rows& rows = world.rows.rows();
    EXPECT_EQ(tables_with(rows, person), (std::set<store::TableId>{20, 21, 22, 24, 26}));

    EXPECT_GT(erase_images(rows), 5U);
    edit_all<pb::Customer>(rows, 20, [](pb::Customer& row) {
        row.clear_name();
        row.clear_email();
        row.clear_phone();
        row.clear_description();
    });
    edit_all<pb::PaymentIntent>(rows, 21, [](pb::PaymentIntent& row) {
        row.clear_description();
        row.clear_receipt_email();
    });
    edit_all<pb::Charge>(rows, 22, [](pb::Charge& row) {
        row.clear_description();
        row.clear_receipt_email();
    });
    edit_all<pb::BalanceTransaction>(rows, 24, [](pb::BalanceTransaction& row) { row.clear_description(); });
    std::erase_if(rows, [](const auto& row) { return row.first.first == 28; });
    EXPECT_EQ(tables_with(rows, person), std::set<store::TableId>());
    world.expect_whole();
}

TEST_F(Audited, ChainOfErasedImages) {
    EXPECT_GT(erase_images(world.rows.rows()), 5U);
    EXPECT_FALSE(tables_with(world.rows.rows(), "ada@example.com").contains(26));
    const AuditReport report = world.audit();
    EXPECT_TRUE(report.holds()) << said(report);
    // The frame is still under it.
    change<pb::AuditRecord>(26, [](pb::AuditRecord& row) {
        return !row.personal_digest().empty() && row.events_size() > 0 &&
               (row.mutable_events(0)->set_type("customer.deleted"), true);
    });
    expect("the audit record does not follow from the one before it");
    change<pb::AuditRecord>(26, [](pb::AuditRecord& row) {
        return !row.personal_digest().empty() && (row.set_personal_digest(std::string(32, 'd')), true);
    });
    expect("the audit record does not follow from the one before it");
    change<pb::AuditRecord>(26, [](pb::AuditRecord& row) {
        return !row.personal_digest().empty() && (row.set_salt(std::string(16, 's')), true);
    });
    expect("the audit record was not erased as a row is");
}

// The same images of two rows have nothing in common that could be looked for, and other batches' salts
// neither.
TEST_F(Audited, SaltsDiffer) {
    std::set<std::string> salts;
    std::size_t rows = 0;
    for (const pb::AuditRecord& audit_record : world.audit_records) {
        if (!has_images(audit_record)) {
            EXPECT_TRUE(audit_record.salt().empty());
            continue;
        }
        EXPECT_EQ(audit_record.salt().size(), kSaltBytes);
        salts.insert(audit_record.salt());
        ++rows;
    }
    EXPECT_EQ(salts.size(), rows);
    const std::string a(kSaltBytes, 'a'), b(kSaltBytes, 'b');
    EXPECT_NE(row_salt(a, {1, false}, 4096), row_salt(b, {1, false}, 4096));
    EXPECT_NE(row_salt(a, {1, false}, 4096), row_salt(a, {1, true}, 4096));
    EXPECT_NE(row_salt(a, {1, false}, 4096), row_salt(a, {2, false}, 4096));
    EXPECT_NE(row_salt(a, {1, false}, 4096), row_salt(a, {1, false}, 8192));
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

// By running time, whatever machine time does: a leader whose clock is forty days ahead.
TEST_F(Audited, IdempotencyRecordsOfAJump) {
    world.now += 40 * kDay;
    world.apply(world.pay_command("pm_card_visa", 901, 0, [](pb::Command& c, pb::CreatePaymentIntent&) {
        c.set_idempotency_key("two");
        c.set_params_hash("hash");
    }));
    world.expect_whole();
    drop(19, [](Bytes key, Bytes) { return key[1] == 2 && key[2] == 2; });
    expect("its idempotency record is never forgotten");
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
TEST_F(Audited, ARowThatDoesNotParse) {
    const std::pair<store::TableId, const char*> tables[] = {
        {12, "api_keys"},          {13, "operators"},     {16, "scope_heads"},
        {17, "machine"},           {20, "customers"},     {21, "payment_intents"},
        {22, "charges"},           {23, "refunds"},       {24, "balance_transactions"},
        {25, "webhook_endpoints"}, {26, "audit_records"}, {29, "webhook_deliveries"},
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
