#pragma once
// Parameters of the routes of payment intents and charges. `about` goes into the OpenAPI document.

#include <array>
#include <utility>

#include "domains/customers/ids.h"
#include "domains/customers/limits.h"
#include "domains/payments/ids.h"
#include "domains/payments/limits.h"
#include "domains/payments/methods.h"
#include "domains/payments/words.h"
#include "kontor/machine/limits.h"
#include "kontor/surface/param_parts.h"

namespace kontor::payments::params {

using namespace surface;  // the words of parameters

inline constexpr std::int64_t kMaxMethodTypes = 10;
inline constexpr std::array<std::string_view, 3> kCaptureWishes = {"automatic", "automatic_async", "manual"};
inline constexpr std::array<std::string_view, 2> kRedirects = {"always", "never"};

inline constexpr std::array kListIntents = {
    kCreated, id_filter("customer", customers::prefix::customer, &machine::ListQuery::customer_no,
                        "Of this customer.")};
inline constexpr std::array kListCharges = {
    kCreated,
    id_filter("customer", customers::prefix::customer, &machine::ListQuery::customer_no, "Of this customer."),
    id_filter("payment_intent", prefix::intent, &machine::ListQuery::intent_no, "Of this payment intent."),
};

inline constexpr std::array kAutomaticMethods = {
    choice("allow_redirects", kRedirects,
           "Accepted: whether the payer may be sent elsewhere is his method's."),
    Param{.name = "enabled",
          .kind = Kind::boolean,
          .about = "Any method this platform offers may pay.",
          .required = true},
};
inline constexpr std::array kOwnToken = {text("token", 64, "A test token (docs/testing.md).")};
inline constexpr std::array kEmptyHash = std::array<Param, 0>{};
// A member for each method, and the type between them, as their names stand.
inline constexpr std::array<Param, kMethods.size() + 1> kMethodData = [] {
    std::array<Param, kMethods.size() + 1> members;
    for (std::size_t i = 0; i < kMethods.size(); ++i)
        members[i] = kMethods[i].token.value.empty() ? hash(kMethods[i].type, kOwnToken, kMethods[i].about)
                                                     : hash(kMethods[i].type, kEmptyHash, kMethods[i].about);
    members.back() = Param{.name = "type",
                           .kind = Kind::choice,
                           .about = "Kind of payment method.",
                           .required = true,
                           .choices = kMethodTypes};
    for (std::size_t i = members.size() - 1; i > 0 && members[i].name < members[i - 1].name; --i)
        std::swap(members[i], members[i - 1]);
    return members;
}();

inline constexpr Param kMethodToken = {
    .name = "payment_method",
    .kind = Kind::method_token,
    .about = "pm_wallet, or in test mode one of the well-known test tokens (docs/testing.md).",
    .max = 64};
inline constexpr Param kMethodDataParam =
    hash("payment_method_data", kMethodData, "The payment method, in place of payment_method.");
inline constexpr Param kMethodTypesParam = {.name = "payment_method_types",
                                            .kind = Kind::text_list,
                                            .about = "The methods that may pay.",
                                            .max = 64,
                                            .high = kMaxMethodTypes,
                                            .choices = kMethodTypes};
inline constexpr Param kReturnUrl = {.name = "return_url",
                                     .kind = Kind::url,
                                     .about = "Where the payer goes after next_action.",
                                     .max = machine::limits::kUrlBytes};
inline constexpr Param kOffSession =
    boolean("off_session", "The customer is not there: an action that he had to do is a decline.");
inline constexpr Param kUseSdk = boolean("use_stripe_sdk", "Accepted: next_action is the same.");
inline constexpr Param kErrorOnAction =
    boolean("error_on_requires_action", "Fail instead of asking for an action.");
inline constexpr Param kDescriptor = {.name = "statement_descriptor",
                                      .kind = Kind::descriptor,
                                      .about = "What the customer's statement shows.",
                                      .can_unset = true,
                                      .max = limits::kStatementDescriptorBytes};
inline constexpr Param kCustomerId = id("customer", customers::prefix::customer, "The customer who pays.");

inline constexpr std::array kCreateIntent = {
    amount("amount", "Amount in the currency's smallest unit.", true),
    hash("automatic_payment_methods", kAutomaticMethods, "Whether any offered method may pay."),
    choice("capture_method", kCaptureWishes, "manual: authorise now, capture later."),
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
    email("receipt_email", customers::limits::kEmailBytes, "Kept with the payment."),
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
    email("receipt_email", customers::limits::kEmailBytes, "Kept with the payment."),
    kDescriptor,
};
inline constexpr std::array kConfirmIntent = {
    kErrorOnAction,
    kOffSession,
    kMethodToken,
    kMethodDataParam,
    email("receipt_email", customers::limits::kEmailBytes, "Kept with the payment."),
    kReturnUrl,
    kUseSdk,
};
inline constexpr std::array kCaptureIntent = {
    amount("amount_to_capture", "At most what was authorised; the rest is released. Default: all of it."),
    metadata(),
};
inline constexpr std::array kCancelIntent = {choice("cancellation_reason", kCancelReasons, "Why.")};

}  // namespace kontor::payments::params
