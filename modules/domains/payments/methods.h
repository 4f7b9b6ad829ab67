#pragma once
// How money can be paid, one record a method: what the rules, the API and the reports know of it. A new
// method is a record here; which channel takes it, in which currency, is a route (domains/channels).

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "domains/payments/json_method.h"
#include "kontor/base/required.h"
#include "kontor/payments.pb.h"

namespace kontor::payments {

// Who moves the money.
enum class PaidBy : std::uint8_t {
    ledger,   // from the customer's wallet, at once
    channel,  // the account that the routes name
};
// Where a payment that names no list of methods offers it.
enum class Offered : std::uint8_t { in_test_mode, everywhere };

struct Method {
    Required<std::string_view> type;  // frozen: in the API, in rows and reports
    Required<PaidBy> paid_by;
    Required<std::string_view> token;  // that stands for it; "": tokens are the channels'
    Required<bool> needs_customer;     // whose money it is
    Required<Offered> offered;
    Required<std::string_view> about;  // in the description of payment_method_data
    // The member that is named like it: of a payment_method, of a charge's payment_method_details, and of a
    // refund's destination_details, where it has one.
    Required<fields::Value<MethodView>> write;
    Required<fields::Value<MethodOfCharge>> details;
    Required<std::optional<fields::Value<MethodOfRefund>>> destination;
};

// In the order of the API's lists.
inline constexpr std::array kMethods = {
    Method{.type = "card",
           .paid_by = PaidBy::channel,
           .token = "",
           .needs_customer = false,
           .offered = Offered::in_test_mode,
           .about = "With type card: the test token. Card numbers are never accepted.",
           .write = parts::kCard,
           .details = parts::kCardDetails,
           .destination = parts::kCardDestination},
    Method{.type = "wallet",
           .paid_by = PaidBy::ledger,
           .token = "pm_wallet",
           .needs_customer = true,
           .offered = Offered::everywhere,
           .about = "With type wallet: nothing.",
           .write = parts::kWallet,
           .details = parts::kWalletDetails,
           .destination = std::nullopt},
};
constexpr bool methods_are_sound() {
    for (std::size_t i = 0; i < kMethods.size(); ++i) {
        if (kMethods[i].type.value.empty() || kMethods[i].about.value.empty()) return false;
        // What the ledger pays is known by its token alone.
        if ((kMethods[i].paid_by == PaidBy::ledger) == kMethods[i].token.value.empty()) return false;
        for (std::size_t j = 0; j < i; ++j)
            if (kMethods[i].type.value <= kMethods[j].type.value) return false;
    }
    return true;
}
static_assert(methods_are_sound(), "methods stand in the order of their types, each once");

inline constexpr std::array<std::string_view, kMethods.size()> kMethodTypes = [] {
    std::array<std::string_view, kMethods.size()> types;
    for (std::size_t i = 0; i < kMethods.size(); ++i) types[i] = kMethods[i].type.value;
    return types;
}();

// By its type; null: there is none such, or "" was given.
[[nodiscard]] const Method* find_method(std::string_view type);
// Of a method that a rule let in.
[[nodiscard]] const Method& record_of(const pb::PaymentMethod& method);
[[nodiscard]] inline bool is_set(const pb::PaymentMethod& method) {
    return !method.type().empty();
}
[[nodiscard]] inline bool is_offered(const Method& method, bool livemode) {
    return !livemode || method.offered == Offered::everywhere;
}

// The constant of a word that was stored; "" for none that there is.
[[nodiscard]] std::string_view method_name(std::string_view stored);
// What an intent was paid with, or tried last.
[[nodiscard]] const pb::PaymentMethod& method_of(const pb::PaymentIntent& intent);

}  // namespace kontor::payments
