// Refunds.
#include "domains/refunds/api.h"

#include "domains/payments/ids.h"
#include "domains/refunds/ids.h"
#include "domains/refunds/permissions.h"
#include "domains/refunds/refunds.h"
#include "domains/refunds/words.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/refunds.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "kontor/surface/command_parts.h"
#include "kontor/surface/lists.h"
#include "kontor/surface/param_parts.h"

namespace kontor::refunds {

namespace {

using namespace surface;  // the routes' words

std::string render_refund(const Call& call, const pb::Result& result) {
    return refund_json(object_in(result, pb::refund), call.expansion(result));
}

void create_refund(const CallPtr& call) {
    const Node& params = call->params;
    pb::Command command = call->command();
    pb::CreateRefund& wanted = *mutable_body(command, pb::create_refund);
    wanted.set_charge_no(call->number_of("charge", payments::prefix::charge));
    wanted.set_intent_no(call->number_of("payment_intent", payments::prefix::intent));
    if (wanted.charge_no() == 0 && wanted.intent_no() == 0) {
        return call->refuse(
            invalid("One of the following params should be provided for this request: payment_intent "
                    "or charge.",
                    "payment_intent", "parameter_missing"));
    }
    if (const auto amount = params.integer_of("amount")) wanted.set_amount(*amount);
    wanted.set_reason(params.text_of("reason").value_or(""));
    fill_metadata(params, wanted.mutable_metadata(), true);
    call->submit(std::move(command), render_refund);
}

void retrieve_refund(const CallPtr& call) {
    retrieve(
        *call, prefix::refund, find_refund,
        [](pb::Result& found) { return mutable_object(found, pb::refund); }, refund_json);
}

void update_refund(const CallPtr& call) {
    const auto no = call->path_no(prefix::refund);
    if (!no) return;
    pb::Command command = call->command();
    pb::UpdateRefund& wanted = *mutable_body(command, pb::update_refund);
    wanted.set_no(*no);
    change_metadata(call->params, wanted);
    call->submit(std::move(command), render_refund);
}

void list_refunds(const CallPtr& call) {
    list<pb::Refund>(
        *call, prefix::refund, refunds::list_refunds,
        [](pb::Result& found) { return mutable_object(found, pb::refund); }, refund_json);
}

constexpr std::array kListRefunds = {
    id_filter("charge", payments::prefix::charge, &machine::ListQuery::charge_no, "Of this charge."),
    kCreated,
    id_filter("payment_intent", payments::prefix::intent, &machine::ListQuery::intent_no,
              "Of this payment intent."),
};
constexpr std::array kCreateRefund = {
    amount("amount", "Default: what is left of the charge."),
    id("charge", payments::prefix::charge, "The charge to refund; or payment_intent."),
    metadata(),
    id("payment_intent", payments::prefix::intent, "The payment intent to refund; or charge."),
    choice("reason", kReasons, "Why."),
};
constexpr std::array kUpdateRefund = {metadata()};

// clang-format off
constexpr std::array kRoutes = {
    Route{"POST", "/v1/refunds", "create_refund", &permission::write, Work::write, Shape::object, "refund", kCreateRefund, create_refund, "Refund a charge, in part or in full"},
    Route{"GET", "/v1/refunds", "list_refunds", &permission::read, Work::read_many, Shape::list, "refund", kListRefunds, list_refunds, "List refunds"},
    Route{"GET", "/v1/refunds/{id}", "retrieve_refund", &permission::read, Work::read, Shape::object, "refund", kNone, retrieve_refund, "Retrieve a refund"},
    Route{"POST", "/v1/refunds/{id}", "update_refund", &permission::write, Work::write, Shape::object, "refund", kUpdateRefund, update_refund, "Update a refund"},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

constexpr std::array kNames = {ObjectName{prefix::refund, "refund"}};
constexpr std::array<const fields::Shape*, 1> kObjects = {&kRefundShape};

}  // namespace

constinit const surface::Resource kApi = {
    .routes = kRoutes,
    .names = kNames,
    .objects = kObjects,
    .silent_events = kNone,
    .explain = nullptr,
    .schemas = nullptr,
};

}  // namespace kontor::refunds
