#pragma once
// The list's tables. The number goes up with every change: a file of another version is made again.
//
// A payment is found by its own words and by its customer's. The customer's are indexed once, not with each
// of the payments: indexing three letters costs about a microsecond.
//
// SQLite orders the object numbers of a group right, since the bits of the group, the highest, are the same
// in all of them.

#include <cstdint>
#include <string_view>

namespace kontor::payment_list {

inline constexpr std::int64_t kVersion = 1;

inline constexpr std::string_view kSchema = R"sql(
CREATE TABLE customers (customer_no INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE customers_text USING fts5(name, email, content='customers', content_rowid='customer_no',
    tokenize='trigram', columnsize=0);
CREATE TRIGGER customers_insert AFTER INSERT ON customers BEGIN
    INSERT INTO customers_text(rowid, name, email) VALUES (new.customer_no, new.name, new.email);
END;
CREATE TRIGGER customers_update AFTER UPDATE ON customers WHEN old.name <> new.name OR old.email <> new.email BEGIN
    INSERT INTO customers_text(customers_text, rowid, name, email)
        VALUES ('delete', old.customer_no, old.name, old.email);
    INSERT INTO customers_text(rowid, name, email) VALUES (new.customer_no, new.name, new.email);
END;
CREATE TABLE payments (
    intent_no INTEGER PRIMARY KEY, merchant_no INTEGER NOT NULL, livemode INTEGER NOT NULL,
    customer_no INTEGER NOT NULL, created_ms INTEGER NOT NULL, amount INTEGER NOT NULL,
    amount_refunded INTEGER NOT NULL, currency INTEGER NOT NULL, status TEXT NOT NULL, method TEXT NOT NULL,
    method_detail TEXT NOT NULL, description TEXT NOT NULL, failure_code TEXT NOT NULL,
    search TEXT NOT NULL) STRICT;
CREATE INDEX payments_by_time ON payments (livemode, created_ms DESC, intent_no DESC);
CREATE INDEX payments_by_status ON payments (livemode, status, created_ms DESC, intent_no DESC);
CREATE INDEX payments_by_customer ON payments (customer_no, created_ms DESC);
CREATE VIRTUAL TABLE payments_text USING fts5(search, content='payments', content_rowid='intent_no', tokenize='trigram',
    columnsize=0);
INSERT INTO payments_text(payments_text, rank) VALUES ('automerge', 8);
CREATE TRIGGER payments_insert AFTER INSERT ON payments BEGIN
    INSERT INTO payments_text(rowid, search) VALUES (new.intent_no, new.search);
END;
CREATE TRIGGER payments_update AFTER UPDATE OF search ON payments WHEN old.search <> new.search BEGIN
    INSERT INTO payments_text(payments_text, rowid, search) VALUES ('delete', old.intent_no, old.search);
    INSERT INTO payments_text(rowid, search) VALUES (new.intent_no, new.search);
END;
)sql";

}  // namespace kontor::payment_list
