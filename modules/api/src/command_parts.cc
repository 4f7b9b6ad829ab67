#include "command_parts.h"

#include <algorithm>

#include "domains/payments/methods.h"
#include "kontor/machine.pb.h"
#include "kontor/money/money.h"
#include "kontor/payments.pb.h"

namespace kontor::api {

void fill_metadata(const Node& params, Pairs* pairs, bool creating) {
    const Node* metadata = params.find("metadata");
    if (metadata == nullptr || !metadata->is_container()) return;
    std::vector<const Node*> sorted;
    for (const Node& pair : metadata->children) {
        if (creating && pair.text.empty()) continue;
        sorted.push_back(&pair);
    }
    std::sort(sorted.begin(), sorted.end(), [](const Node* a, const Node* b) { return a->key < b->key; });
    for (const Node* pair : sorted) {
        pb::Pair* added = pairs->Add();
        added->set_key(pair->key);
        added->set_value(pair->text);
    }
}

bool clears_metadata(const Node& params) {
    const Node* metadata = params.find("metadata");
    return metadata != nullptr && metadata->is_empty_leaf();
}

std::uint32_t currency_of(const Node& params) {
    const auto text = params.text_of("currency");
    if (!text) return 0;
    const auto currency = money::Currency::from_code(*text);
    return currency ? currency->numeric() : 0U;
}

namespace {

std::optional<ApiError> find_token(const Call& call, std::string_view token, std::string param,
                                   pb::PaymentMethod* method) {
    auto found = payments::find_method(token, call.caller.scope.livemode);
    if (found) {
        *method = *std::move(found);
        return std::nullopt;
    }
    ApiError error = no_such("PaymentMethod", token, std::move(param), false);
    if (call.caller.scope.livemode && payments::find_method(token, false)) {
        error.message +=
            "; a similar object exists in test mode, but a live mode key was used to make this request.";
    }
    return error;
}

}  // namespace

std::optional<ApiError> read_method(const Call& call, pb::PaymentMethod* method) {
    const auto token = call.params.text_of("payment_method");
    const Node* data = call.params.find("payment_method_data");
    if (token && data != nullptr) return exclusive_parameters("payment_method", "payment_method_data");
    if (token) return find_token(call, *token, "payment_method", method);
    if (data == nullptr || !data->is_container()) return std::nullopt;

    if (data->text_of("type") == "wallet")
        return find_token(call, "pm_wallet", "payment_method_data[type]", method);
    const Node* card = data->find("card");
    const auto card_token = card == nullptr ? std::nullopt : card->text_of("token");
    if (!card_token) return missing_parameter("payment_method_data[card][token]");
    // Stripe's test tokens have a payment method of the same name each: tok_visa, pm_card_visa.
    const std::string_view name = *card_token;
    return find_token(call,
                      name.starts_with("tok_") ? "pm_card_" + std::string(name.substr(4)) : std::string(name),
                      "payment_method_data[card][token]", method);
}

}  // namespace kontor::api
