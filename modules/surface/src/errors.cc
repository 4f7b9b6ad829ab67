#include "kontor/surface/errors.h"

#include "kontor/crypto/public_id.h"
#include "kontor/json/error_object.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/domain.h"
#include "kontor/machine/outcome.h"
#include "kontor/surface/params.h"

namespace kontor::surface {

namespace {

constexpr std::string_view kInvalidRequest = "invalid_request_error";
constexpr std::string_view kApi = "api_error";
constexpr std::string_view kRateLimit = "rate_limit_error";

}  // namespace

std::string error_json(const ApiError& error) {
    return kontor::error_json(ErrorObject{.type = error.type,
                                          .code = error.code,
                                          .message = error.message,
                                          .param = error.param,
                                          .decline_code = error.decline_code,
                                          .charge = error.charge_id,
                                          .payment_intent_json = error.payment_intent_json});
}

ApiError invalid(std::string message, std::string param, std::string code) {
    ApiError error;
    error.message = std::move(message);
    error.param = std::move(param);
    error.code = std::move(code);
    return error;
}

ApiError unknown_parameter(std::string param) {
    std::string message = "Received unknown parameter: " + param;
    return invalid(std::move(message), std::move(param), "parameter_unknown");
}

ApiError missing_parameter(std::string param) {
    std::string message = "Missing required param: " + param + ".";
    return invalid(std::move(message), std::move(param), "parameter_missing");
}

ApiError no_event_type(const std::string& param, std::string_view type) {
    return invalid("Invalid " + param + ": '" + printable(type) + "' is not an event type.", param);
}

ApiError exclusive_parameters(std::string_view one, std::string_view other) {
    return invalid(
        "You may only specify one of these parameters: " + std::string(one) + ", " + std::string(other) + ".",
        std::string(one), "parameters_exclusive");
}

ApiError no_such(std::string_view object, std::string_view id, std::string param, bool in_path) {
    ApiError error = invalid("No such " + std::string(object) + ": '" + printable(id) + "'", std::move(param),
                             "resource_missing");
    if (in_path) error.status = 404;
    return error;
}

ApiError unauthenticated(std::string message, std::string code) {
    ApiError error = invalid(std::move(message), {}, std::move(code));
    error.status = 401;
    return error;
}

ApiError from_outcome(const machine::Registry& registry, const pb::Result& result,
                      std::string_view idempotency_key) {
    ApiError error;
    error.outcome = result.outcome();
    const machine::Outcome* row = registry.outcome(result.outcome());
    if (row == nullptr) {
        error.status = 500;
        error.type = kApi;
        error.message = "The request ended in a way this version does not know.";
        return error;
    }
    const pb::PaymentError& detail = result.error();
    error.status = row->http_status;
    error.type = row->type;
    error.code = detail.code().empty() ? std::string(row->code) : detail.code();
    error.message = detail.message().empty() ? std::string(row->message) : detail.message();
    error.param = detail.param();
    error.decline_code = detail.decline_code();
    error.retry = row->ask_again == machine::AskAgain::yes;
    if (result.outcome() == machine::outcome::idempotency_mismatch) {
        error.message += " Try using a key other than '" + printable(idempotency_key) +
                         "' if you meant to execute a different request.";
    }
    return error;
}

ApiError from_failure(const Error& failure, bool is_repeatable) {
    ApiError error;
    error.type = kApi;
    const bool may_be_done = failure.code == ErrorCode::timeout || failure.code == ErrorCode::internal;
    if (may_be_done && !is_repeatable) {
        error.status = failure.code == ErrorCode::timeout ? 503 : 500;
        error.message =
            "Whether this request was carried out is not known. With an Idempotency-Key it could be "
            "repeated.";
        error.never_retry = true;
        return error;
    }
    switch (failure.code) {
        case ErrorCode::overloaded:
            error.status = 429;
            error.type = kRateLimit;
            error.code = "rate_limit";
            error.message = "Too many requests at the moment. Please try again shortly.";
            error.retry = true;
            return error;
        case ErrorCode::unavailable:
        case ErrorCode::timeout:
        case ErrorCode::conflict:
            error.status = 503;
            // A conflict is one at each try, here and at any other node.
            if (failure.code != ErrorCode::conflict) error.outcome = machine::outcome::undecided;
            error.message =
                "The service is not available at the moment. Retry with the same Idempotency-Key.";
            error.retry = true;
            return error;
        case ErrorCode::no_space:
            error.status = 503;
            error.message =
                "There is no space left on this server's disk: nothing is written until there is, reads go "
                "on. "
                "Nothing was done; retry with the same Idempotency-Key.";
            error.retry = true;
            return error;
        case ErrorCode::exhausted:  // asking again does not help
            error.status = 503;
            error.message =
                "This installation has used up its log's indexes: nothing is written any more, reads go on. "
                "Nothing was done.";
            error.never_retry = true;
            return error;
        case ErrorCode::too_large:
            error.status = 413;
            error.type = kInvalidRequest;
            error.message = "The request is too large.";
            return error;
        default:
            error.status = 500;
            error.message = "Something went wrong on our side. Retry with the same Idempotency-Key.";
            error.retry = true;
            return error;
    }
}

}  // namespace kontor::surface
