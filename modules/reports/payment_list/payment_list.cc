#include "reports/payment_list/payment_list.h"

#include <map>
#include <utility>

#include "domains/accounts/accounts.h"
#include "domains/customers/customers.h"
#include "domains/payments/methods.h"
#include "domains/payments/payments.h"
#include "kontor/machine/service.h"
#include "reports/payment_list/queries.h"
#include "reports/payment_list/schema.h"
#include "reports/payment_list/writer.h"

namespace kontor::payment_list {
namespace {

constexpr std::size_t kMerchantsPerRead = 100;
constexpr std::size_t kMaxChangedTold = 100;  // rows told to subscribers after a transaction

void name_merchants(const reporting::Reports& reports, std::vector<PaymentRow>& rows) {
    std::map<std::uint64_t, std::string> names;
    reports.service().read([&](const store::Reader& reader, std::uint64_t) {
        for (PaymentRow& row : rows) {
            const auto [name, fresh] = names.try_emplace(row.merchant_no);
            if (fresh)
                if (const auto merchant = accounts::find_merchant(reader, row.merchant_no))
                    name->second = merchant->name();
            row.merchant_name = name->second;
        }
    });
}

PaymentRow row_of(const store::Reader& rows, machine::Scope scope, const pb::PaymentIntent& intent) {
    const pb::PaymentMethod& method = payments::method_of(intent);
    PaymentRow row;
    row.intent_no = intent.no();
    row.merchant_no = intent.merchant_no();
    row.customer_no = intent.customer_no();
    row.livemode = intent.livemode();
    row.created_ms = intent.created_ms();
    row.amount = intent.amount();
    if (const auto charge = payments::find_charge(rows, scope, intent.latest_charge_no()))
        row.amount_refunded = charge->amount_refunded();
    row.currency = static_cast<std::uint16_t>(intent.currency());
    row.status = payments::status_name(intent.status());
    row.method = payments::method_name(method.type());
    row.method_detail = method_detail(method);
    if (const auto customer = customers::find_customer(rows, scope, intent.customer_no()))
        row.customer_name = customer->name();
    row.description = intent.description();
    row.failure_code = failure_code(intent);
    return row;
}

// A payment's number does not tell its merchant: one look a merchant, in pages, since the log's work waits
// for a read to end.
std::optional<PaymentRow> find_in_state(const machine::Service& service, bool livemode,
                                        std::uint64_t intent_no) {
    std::optional<PaymentRow> found;
    std::uint64_t after_no = 0;
    for (bool more = true; more && !found;) {
        service.read([&](const store::Reader& rows, std::uint64_t) {
            const auto merchants = accounts::list_merchants(rows, after_no, kMerchantsPerRead);
            more = merchants.size() == kMerchantsPerRead;
            for (const auto& merchant : merchants) {
                after_no = merchant.no();
                const machine::Scope scope{merchant.no(), livemode};
                const auto intent = payments::find_intent(rows, scope, intent_no);
                if (!intent) continue;
                found = row_of(rows, scope, *intent);
                return;
            }
        });
    }
    return found;
}

}  // namespace

const reporting::ReportSpec kReport{
    .name = "payments",
    .version = kVersion,
    .schema = kSchema,
    .open_writer = &reporting::open_writer<PaymentWriter>,
    .open_reader = &reporting::open_reader<PaymentReader>,
};

Result<PaymentPage> list(const reporting::Reports& reports, const PaymentQuery& query) {
    auto page = reporting::read_report<PaymentReader>(
        reports.of(kReport), [&](PaymentReader& reader) { return reader.list(query); });
    if (page) name_merchants(reports, page->rows);
    return page;
}

Result<std::optional<PaymentRow>> find(const reporting::Reports& reports, bool livemode,
                                       std::uint64_t intent_no) {
    KONTOR_TRY(auto row,
               reporting::read_report<PaymentReader>(reports.of(kReport), [&](PaymentReader& reader) {
                   return reader.find(livemode, intent_no);
               }));
    // Reports lag behind: what was paid a moment ago is there already.
    if (!row) row = find_in_state(reports.service(), livemode, intent_no);
    if (!row) return row;
    std::vector<PaymentRow> one{*std::move(row)};
    name_merchants(reports, one);
    return std::optional(std::move(one.front()));
}

std::uint64_t subscribe(const reporting::Reports& reports, OnChange on_change) {
    return reports.of(kReport).subscribe(
        [&reports, tell = std::move(on_change)](const reporting::ReportWriter& writer) {
            const auto& changed = static_cast<const PaymentWriter&>(writer).changed();
            if (changed.empty()) return;
            std::vector<PaymentRow> rows;
            std::size_t left = kMaxChangedTold;
            for (auto it = changed.rbegin(); it != changed.rend() && left > 0; ++it, --left)
                if (auto row = find(reports, it->livemode, it->intent_no); row && *row)
                    rows.push_back(**std::move(row));
            tell(rows);
        });
}

void unsubscribe(const reporting::Reports& reports, std::uint64_t subscription) {
    reports.of(kReport).unsubscribe(subscription);
}

}  // namespace kontor::payment_list
