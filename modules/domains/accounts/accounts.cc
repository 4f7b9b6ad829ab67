#include "domains/accounts/accounts.h"

#include "domains/accounts/commands.h"
#include "domains/accounts/ids.h"
#include "domains/accounts/limits.h"
#include "domains/accounts/tables.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/refuse.h"
#include "kontor/money/money.h"

namespace kontor::accounts {

using namespace machine;  // the frame's words

std::optional<pb::Merchant> find_merchant(const store::Reader& rows, std::uint64_t no) {
    return load<pb::Merchant>(rows, table::merchants, merchant_key(no));
}

std::vector<pb::Merchant> list_merchants(const store::Reader& rows, std::uint64_t after_no,
                                         std::size_t limit) {
    std::vector<pb::Merchant> found;
    if (limit == 0) return found;
    rows.scan(table::merchants, merchant_key(after_no + 1).view(), {}, store::Direction::ascending,
              [&](std::string_view, std::string_view value) {
                  found.push_back(parse_row<pb::Merchant>(value, "merchants"));
                  return found.size() < limit;
              });
    return found;
}

const pb::Merchant& merchant_of(const Context& context) {
    KONTOR_ASSERT(context.owner.kind() == pb::kMerchantFieldNumber, "the command concerns a merchant");
    return context.owner.GetExtension(pb::merchant);
}

void enter_as(Context& context, std::uint64_t merchant_no) {
    auto merchant = find_merchant(context.rows, merchant_no);
    KONTOR_ASSERT(merchant, "what a worker reports belongs to a merchant");
    context.owner.set_kind(pb::kMerchantFieldNumber);
    *context.owner.MutableExtension(pb::merchant) = *std::move(merchant);
}

std::optional<pb::Result> enter(Context& context) {
    auto merchant = find_merchant(context.rows, context.scope.merchant_no);
    if (!merchant) return no_such("merchant", prefix::merchant, context.scope.merchant_no, "merchant");
    context.owner.set_kind(pb::kMerchantFieldNumber);
    *context.owner.MutableExtension(pb::merchant) = *std::move(merchant);
    return std::nullopt;
}

pb::Result create_merchant(Context& context, const pb::CreateMerchant& wanted) {
    if (wanted.name().size() > machine::limits::kNameBytes)
        return refuse(machine::outcome::invalid_parameter, "The name is too long.", "name");
    if (wanted.fee_bps() > limits::kFeeBpsMax)
        return refuse(machine::outcome::invalid_parameter, "A fee is at most 10,000 basis points.",
                      "fee_bps");
    if (wanted.fee_fixed_minor() < 0 || wanted.fee_fixed_minor() > money::kMaxAmountMinor)
        return refuse(machine::outcome::invalid_parameter, "The fixed fee is out of range.", "fee_fixed");
    if (wanted.settlement_delay_days() > limits::kSettlementDelayDaysMax) {
        return refuse(
            machine::outcome::invalid_parameter,
            "The settlement delay is at most " + std::to_string(limits::kSettlementDelayDaysMax) + " days.",
            "settlement_delay_days");
    }
    pb::Result result;
    pb::Merchant& merchant = *mutable_object(result, pb::merchant);
    merchant.set_no(context.next_no());
    merchant.set_name(wanted.name());
    merchant.set_fee_bps(wanted.fee_bps());
    merchant.set_fee_fixed_minor(wanted.fee_fixed_minor());
    merchant.set_settlement_delay_days(wanted.settlement_delay_days());
    merchant.set_created_ms(context.now.utc_ms);
    merchant.set_country(wanted.country());
    merchant.set_default_currency(wanted.default_currency());
    context.put(table::merchants, merchant_key(merchant.no()), merchant);
    context.audit_record(kInstanceScope);
    return result;
}

}  // namespace kontor::accounts
