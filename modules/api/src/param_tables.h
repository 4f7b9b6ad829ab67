#pragma once
// Parameters of each route. `about` goes into the OpenAPI document.

#include <array>

#include "domains/customers/ids.h"
#include "domains/customers/limits.h"
#include "domains/payments/ids.h"
#include "domains/payments/limits.h"
#include "domains/webhooks/limits.h"
#include "kontor/machine/limits.h"
#include "ledger_limits.h"
#include "spec.h"

namespace kontor::api::tables {

using std::string_view;

constexpr std::int64_t kMaxMethodTypes = 10;
constexpr std::int64_t kMaxEventTypesInFilter = 20;

// What the state machine writes.
inline constexpr std::array<string_view, 17> kEventTypes = {"charge.captured",
                                                            "charge.failed",
                                                            "charge.refunded",
                                                            "charge.succeeded",
                                                            "charge.updated",
                                                            "customer.created",
                                                            "customer.deleted",
                                                            "customer.updated",
                                                            "payment_intent.amount_capturable_updated",
                                                            "payment_intent.canceled",
                                                            "payment_intent.created",
                                                            "payment_intent.payment_failed",
                                                            "payment_intent.processing",
                                                            "payment_intent.succeeded",
                                                            "refund.created",
                                                            "refund.failed",
                                                            "refund.updated"};
// Of the same resources, but not written here. Endpoints may ask for them, as for "*" and for the events of
// resources this platform does not have: existing set-up programs name them, and nothing comes.
inline constexpr std::array<string_view, 4> kSilentEventTypes = {
    "charge.expired", "charge.pending", "payment_intent.partially_funded", "payment_intent.requires_action"};

inline constexpr std::array<string_view, 2> kMethodTypes = {"card", "wallet"};
inline constexpr std::array<string_view, 3> kCaptureMethods = {"automatic", "automatic_async", "manual"};
inline constexpr std::array<string_view, 2> kConfirmationMethods = {"automatic", "manual"};
inline constexpr std::array<string_view, 2> kFutureUsages = {"off_session", "on_session"};
inline constexpr std::array<string_view, 2> kRedirects = {"always", "never"};
inline constexpr std::array<string_view, 4> kCancelReasons = {"abandoned", "duplicate", "fraudulent",
                                                              "requested_by_customer"};
inline constexpr std::array<string_view, 3> kRefundReasons = {"duplicate", "fraudulent",
                                                              "requested_by_customer"};

constexpr Param text(string_view name, std::size_t max, string_view about, bool can_unset = false) {
    return {.name = name, .kind = Kind::text, .about = about, .can_unset = can_unset, .max = max};
}
// The ledger API's query parameters; numbers of 64 bits come as text.
inline constexpr std::array<string_view, 2> kDirections = {"credit", "debit"};
constexpr Param boolean(string_view name, string_view about) {
    return {.name = name, .kind = Kind::boolean, .about = about};
}
constexpr Param amount(string_view name, string_view about, bool required = false) {
    return {.name = name, .kind = Kind::amount, .about = about, .required = required};
}
constexpr Param currency(string_view about, bool required = false) {
    return {.name = "currency", .kind = Kind::currency, .about = about, .required = required};
}
constexpr Param id(string_view name, string_view id_prefix, string_view about) {
    return {.name = name, .kind = Kind::object_id, .about = about, .prefix = id_prefix};
}
constexpr Param choice(string_view name, std::span<const string_view> choices, string_view about) {
    return {.name = name, .kind = Kind::choice, .about = about, .choices = choices};
}
constexpr Param hash(string_view name, std::span<const Param> children, string_view about) {
    return {.name = name, .kind = Kind::hash, .about = about, .children = children};
}
constexpr Param metadata() {
    return {.name = "metadata",
            .kind = Kind::metadata,
            .about = "Your own keys and values. An empty value removes its key, an empty hash all of them.",
            .can_unset = true};
}
constexpr Param email(string_view name, string_view about) {
    return {.name = name, .kind = Kind::email, .about = about, .can_unset = true};
}

// --- customers ---
inline constexpr std::array kCustomer = {
    text("description", machine::limits::kDescriptionBytes, "For your own use.", true),
    email("email", "The customer's email address."),
    metadata(),
    text("name", machine::limits::kNameBytes, "The customer's full name.", true),
    Param{.name = "phone", .kind = Kind::phone, .about = "The customer's phone number.", .can_unset = true},
};
inline constexpr std::array kTopUp = {
    amount("amount", "Amount in the currency's smallest unit.", true),
    currency("Three-letter ISO 4217 code.", true),
    text("reference", payments::limits::kStatementDescriptorBytes * 5,
         "What the transfer said, for your own use."),
};

// --- lists ---
inline constexpr std::array kRange = {
    Param{.name = "gt", .kind = Kind::timestamp, .about = "After this Unix time."},
    Param{.name = "gte", .kind = Kind::timestamp, .about = "At or after this Unix time."},
    Param{.name = "lt", .kind = Kind::timestamp, .about = "Before this Unix time."},
    Param{.name = "lte", .kind = Kind::timestamp, .about = "At or before this Unix time."},
};
inline constexpr Param kCreated = {.name = "created",
                                   .kind = Kind::timestamp_range,
                                   .about = "Created at this Unix time, or within this range.",
                                   .children = kRange};
inline constexpr std::array kListCustomers = {kCreated, Param{.name = "email",
                                                              .kind = Kind::text,
                                                              .about = "Exactly this email address.",
                                                              .max = customers::limits::kEmailBytes}};
inline constexpr std::array kListIntents = {kCreated,
                                            id("customer", customers::prefix::customer, "Of this customer.")};
inline constexpr std::array kListCharges = {
    kCreated,
    id("customer", customers::prefix::customer, "Of this customer."),
    id("payment_intent", payments::prefix::intent, "Of this payment intent."),
};
inline constexpr std::array kListRefunds = {
    id("charge", payments::prefix::charge, "Of this charge."),
    kCreated,
    id("payment_intent", payments::prefix::intent, "Of this payment intent."),
};
inline constexpr std::array kListBalanceTransactions = {
    kCreated,
    currency("In this currency."),
    text("source", 64, "Caused by this charge or refund."),
    text("type", 64, "Of this type: charge, refund or refund_failure."),
};
inline constexpr std::array kListEvents = {
    kCreated,
    text("type", 64, "Of this type, or of a group of types such as charge.*"),
    Param{.name = "types",
          .kind = Kind::text_list,
          .about = "Of one of these types.",
          .max = 64,
          .high = kMaxEventTypesInFilter},
};

// --- payment intents ---
inline constexpr std::array kAutomaticMethods = {
    choice("allow_redirects", kRedirects, "Accepted: no payment method here redirects."),
    Param{.name = "enabled",
          .kind = Kind::boolean,
          .about = "Any method this platform offers may pay.",
          .required = true},
};
inline constexpr std::array kCardToken = {text("token", 64, "A test token such as tok_visa.")};
inline constexpr std::array kEmptyHash = std::array<Param, 0>{};
inline constexpr std::array kMethodData = {
    hash("card", kCardToken, "With type card: the test token. Card numbers are never accepted."),
    Param{.name = "type",
          .kind = Kind::choice,
          .about = "Kind of payment method.",
          .required = true,
          .choices = kMethodTypes},
    hash("wallet", kEmptyHash, "With type wallet: nothing."),
};

inline constexpr Param kMethodToken = {
    .name = "payment_method",
    .kind = Kind::method_token,
    .about = "pm_wallet, or in test mode one of the well-known tokens such as pm_card_visa.",
    .max = 64};
inline constexpr Param kMethodDataParam =
    hash("payment_method_data", kMethodData, "The payment method, in place of payment_method.");
inline constexpr Param kMethodTypesParam = {.name = "payment_method_types",
                                            .kind = Kind::text_list,
                                            .about = "The methods that may pay.",
                                            .max = 64,
                                            .high = kMaxMethodTypes,
                                            .choices = kMethodTypes};
inline constexpr Param kReturnUrl = {
    .name = "return_url", .kind = Kind::url, .about = "Accepted: no payment method here redirects."};
inline constexpr Param kOffSession =
    boolean("off_session", "Accepted: no payment method here asks the customer.");
inline constexpr Param kUseSdk =
    boolean("use_stripe_sdk", "Accepted: no payment method here needs a next action.");
inline constexpr Param kErrorOnAction =
    boolean("error_on_requires_action", "Fail instead of asking for an action.");
inline constexpr Param kDescriptor = {.name = "statement_descriptor",
                                      .kind = Kind::descriptor,
                                      .about = "What the customer's statement shows.",
                                      .can_unset = true,
                                      .max = payments::limits::kStatementDescriptorBytes};
inline constexpr Param kCustomerId = id("customer", customers::prefix::customer, "The customer who pays.");

inline constexpr std::array kCreateIntent = {
    amount("amount", "Amount in the currency's smallest unit.", true),
    hash("automatic_payment_methods", kAutomaticMethods, "Whether any offered method may pay."),
    choice("capture_method", kCaptureMethods, "manual: authorise now, capture later."),
    boolean("confirm", "Confirm at once."),
    choice("confirmation_method", kConfirmationMethods, "Who confirms after an action."),
    currency("Three-letter ISO 4217 code.", true),
    kCustomerId,
    text("description", machine::limits::kDescriptionBytes, "For your own use.", true),
    kErrorOnAction,
    metadata(),
    kOffSession,
    kMethodToken,
    kMethodDataParam,
    kMethodTypesParam,
    email("receipt_email", "Kept with the payment."),
    kReturnUrl,
    choice("setup_future_usage", kFutureUsages, "Kept with the payment."),
    kDescriptor,
    kUseSdk,
};
inline constexpr std::array kRetrieveIntent = {
    text("client_secret", 256, "Must be the payment intent's, when given.")};
inline constexpr std::array kUpdateIntent = {
    amount("amount", "Amount in the currency's smallest unit."),
    currency("Three-letter ISO 4217 code."),
    kCustomerId,
    text("description", machine::limits::kDescriptionBytes, "For your own use.", true),
    metadata(),
    kMethodToken,
    kMethodDataParam,
    kMethodTypesParam,
    email("receipt_email", "Kept with the payment."),
    kDescriptor,
};
inline constexpr std::array kConfirmIntent = {
    kErrorOnAction,
    kOffSession,
    kMethodToken,
    kMethodDataParam,
    email("receipt_email", "Kept with the payment."),
    kReturnUrl,
    kUseSdk,
};
inline constexpr std::array kCaptureIntent = {
    amount("amount_to_capture", "At most what was authorised; the rest is released. Default: all of it."),
    metadata(),
};
inline constexpr std::array kCancelIntent = {choice("cancellation_reason", kCancelReasons, "Why.")};

// --- refunds ---
inline constexpr std::array kCreateRefund = {
    amount("amount", "Default: what is left of the charge."),
    id("charge", payments::prefix::charge, "The charge to refund; or payment_intent."),
    metadata(),
    id("payment_intent", payments::prefix::intent, "The payment intent to refund; or charge."),
    choice("reason", kRefundReasons, "Why."),
};
inline constexpr std::array kUpdateRefund = {metadata()};

// --- webhook endpoints ---
inline constexpr Param kEnabledEvents = {.name = "enabled_events",
                                         .kind = Kind::text_list,
                                         .about = "Event types, or * for all of them.",
                                         .max = 64,
                                         .high = webhooks::limits::kEventTypesPerEndpoint};
constexpr Param required(Param param) {
    param.required = true;
    return param;
}
inline constexpr Param kWebhookUrl = {
    .name = "url", .kind = Kind::url, .about = "Where events are sent. https in live mode."};
inline constexpr Param kWebhookAbout =
    text("description", machine::limits::kDescriptionBytes, "For your own use.", true);
inline constexpr std::array kCreateWebhookEndpoint = {
    text("api_version", 40, "Accepted when it is this platform's."),
    kWebhookAbout,
    required(kEnabledEvents),
    metadata(),
    required(kWebhookUrl),
};
inline constexpr std::array kUpdateWebhookEndpoint = {
    kWebhookAbout, boolean("disabled", "Send nothing while true."), kEnabledEvents, metadata(), kWebhookUrl,
};

inline constexpr std::array kLedgerAccounts = {
    text("code", 5, "Only accounts of this code."),
    text("from", 32, "The page that starts here: `next` of the page before."),
    text("ledger", 10, "Only accounts of this ledger."),
    Param{.name = "limit",
          .kind = Kind::integer,
          .about = "Accounts a page; default 100.",
          .low = 1,
          .high = static_cast<std::int64_t>(ledger_limits::kPageMax)},
    text("timestamp_max", 20, "Only accounts not opened after this, in nanoseconds of Unix time."),
    text("timestamp_min", 20, "Only accounts not opened before this."),
    text("user_data_128", 32, "Only accounts with these user data, hexadecimal."),
    text("user_data_32", 10, "Only accounts with these user data."),
    text("user_data_64", 20, "Only accounts with these user data."),
};
inline constexpr std::array kLedgerHistory = {
    text("code", 5, "Only transfers of this code."),
    Param{.name = "direction",
          .kind = Kind::choice,
          .about = "Only transfers that debit, or credit, the account.",
          .choices = kDirections},
    text("from", 32, "The page that starts here: `next` of the page before."),
    Param{.name = "limit",
          .kind = Kind::integer,
          .about = "Transfers a page; default 100.",
          .low = 1,
          .high = static_cast<std::int64_t>(ledger_limits::kPageMax)},
    text("timestamp_max", 20, "Only transfers not after this, in nanoseconds of Unix time."),
    text("timestamp_min", 20, "Only transfers not before this."),
    text("user_data_128", 32, "Only transfers with these user data, hexadecimal."),
    text("user_data_32", 10, "Only transfers with these user data."),
    text("user_data_64", 20, "Only transfers with these user data."),
};

}  // namespace kontor::api::tables
