#include <array>

#include "domains/customers/cash_balance.h"
#include "domains/customers/customers.h"
#include "domains/customers/ids.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/fields.h"

namespace kontor::customers {

namespace {

using fields::Absent;
using machine::parts::kUsualObjectBytes;

using Settings = fields::Field<fields::Constants>;
constexpr std::array kInvoiceSettings = {
    Settings{"custom_fields", fields::null(), Absent::never},
    Settings{"default_payment_method", fields::null(), Absent::never},
    Settings{"footer", fields::null(), Absent::never},
    Settings{"rendering_options", fields::null(), Absent::never},
};

using Row = fields::Field<pb::Customer>;
constexpr std::array kCustomer = {
    Row{"id", fields::id<&pb::Customer::no>(prefix::customer), Absent::never},
    Row{"object", fields::constant("customer"), Absent::never},
    Row{"address", fields::null(), Absent::never},
    Row{"balance", fields::literal("0"), Absent::never},
    Row{"created", fields::timestamp<&pb::Customer::created_ms>(), Absent::never},
    Row{"currency", fields::null(), Absent::never},
    Row{"customer_account", fields::null(), Absent::never},
    Row{"default_source", fields::null(), Absent::never},
    Row{"delinquent", fields::literal("false"), Absent::never},
    Row{"discount", fields::null(), Absent::never},
    Row{"invoice_prefix", fields::null(), Absent::never},
    Row{"invoice_settings", fields::hash<kInvoiceSettings>(), Absent::never},
    Row{"livemode", fields::boolean<&pb::Customer::livemode>(), Absent::never},
    // What can change, in the order of previous_attributes.
    Row{"name", fields::text<&pb::Customer::name>(), Absent::null},
    Row{"email", fields::text<&pb::Customer::email>(), Absent::null},
    Row{"phone", fields::text<&pb::Customer::phone>(), Absent::null},
    Row{"description", fields::text<&pb::Customer::description>(), Absent::null, "For your own use."},
    Row{"metadata", fields::metadata(), Absent::never},
    Row{"preferred_locales", fields::literal("[]"), Absent::never},
    Row{"shipping", fields::null(), Absent::never},
    Row{"tax_exempt", fields::constant("none"), Absent::never},
    Row{"test_clock", fields::null(), Absent::never},
};

// ---- the wallet, as Stripe's cash balance
// ----------------------------------------------------------

bool has_lines(const CashBalance& balance) {
    return !balance.lines.empty();
}
void each_available(const CashBalance& balance, const fields::EachNumber& each) {
    for (const balances::BalanceLine& line : balance.lines)
        each(machine::parts::currency_code(line.currency), line.available);
}

constexpr std::array kCashBalanceSettings = {
    Settings{"reconciliation_mode", fields::constant("automatic"), Absent::never},
    Settings{"using_merchant_default", fields::literal("true"), Absent::never},
};
using CashBalanceRow = fields::Field<CashBalance>;
constexpr std::array kCashBalance = {
    CashBalanceRow{"object", fields::constant("cash_balance"), Absent::never},
    CashBalanceRow{"available", fields::numbers<&each_available, &has_lines>(), Absent::null,
                   "By currency, in its smallest unit."},
    CashBalanceRow{"customer", fields::id<&CashBalance::customer_no>(prefix::customer), Absent::never},
    CashBalanceRow{"customer_account", fields::null(), Absent::never},
    CashBalanceRow{"livemode", fields::boolean<&CashBalance::livemode>(), Absent::never},
    CashBalanceRow{"settings", fields::hash<kCashBalanceSettings>(), Absent::never},
};

// ---- a top-up, as Stripe's customer_cash_balance_transaction
// ---------------------------------------

bool is_live(const Funding& funding) {
    return funding.customer.livemode();
}

// The customer whom the command's result has, and not one that was looked for: nobody tops up a deleted one.
constexpr std::array kToThisCustomer = {
    fields::Target{.object = "customer",
                   .prefix = prefix::customer,
                   .kind = pb::kCustomerFieldNumber,
                   .may_be_deleted = false},
};
struct CustomerOfFunding {
    fields::Kind kind{.type = fields::Type::expandable, .targets = kToThisCustomer};
    template <typename Record>
    static void put(JsonWriter& json, const Record& funding, const fields::Facts& /*facts*/) {
        if (funding.expand_customer) {
            json.raw(customer_json(funding.customer));
        } else {
            json.plain_string(format_id(prefix::customer, funding.customer.no()));
        }
    }
};

using FundingRow = fields::Field<Funding>;
constexpr std::array kBankTransfer = {
    FundingRow{"reference", fields::text<&Funding::reference>(), Absent::null, "What the transfer said."},
    FundingRow{"type", fields::constant("eu_bank_transfer"), Absent::never},
};
constexpr std::array kFunded = {
    FundingRow{"bank_transfer", fields::hash<kBankTransfer>(), Absent::never},
};
constexpr std::array kFunding = {
    FundingRow{"id", fields::id<&Funding::no>(prefix::cash_balance_transaction), Absent::never},
    FundingRow{"object", fields::constant("customer_cash_balance_transaction"), Absent::never},
    FundingRow{"created", fields::timestamp<&Funding::created_ms>(), Absent::never},
    FundingRow{"currency", fields::currency<&Funding::currency>(), Absent::never},
    FundingRow{"customer", CustomerOfFunding(), Absent::never},
    FundingRow{"customer_account", fields::null(), Absent::never},
    FundingRow{"ending_balance", fields::integer<&Funding::ending_balance>(), Absent::never,
               "Of the wallet in this currency, afterwards."},
    FundingRow{"funded", fields::hash<kFunded>(), Absent::never},
    FundingRow{"livemode", fields::boolean<&is_live>(), Absent::never},
    FundingRow{"net_amount", fields::integer<&Funding::amount>(), Absent::never},
    FundingRow{"type", fields::constant("funded"), Absent::never},
};

}  // namespace

constinit const fields::Shape kCustomerShape = fields::shape<kCustomer>("customer");
constinit const fields::Shape kCashBalanceShape = fields::shape<kCashBalance>("cash_balance");
constinit const fields::Shape kFundingShape = fields::shape<kFunding>("customer_cash_balance_transaction");

std::string customer_json(const pb::Customer& customer, const machine::Expansion& /*expansion*/) {
    if (customer.deleted()) return machine::deleted_json("customer", prefix::customer, customer.no());
    return machine::render_object<kCustomer>(customer, kUsualObjectBytes / 2);
}

std::string customer_changes(const pb::Customer& before, const pb::Customer& after) {
    return fields::changes<kCustomer>(before, after);
}

std::string cash_balance_json(const CashBalance& balance) {
    return machine::render_object<kCashBalance>(balance, kUsualObjectBytes / 4);
}

std::string funding_json(const Funding& funding) {
    return machine::render_object<kFunding>(funding, kUsualObjectBytes / 2);
}

}  // namespace kontor::customers
