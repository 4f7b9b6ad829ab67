#include <array>
#include <vector>

#include "kontor/base/bytes.h"
#include "kontor/ledger/ledger.h"
#include "kontor/payments/machine.h"
#include "rows.h"

namespace kontor::payments {
namespace {

// Objects of a merchant live at the merchant's home, so that a list is one scan.
constexpr std::uint8_t kMerchantHome = 8;
constexpr std::uint8_t kSingletonHome = 1;
constexpr std::uint8_t kWholeKey = 0;

constexpr std::array kTables = {
    store::TableSpec{table::instance, "instance", kSingletonHome, true},
    store::TableSpec{table::merchants, "merchants", kSingletonHome, true},
    store::TableSpec{table::api_keys, "api_keys", kWholeKey, false},
    store::TableSpec{table::operators, "operators", kSingletonHome, true},
    store::TableSpec{table::sessions, "sessions", kWholeKey, false},
    store::TableSpec{table::setup_tokens, "setup_tokens", kWholeKey, false},
    store::TableSpec{table::scope_heads, "scope_heads", kMerchantHome, false},
    store::TableSpec{table::idempotency, "idempotency", kWholeKey, false},
    store::TableSpec{table::idempotency_expiry, "idempotency_expiry", kMerchantHome, true},
    store::TableSpec{table::due, "due", kSingletonHome, true},
    store::TableSpec{table::customers, "customers", kMerchantHome, true},
    store::TableSpec{table::intents, "payment_intents", kMerchantHome, true},
    store::TableSpec{table::charges, "charges", kMerchantHome, true},
    store::TableSpec{table::refunds, "refunds", kMerchantHome, true},
    store::TableSpec{table::balance_transactions, "balance_transactions", kMerchantHome, true},
    store::TableSpec{table::webhook_endpoints, "webhook_endpoints", kMerchantHome, true},
    store::TableSpec{table::journals, "journals", kMerchantHome, true},
    store::TableSpec{table::links, "links", kMerchantHome, true},
    store::TableSpec{table::customer_emails, "customer_emails", kMerchantHome, true},
    store::TableSpec{table::deliveries, "webhook_deliveries", kWholeKey, false},
    store::TableSpec{table::attempts, "channel_attempts", kWholeKey, false},
    store::TableSpec{table::outbox_due, "outbox_due", kSingletonHome, true},
    store::TableSpec{table::unreleased, "unreleased_funds", kMerchantHome, true},
    store::TableSpec{table::release_debts, "release_debts", kMerchantHome, false},
    store::TableSpec{table::merchant_keys, "merchant_keys", kMerchantHome, true},
    store::TableSpec{table::cluster, "cluster", kSingletonHome, true},
};

}  // namespace

std::span<const store::TableSpec> tables() {
    static const std::vector<store::TableSpec> all = [] {
        std::vector<store::TableSpec> specs(ledger::tables().begin(), ledger::tables().end());
        specs.insert(specs.end(), kTables.begin(), kTables.end());
        return specs;
    }();
    return all;
}

void row_failure(std::string_view table, std::string_view what) {
    throw store::StoreFailure(std::string(table) + ": " + std::string(what));
}

std::int64_t load_integer(const store::Reader& rows, store::TableId table, const Key& key) {
    const auto bytes = rows.get(table, key.view());
    if (!bytes) return 0;
    if (bytes->size() != sizeof(std::int64_t)) row_failure("payments", "an integer row has another size");
    return get_le<std::int64_t>(*bytes);
}

void store_integer(store::Writer& rows, store::TableId table, const Key& key, std::int64_t value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    rows.put(table, key.view(), {raw, sizeof raw});
}

}  // namespace kontor::payments
