#include "domains/payments/api_methods.h"

#include <string>

#include "connectors/all.h"
#include "domains/payments/methods.h"

namespace kontor::payments {

std::optional<pb::PaymentMethod> find_token(std::string_view token, bool livemode) {
    pb::PaymentMethod method;
    for (const Method& record : kMethods) {
        if (token.empty() || record.token.value != token) continue;
        method.set_type(std::string(record.type.value));
        method.set_token(std::string(token));
        return method;
    }
    const connectors::TestToken* found = livemode ? nullptr : connectors::find_test_token(token);
    if (found == nullptr || find_method(found->method) == nullptr) return std::nullopt;
    method.set_type(std::string(found->method));
    method.set_token(std::string(found->token));
    method.set_brand(std::string(found->brand));
    method.set_last4(std::string(found->last4));
    method.set_exp_month(found->exp_month);
    method.set_exp_year(found->exp_year);
    method.set_country(std::string(found->country));
    method.set_funding(std::string(found->funding));
    return method;
}

}  // namespace kontor::payments
