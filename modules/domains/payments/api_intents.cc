// What the routes of payment intents and charges do.
#include <algorithm>

#include "domains/customers/ids.h"
#include "domains/payments/api_handlers.h"
#include "domains/payments/api_methods.h"
#include "domains/payments/ids.h"
#include "domains/payments/methods.h"
#include "domains/payments/payments.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/log.pb.h"
#include "kontor/machine/rows.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/surface/command_parts.h"
#include "kontor/surface/lists.h"

namespace kontor::payments {

using namespace surface;  // the routes' words

namespace {

constexpr std::size_t kClientSecretCharacters = 24;

std::optional<ApiError> read_token(const Call& call, std::string_view token, std::string param,
                                   pb::PaymentMethod* method) {
    auto found = find_token(token, call.caller.scope.livemode);
    if (found) {
        *method = *std::move(found);
        return std::nullopt;
    }
    ApiError error = no_such("PaymentMethod", token, std::move(param), false);
    if (call.caller.scope.livemode && find_token(token, false)) {
        error.message +=
            "; a similar object exists in test mode, but a live mode key was used to make this request.";
    }
    return error;
}

// The payment method of payment_method or payment_method_data; without a type when neither is given.
std::optional<ApiError> read_method(const Call& call, pb::PaymentMethod* method) {
    const auto token = call.params.text_of("payment_method");
    const Node* data = call.params.find("payment_method_data");
    if (token && data != nullptr) return exclusive_parameters("payment_method", "payment_method_data");
    if (token) return read_token(call, *token, "payment_method", method);
    if (data == nullptr || !data->is_container()) return std::nullopt;

    const Method* record = find_method(data->text_of("type").value_or(""));
    if (record == nullptr) return missing_parameter("payment_method_data[type]");
    if (!record->token.value.empty())
        return read_token(call, record->token, "payment_method_data[type]", method);
    const Node* named = data->find(record->type);
    const auto own_token = named == nullptr ? std::nullopt : named->text_of("token");
    const std::string param = "payment_method_data[" + std::string(record->type.value) + "][token]";
    if (!own_token) return missing_parameter(param);
    return read_token(call, *own_token, param, method);
}

std::string render_intent(const Call& call, const pb::Result& result) {
    return intent_json(object_in(result, pb::payment_intent), call.expansion(result));
}

// Which methods may pay. An empty list in the command means: whatever the platform offers.
std::optional<ApiError> read_method_types(const Call& call,
                                          google::protobuf::RepeatedPtrField<std::string>* types) {
    const bool livemode = call.caller.scope.livemode;
    const Node* automatic = call.params.find("automatic_payment_methods");
    const std::vector<std::string> named = call.params.list_of("payment_method_types");
    if (automatic != nullptr && automatic->is_container() && automatic->boolean_of("enabled") == true &&
        !named.empty()) {
        return exclusive_parameters("automatic_payment_methods", "payment_method_types");
    }
    for (std::size_t i = 0; i < named.size(); ++i) {
        const Method* method = find_method(named[i]);
        if (method != nullptr && !is_offered(*method, livemode)) {
            return invalid(
                "The payment method type \"" + named[i] + "\" is invalid: it is available in test mode only.",
                "payment_method_types[" + std::to_string(i) + "]", "payment_intent_invalid_parameter");
        }
        if (std::find(types->begin(), types->end(), named[i]) == types->end())
            types->Add(std::string(named[i]));
    }
    if (automatic != nullptr && automatic->is_container() && automatic->boolean_of("enabled") == false &&
        types->empty()) {
        for (const Method& method : kMethods)
            if (is_offered(method, livemode)) types->Add(std::string(method.type.value));
    }
    return std::nullopt;
}

// A method outside the list of types could never pay: said before anything is written.
std::optional<ApiError> check_method_fits(const google::protobuf::RepeatedPtrField<std::string>& types,
                                          const pb::PaymentMethod& method) {
    if (types.empty() || !is_set(method)) return std::nullopt;
    if (std::find(types.begin(), types.end(), method.type()) != types.end()) return std::nullopt;
    return invalid("The PaymentMethod provided (" + method.type() +
                       ") is not allowed for this PaymentIntent: it is not among its payment_method_types.",
                   "payment_method", "payment_intent_incompatible_payment_method");
}

// Nobody is there who could act, or nobody shall be asked.
bool refuses_action(const Node& params) {
    return params.boolean_of("error_on_requires_action").value_or(false) ||
           params.boolean_of("off_session").value_or(false);
}

}  // namespace

namespace handlers {

void create_intent(const CallPtr& call) {
    const Node& params = call->params;
    pb::Command command = call->command();
    pb::CreatePaymentIntent& wanted = *mutable_body(command, pb::create_payment_intent);
    wanted.set_confirm(params.boolean_of("confirm").value_or(false));
    if (!wanted.confirm()) {
        for (const std::string_view name : {"error_on_requires_action", "off_session", "return_url"}) {
            if (params.find(name) == nullptr) continue;
            return call->refuse(
                invalid("The parameter '" + std::string(name) +
                            "' cannot be passed when creating a PaymentIntent unless 'confirm' is set "
                            "to true.",
                        std::string(name), "payment_intent_invalid_parameter"));
        }
    }
    if (const auto error = read_method_types(*call, wanted.mutable_payment_method_types()))
        return call->refuse(*error);
    if (const auto error = read_method(*call, wanted.mutable_payment_method())) return call->refuse(*error);
    if (const auto error = check_method_fits(wanted.payment_method_types(), wanted.payment_method())) {
        return call->refuse(*error);
    }
    wanted.set_amount(params.integer_of("amount").value_or(0));
    wanted.set_currency(currency_of(params));
    wanted.set_manual_capture(params.text_of("capture_method") == "manual");
    wanted.set_manual_confirmation(params.text_of("confirmation_method") == "manual");
    wanted.set_customer_no(call->number_of("customer", customers::prefix::customer));
    wanted.set_description(params.text_of("description").value_or(""));
    fill_metadata(params, wanted.mutable_metadata(), true);
    wanted.set_receipt_email(params.text_of("receipt_email").value_or(""));
    wanted.set_statement_descriptor(params.text_of("statement_descriptor").value_or(""));
    wanted.set_setup_future_usage(params.text_of("setup_future_usage").value_or(""));
    wanted.set_error_on_requires_action(refuses_action(params));
    wanted.set_return_url(params.text_of("return_url").value_or(""));
    wanted.set_client_secret_suffix(call->random(kClientSecretCharacters));
    // Nothing but the customer's own money may pay, and whose it is is known: no need to name it.
    const Method* only =
        wanted.payment_method_types_size() == 1 ? find_method(wanted.payment_method_types(0)) : nullptr;
    if (wanted.confirm() && only != nullptr && !only->token.value.empty() &&
        !is_set(wanted.payment_method()) && wanted.customer_no() != 0) {
        if (auto method = find_token(only->token, call->caller.scope.livemode))
            *wanted.mutable_payment_method() = *std::move(method);
    }
    call->submit(std::move(command), render_intent);
}

void retrieve_intent(const CallPtr& call) {
    const auto secret = call->params.text_of("client_secret");
    // Somebody else's secret is as good as somebody else's object.
    const auto find = [&](const store::Reader& rows, machine::Scope scope, std::uint64_t no) {
        auto intent = find_intent(rows, scope, no);
        if (intent && secret && !crypto::equal_constant_time(*secret, intent->client_secret()))
            intent.reset();
        return intent;
    };
    retrieve(
        *call, prefix::intent, find,
        [](pb::Result& found) { return mutable_object(found, pb::payment_intent); }, intent_json);
}

void update_intent(const CallPtr& call) {
    const auto no = call->path_no(prefix::intent);
    if (!no) return;
    const Node& params = call->params;
    pb::Command command = call->command();
    pb::UpdatePaymentIntent& wanted = *mutable_body(command, pb::update_payment_intent);
    wanted.set_no(*no);
    if (const auto error = read_method_types(*call, wanted.mutable_payment_method_types()))
        return call->refuse(*error);
    if (const auto error = read_method(*call, wanted.mutable_payment_method())) return call->refuse(*error);
    if (const auto error = check_method_fits(wanted.payment_method_types(), wanted.payment_method())) {
        return call->refuse(*error);
    }
    if (const auto amount = params.integer_of("amount")) wanted.set_amount(*amount);
    if (const std::uint32_t currency = currency_of(params); currency != 0) wanted.set_currency(currency);
    if (const auto customer = call->number_of("customer", customers::prefix::customer); customer != 0) {
        wanted.set_customer_no(customer);
    }
    if_given(params, "description", [&](const std::string& text) { wanted.set_description(text); });
    if_given(params, "receipt_email", [&](const std::string& text) { wanted.set_receipt_email(text); });
    if_given(params, "statement_descriptor",
             [&](const std::string& text) { wanted.set_statement_descriptor(text); });
    change_metadata(params, wanted);
    call->submit(std::move(command), render_intent);
}

void confirm_intent(const CallPtr& call) {
    const auto no = call->path_no(prefix::intent);
    if (!no) return;
    pb::Command command = call->command();
    pb::ConfirmPaymentIntent& wanted = *mutable_body(command, pb::confirm_payment_intent);
    wanted.set_no(*no);
    if (const auto error = read_method(*call, wanted.mutable_payment_method())) return call->refuse(*error);
    if_given(call->params, "receipt_email", [&](const std::string& text) { wanted.set_receipt_email(text); });
    if_given(call->params, "return_url", [&](const std::string& text) { wanted.set_return_url(text); });
    wanted.set_error_on_requires_action(refuses_action(call->params));
    call->submit(std::move(command), render_intent);
}

void capture_intent(const CallPtr& call) {
    const auto no = call->path_no(prefix::intent);
    if (!no) return;
    pb::Command command = call->command();
    pb::CapturePaymentIntent& wanted = *mutable_body(command, pb::capture_payment_intent);
    wanted.set_no(*no);
    if (const auto amount = call->params.integer_of("amount_to_capture"))
        wanted.set_amount_to_capture(*amount);
    fill_metadata(call->params, wanted.mutable_metadata(), false);
    call->submit(std::move(command), render_intent);
}

void cancel_intent(const CallPtr& call) {
    const auto no = call->path_no(prefix::intent);
    if (!no) return;
    pb::Command command = call->command();
    pb::CancelPaymentIntent& wanted = *mutable_body(command, pb::cancel_payment_intent);
    wanted.set_no(*no);
    wanted.set_cancellation_reason(call->params.text_of("cancellation_reason").value_or(""));
    call->submit(std::move(command), render_intent);
}

void list_intents(const CallPtr& call) {
    list<pb::PaymentIntent>(
        *call, prefix::intent, payments::list_intents,
        [](pb::Result& found) { return mutable_object(found, pb::payment_intent); }, intent_json);
}

void retrieve_charge(const CallPtr& call) {
    retrieve(
        *call, prefix::charge, find_charge,
        [](pb::Result& found) { return mutable_object(found, pb::charge); }, charge_json);
}

void list_charges(const CallPtr& call) {
    list<pb::Charge>(
        *call, prefix::charge, payments::list_charges,
        [](pb::Result& found) { return mutable_object(found, pb::charge); }, charge_json);
}

}  // namespace handlers
}  // namespace kontor::payments
