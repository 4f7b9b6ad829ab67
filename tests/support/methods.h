#pragma once
// Payment methods as commands name them. What a token stands for is the API's business; the rules know its
// type.

#include <string>

#include "kontor/payments.pb.h"

namespace kontor_test {

inline kontor::pb::PaymentMethod method(const std::string& token) {
    kontor::pb::PaymentMethod method;
    method.set_type(token == "pm_wallet" ? "wallet" : "card");
    method.set_token(token);
    if (method.type() == "wallet") return method;
    method.set_brand("visa");
    method.set_last4("4242");
    method.set_exp_month(12);
    method.set_exp_year(2040);
    method.set_country("US");
    method.set_funding("credit");
    return method;
}

}  // namespace kontor_test
