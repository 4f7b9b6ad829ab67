#pragma once
// The projection's tables. The number goes up with every change: another version is dropped and rebuilt.
//
// A payment is found by its own words and by its customer's. The customer's are indexed once, not with each
// of the payments: indexing three letters costs about a microsecond.
//
// Object numbers are below 2^63 as long as the log has fewer than 2^35 entries, so that SQLite orders them
// right. Roll-ups count events, each once: `created` (a payment intent was made), `succeeded` (volume: amount
// received), `failed` (an attempt was declined; volume: the amount), `canceled`, `refunded` (volume: the
// refund's amount). Several events show a refund that succeeded; it is counted when its status becomes that,
// so its last status is kept.

#include <cstdint>

namespace kontor::reporting {

inline constexpr std::int64_t kSchemaVersion = 4;

inline constexpr const char* kSchema = R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE cursors (
    merchant_no INTEGER NOT NULL, livemode INTEGER NOT NULL, command_no INTEGER NOT NULL,
    PRIMARY KEY (merchant_no, livemode)) STRICT, WITHOUT ROWID;
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
CREATE TABLE refunds (refund_no INTEGER PRIMARY KEY, status INTEGER NOT NULL) STRICT;
CREATE TABLE rollups (
    bucket INTEGER NOT NULL, livemode INTEGER NOT NULL, start_ms INTEGER NOT NULL, merchant_no INTEGER NOT NULL,
    channel TEXT NOT NULL, currency INTEGER NOT NULL, status TEXT NOT NULL, count INTEGER NOT NULL,
    volume INTEGER NOT NULL,
    PRIMARY KEY (bucket, livemode, start_ms, merchant_no, channel, currency, status)) STRICT, WITHOUT ROWID;
)sql";

}  // namespace kontor::reporting
