#include "errors.h"

#include <array>

#include "kontor/base/object_id.h"
#include "kontor/commands.pb.h"
#include "kontor/payments/json.h"
#include "kontor/payments/json_writer.h"
#include "kontor/payments/service.h"
#include "params.h"

namespace kontor::api {

namespace {

constexpr std::string_view kInvalidRequest = "invalid_request_error";
constexpr std::string_view kCard = "card_error";
constexpr std::string_view kApi = "api_error";
constexpr std::string_view kIdempotency = "idempotency_error";
constexpr std::string_view kRateLimit = "rate_limit_error";

// The one table: outcome to status, type, and code and message where the result itself says nothing.
struct Row {
    pb::Outcome outcome;
    int status;
    std::string_view type, code, message;
};
constexpr std::array kOutcomes = {
    Row{pb::OUTCOME_RESOURCE_MISSING, 400, kInvalidRequest, "resource_missing", "No such object."},
    Row{pb::OUTCOME_CARD_DECLINED, 402, kCard, "card_declined", "Your card was declined."},
    Row{pb::OUTCOME_INSUFFICIENT_FUNDS, 402, kCard, "insufficient_funds",
        "The customer's balance does not cover the amount."},
    Row{pb::OUTCOME_UNEXPECTED_STATE, 400, kInvalidRequest, "payment_intent_unexpected_state",
        "This PaymentIntent's state does not allow that."},
    Row{pb::OUTCOME_AMOUNT_TOO_LARGE, 400, kInvalidRequest, "amount_too_large",
        "The amount is greater than what was authorised."},
    Row{pb::OUTCOME_ALREADY_CAPTURED, 400, kInvalidRequest, "payment_intent_unexpected_state",
        "This PaymentIntent could not be captured because it has already been captured."},
    Row{pb::OUTCOME_ALREADY_REFUNDED, 400, kInvalidRequest, "charge_already_refunded",
        "This charge has already been refunded."},
    Row{pb::OUTCOME_REFUND_TOO_LARGE, 400, kInvalidRequest, "amount_too_large",
        "The refund is greater than the unrefunded amount of the charge."},
    Row{pb::OUTCOME_CHARGE_NOT_REFUNDABLE, 400, kInvalidRequest, "charge_not_refundable",
        "This charge cannot be refunded."},
    Row{pb::OUTCOME_IDEMPOTENCY_MISMATCH, 400, kIdempotency, "",
        "Keys for idempotent requests can only be used with the same parameters they were first used with."},
    Row{pb::OUTCOME_IDEMPOTENCY_IN_USE, 409, kIdempotency, payments::kKeyInUseCode,
        "There is currently another in-progress request using this Idempotency-Key. Please try again later."},
    Row{pb::OUTCOME_BALANCE_INSUFFICIENT, 400, kInvalidRequest, "balance_insufficient",
        "Your balance does not cover this refund."},
    Row{pb::OUTCOME_INVALID_PARAMETER, 400, kInvalidRequest, "payment_intent_invalid_parameter",
        "A parameter does not fit the object's state."},
    Row{pb::OUTCOME_MISSING_PAYMENT_METHOD, 400, kInvalidRequest, "parameter_missing",
        "You cannot confirm this PaymentIntent because it's missing a payment method. Update the "
        "PaymentIntent with "
        "a payment method, or confirm it again with one."},
    Row{pb::OUTCOME_LIMIT_REACHED, 400, kInvalidRequest, "limit_reached",
        "A limit of your account is reached."},
    Row{pb::OUTCOME_ALREADY_EXISTS, 400, kInvalidRequest, "resource_already_exists", "It exists already."},
    Row{pb::OUTCOME_TOKEN_INVALID, 401, kInvalidRequest, "token_invalid", "The token is not valid."},
    Row{pb::OUTCOME_LOCKED, 423, kInvalidRequest, "locked", "Locked."},
    Row{pb::OUTCOME_PROCESSING_ERROR, 402, kCard, "processing_error",
        "An error occurred while processing your payment. Try again in a little bit."},
    Row{pb::OUTCOME_CUSTOMER_DELETED, 400, kInvalidRequest, "resource_missing",
        "This customer has been deleted."},
    Row{pb::OUTCOME_LEDGER_REFUSED, 400, kInvalidRequest, "ledger_refused",
        "The ledger refused the posting; nothing was changed."},
    Row{pb::OUTCOME_TESTMODE_ONLY, 400, kInvalidRequest, "testmode_only",
        "This is available in test mode only."},
    Row{pb::OUTCOME_TOO_MANY_FAILED_IDS, 429, kInvalidRequest, "too_many_failed_ids",
        "Too many transfers of this book failed within two days, and nothing of this request was tried. See "
        "docs/ledger-api.md, \"Retries\"."},
};
static_assert(kOutcomes.size() == pb::Outcome_ARRAYSIZE - 1, "an outcome without a row would be a 500");

const Row* row_of(pb::Outcome outcome) {
    for (const Row& row : kOutcomes) {
        if (row.outcome == outcome) return &row;
    }
    return nullptr;
}

void attach_payment(const pb::Result& result, ApiError& error) {
    if (result.has_payment_intent()) {
        const pb::PaymentIntent& intent = result.payment_intent();
        error.payment_intent_json = payments::intent_json(intent);
        if (error.type == kCard && intent.latest_charge_no() != 0) {
            error.charge_id = format_id(payments::prefix::charge, intent.latest_charge_no());
        }
    }
}

}  // namespace

std::string error_json(const ApiError& error) {
    std::string out;
    out.reserve(256 + error.payment_intent_json.size());
    payments::JsonWriter json(out);
    json.begin_object().key("error").begin_object();
    if (!error.charge_id.empty()) json.field("charge", error.charge_id);
    if (!error.code.empty()) json.field("code", error.code);
    if (!error.decline_code.empty()) json.field("decline_code", error.decline_code);
    json.field("message", error.message);
    if (!error.param.empty()) json.field("param", error.param);
    if (!error.payment_intent_json.empty()) json.field_raw("payment_intent", error.payment_intent_json);
    json.field("type", error.type);
    json.end_object().end_object();
    return out;
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

ApiError from_outcome(const pb::Result& result, std::string_view idempotency_key) {
    ApiError error;
    const Row* row = row_of(result.outcome());
    if (row == nullptr) {
        error.status = 500;
        error.type = kApi;
        error.message = "The request ended in a way this version does not know.";
        return error;
    }
    const pb::PaymentError& detail = result.error();
    error.status = row->status;
    error.type = row->type;
    error.code = detail.code().empty() ? std::string(row->code) : detail.code();
    error.message = detail.message().empty() ? std::string(row->message) : detail.message();
    error.param = detail.param();
    error.decline_code = detail.decline_code();
    if (result.outcome() == pb::OUTCOME_INSUFFICIENT_FUNDS && error.decline_code.empty()) {
        error.decline_code = "insufficient_funds";
    }
    if (result.outcome() == pb::OUTCOME_IDEMPOTENCY_IN_USE ||
        result.outcome() == pb::OUTCOME_TOO_MANY_FAILED_IDS)
        error.retry = true;
    if (result.outcome() == pb::OUTCOME_IDEMPOTENCY_MISMATCH) {
        error.message += " Try using a key other than '" + printable(idempotency_key) +
                         "' if you meant to execute a different request.";
    }
    attach_payment(result, error);
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

}  // namespace kontor::api
