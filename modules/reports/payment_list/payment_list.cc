#include "reports/payment_list/payment_list.h"

#include <map>
#include <utility>

#include "domains/accounts/accounts.h"
#include "kontor/machine/service.h"
#include "reports/payment_list/queries.h"
#include "reports/payment_list/schema.h"
#include "reports/payment_list/writer.h"

namespace kontor::payment_list {
namespace {

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
