// Payment intents and charges: what there is to ask for.
#include "domains/payments/api.h"

#include "domains/payments/api_handlers.h"
#include "domains/payments/api_params.h"
#include "domains/payments/ids.h"
#include "domains/payments/json_method.h"
#include "domains/payments/outcomes.h"
#include "domains/payments/payments.h"
#include "domains/payments/permissions.h"
#include "kontor/bodies.h"
#include "kontor/crypto/public_id.h"
#include "kontor/log.pb.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"

namespace kontor::payments {

namespace {

using namespace surface;  // the routes' words
using namespace params;

// An error of a payment carries the payment.
void explain(const pb::Result& result, ApiError& error) {
    if (result.outcome() == outcome::insufficient_funds && error.decline_code.empty()) {
        error.decline_code = "insufficient_funds";
    }
    if (!has_object(result, pb::payment_intent)) return;
    const pb::PaymentIntent& intent = object_in(result, pb::payment_intent);
    error.payment_intent_json = intent_json(intent);
    if (error.type == "card_error" && intent.latest_charge_no() != 0)
        error.charge_id = format_id(prefix::charge, intent.latest_charge_no());
}

// clang-format off
constexpr std::array kRoutes = {
    Route{"POST", "/v1/payment_intents", "create_payment_intent", &permission::write, Work::write, Shape::object, "payment_intent", kCreateIntent, handlers::create_intent, "Create a payment intent, and confirm it if asked to"},
    Route{"GET", "/v1/payment_intents", "list_payment_intents", &permission::read, Work::read_many, Shape::list, "payment_intent", kListIntents, handlers::list_intents, "List payment intents"},
    Route{"GET", "/v1/payment_intents/{intent}", "retrieve_payment_intent", &permission::read, Work::read, Shape::object, "payment_intent", kRetrieveIntent, handlers::retrieve_intent, "Retrieve a payment intent"},
    Route{"POST", "/v1/payment_intents/{intent}", "update_payment_intent", &permission::write, Work::write, Shape::object, "payment_intent", kUpdateIntent, handlers::update_intent, "Update a payment intent"},
    Route{"POST", "/v1/payment_intents/{intent}/confirm", "confirm_payment_intent", &permission::write, Work::write, Shape::object, "payment_intent", kConfirmIntent, handlers::confirm_intent, "Confirm a payment intent"},
    Route{"POST", "/v1/payment_intents/{intent}/capture", "capture_payment_intent", &permission::write, Work::write, Shape::object, "payment_intent", kCaptureIntent, handlers::capture_intent, "Capture an authorised payment intent"},
    Route{"POST", "/v1/payment_intents/{intent}/cancel", "cancel_payment_intent", &permission::write, Work::write, Shape::object, "payment_intent", kCancelIntent, handlers::cancel_intent, "Cancel a payment intent"},
    Route{"GET", "/v1/charges", "list_charges", &permission::read, Work::read_many, Shape::list, "charge", kListCharges, handlers::list_charges, "List charges"},
    Route{"GET", "/v1/charges/{id}", "retrieve_charge", &permission::read, Work::read, Shape::object, "charge", kNone, handlers::retrieve_charge, "Retrieve a charge"},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

constexpr std::array kNames = {ObjectName{prefix::intent, "payment_intent"},
                               ObjectName{prefix::charge, "charge"}};
constexpr std::array<const fields::Shape*, 3> kObjects = {&kIntentShape, &kChargeShape, &kPaymentMethodShape};
// Set-up programs that exist name them; nothing comes.
constexpr std::array<std::string_view, 3> kSilentEvents = {"charge.expired", "charge.pending",
                                                           "payment_intent.partially_funded"};

}  // namespace

constinit const surface::Resource kApi = {
    .routes = kRoutes,
    .names = kNames,
    .objects = kObjects,
    .silent_events = kSilentEvents,
    .explain = explain,
    .schemas = nullptr,
};

}  // namespace kontor::payments
