#include <array>

#include "domains/customers/references.h"
#include "domains/payments/ids.h"
#include "domains/payments/method_fields.h"
#include "domains/payments/payments.h"
#include "domains/payments/references.h"
#include "domains/payments/words.h"
#include "kontor/machine/fields.h"

namespace kontor::payments {

namespace {

using fields::Absent;
using pb::PaymentIntent;

MethodView view_of(const pb::PaymentMethod& method, const PaymentIntent& intent) {
    return {method, intent.customer_no(), intent.created_ms(), intent.livemode()};
}

// ---- last_payment_error
// ---------------------------------------------------------------------------------

struct LastError {
    const pb::PaymentError& row;
    const PaymentIntent& intent;
};
LastError last_error(const PaymentIntent& intent) {
    return {intent.last_payment_error(), intent};
}
std::uint64_t charge_no(const LastError& error) {
    return error.intent.latest_charge_no();
}
// A failed method is taken off the intent; the error remembers it.
MethodView failed_method(const LastError& error) {
    const bool taken_off = is_set(error.intent.failed_payment_method());
    return view_of(taken_off ? error.intent.failed_payment_method() : error.intent.payment_method(),
                   error.intent);
}
bool has_failed_method(const LastError& error) {
    return is_set(failed_method(error).row);
}
std::string_view error_type(const LastError& error) {
    return error.row.type().empty() ? std::string_view("card_error") : std::string_view(error.row.type());
}

using ErrorRow = fields::Field<LastError>;
constexpr std::array kLastError = {
    ErrorRow{"charge", fields::id<&charge_no>(prefix::charge), Absent::left_out},
    ErrorRow{"code", fields::text<&pb::PaymentError::code>(), Absent::never, "For programs."},
    ErrorRow{"decline_code", fields::text<&pb::PaymentError::decline_code>(), Absent::left_out,
             "Why it was declined, as far as the channel says."},
    ErrorRow{"message", fields::text<&pb::PaymentError::message>(), Absent::never, "For people."},
    ErrorRow{"param", fields::text<&pb::PaymentError::param>(), Absent::left_out},
    ErrorRow{"payment_method",
             fields::hash<parts::kPaymentMethod, &failed_method, &has_failed_method>(&kPaymentMethodShape),
             Absent::left_out},
    ErrorRow{"type", fields::text<&error_type>(), Absent::never},
};

// ---- next_action
// ----------------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kActionTypes = {"display_qr_code", "redirect_to_url"};

bool is_redirect(const PaymentIntent& intent) {
    return !intent.next_action().redirect_url().empty();
}
bool is_code(const PaymentIntent& intent) {
    return !is_redirect(intent);
}
const std::string& redirect_url(const PaymentIntent& intent) {
    return intent.next_action().redirect_url();
}
const std::string& qr_data(const PaymentIntent& intent) {
    return intent.next_action().qr_data();
}
std::int64_t action_expires_ms(const PaymentIntent& intent) {
    return intent.next_action().expires_ms();
}

using Part = fields::Field<PaymentIntent>;
constexpr std::array kRedirect = {
    Part{"return_url", fields::text<&PaymentIntent::return_url>(), Absent::null},
    Part{"url", fields::text<&redirect_url>(), Absent::never, "Where the payer has to go."},
};
constexpr std::array kCode = {
    Part{"data", fields::text<&qr_data>(), Absent::never, "What the code says that the payer has to scan."},
    Part{"expires_at", fields::timestamp<&action_expires_ms>(), Absent::null},
};
constexpr std::array kNextAction = {
    Part{"redirect_to_url", fields::hash<kRedirect, nullptr, &is_redirect>(), Absent::left_out},
    Part{"display_qr_code", fields::hash<kCode, nullptr, &is_code>(), Absent::left_out},
    Part{"type", fields::word<kActionTypes, &is_redirect>(), Absent::never},
};

// ---- the intent
// -----------------------------------------------------------------------------------------

// No list of types in the record: whatever the platform offers in this mode, chosen automatically.
bool is_automatic(const PaymentIntent& intent) {
    return intent.payment_method_types().empty();
}
void each_method_type(const machine::Rendered<PaymentIntent>& intent, const fields::EachText& each) {
    for (const std::string& type : intent.row.payment_method_types()) each(type);
    if (!is_automatic(intent.row)) return;
    for (const Method& method : kMethods)
        if (is_offered(method, intent.row.livemode())) each(method.type);
}

using Constant = fields::Field<fields::Constants>;
constexpr std::array kAmountDetails = {Constant{"tip", fields::literal("{}"), Absent::never}};
constexpr std::array kAutomatic = {
    Constant{"allow_redirects", fields::constant("always"), Absent::never},
    Constant{"enabled", fields::literal("true"), Absent::never},
};

// By its token: there is no object of its own to look for.
constexpr std::array kToMethod = {
    fields::Target{.object = "payment_method", .prefix = "", .kind = 0U, .may_be_deleted = false},
};
struct MethodReference {
    fields::Kind kind{.type = fields::Type::expandable, .targets = kToMethod};
    template <typename Record>
    static void put(JsonWriter& json, const Record& intent, const fields::Facts& facts) {
        if (machine::parts::names(intent.expansion, facts.name)) {
            fields::write_object<parts::kPaymentMethod>(json,
                                                        view_of(intent.row.payment_method(), intent.row));
        } else {
            json.string(intent.row.payment_method().token());
        }
    }
    template <typename Record>
    static bool is_absent(const Record& intent, const fields::Facts& /*facts*/) {
        return !is_set(intent.row.payment_method());
    }
};

using Row = fields::Field<machine::Rendered<PaymentIntent>>;
constexpr std::array kIntent = {
    Row{"id", fields::id<&PaymentIntent::no>(prefix::intent), Absent::never},
    Row{"object", fields::constant("payment_intent"), Absent::never},
    Row{"allowed_payment_method_types", fields::null(), Absent::never},
    Row{"amount", fields::integer<&PaymentIntent::amount>(), Absent::never,
        "In the currency's smallest unit."},
    Row{"amount_capturable", fields::integer<&PaymentIntent::amount_capturable>(), Absent::never},
    Row{"amount_details", fields::hash<kAmountDetails>(), Absent::never},
    Row{"amount_received", fields::integer<&PaymentIntent::amount_received>(), Absent::never},
    Row{"application", fields::null(), Absent::never},
    Row{"application_fee_amount", fields::null(), Absent::never},
    Row{"automatic_payment_methods", fields::hash<kAutomatic, nullptr, &is_automatic>(), Absent::null},
    Row{"canceled_at", fields::timestamp<&PaymentIntent::canceled_ms>(), Absent::null},
    Row{"cancellation_reason", fields::word<kCancelReasons, &PaymentIntent::cancellation_reason>(),
        Absent::null},
    Row{"capture_method", fields::word<kCaptureMethods, &PaymentIntent::manual_capture>(), Absent::never},
    Row{"client_secret", fields::text<&PaymentIntent::client_secret>(), Absent::null},
    Row{"confirmation_method", fields::word<kConfirmationMethods, &PaymentIntent::manual_confirmation>(),
        Absent::never},
    Row{"created", fields::timestamp<&PaymentIntent::created_ms>(), Absent::never},
    Row{"currency", fields::currency<&PaymentIntent::currency>(), Absent::never},
    Row{"customer", fields::expandable<customers::kToCustomer, &PaymentIntent::customer_no>(), Absent::null},
    Row{"customer_account", fields::null(), Absent::never},
    Row{"description", fields::text<&PaymentIntent::description>(), Absent::null, "For your own use."},
    Row{"excluded_payment_method_types", fields::null(), Absent::never},
    Row{"invoice", fields::null(), Absent::never},
    Row{"last_payment_error", fields::hash<kLastError, &last_error, &PaymentIntent::has_last_payment_error>(),
        Absent::null, "Why it could not be paid, and with what."},
    Row{"latest_charge", fields::expandable<kToCharge, &PaymentIntent::latest_charge_no>(), Absent::null},
    Row{"livemode", fields::boolean<&PaymentIntent::livemode>(), Absent::never},
    Row{"managed_payments", fields::null(), Absent::never},
    Row{"metadata", fields::metadata(), Absent::never},
    Row{"next_action", fields::hash<kNextAction, nullptr, &PaymentIntent::has_next_action>(), Absent::null,
        "What the payer has to do; the member of the type's name says it."},
    Row{"on_behalf_of", fields::null(), Absent::never},
    Row{"payment_method", MethodReference(), Absent::null},
    Row{"payment_method_configuration_details", fields::null(), Absent::never},
    Row{"payment_method_options", fields::literal("{}"), Absent::never},
    Row{"payment_method_types", fields::texts<&each_method_type>(kMethodTypes), Absent::never},
    Row{"payment_record", fields::null(), Absent::never},
    Row{"processing", fields::null(), Absent::never},
    Row{"receipt_email", fields::text<&PaymentIntent::receipt_email>(), Absent::null},
    Row{"review", fields::null(), Absent::never},
    Row{"setup_future_usage", fields::word<kFutureUsages, &PaymentIntent::setup_future_usage>(),
        Absent::null},
    Row{"shipping", fields::null(), Absent::never},
    Row{"source", fields::null(), Absent::never},
    Row{"statement_descriptor", fields::text<&PaymentIntent::statement_descriptor>(), Absent::null},
    Row{"statement_descriptor_suffix", fields::null(), Absent::never},
    Row{"status", fields::word<kIntentStatuses, &PaymentIntent::status>(), Absent::never},
    Row{"transfer_data", fields::null(), Absent::never},
    Row{"transfer_group", fields::null(), Absent::never},
};

}  // namespace

constinit const fields::Shape kIntentShape = fields::shape<kIntent>("payment_intent");

std::string intent_json(const PaymentIntent& intent, const machine::Expansion& expansion) {
    return machine::render_object<kIntent>(machine::Rendered<PaymentIntent>{intent, expansion},
                                           machine::parts::kUsualObjectBytes);
}

fields::Pointer intent_reference(const PaymentIntent& intent, std::string_view field) {
    return fields::follow<kIntent>(machine::Rendered<PaymentIntent>{intent, machine::kNothingExpanded},
                                   field);
}

}  // namespace kontor::payments
