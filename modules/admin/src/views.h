#pragma once
// What the UI shows, as JSON: Home, the payments list, one payment, merchants and keys. The shapes are those
// of docs/admin-api.md. What belongs to a mode is looked for in the call's mode alone: an object of the other
// one is absent, and its answer is that of an object which never was.
//
// Threading: anywhere; reads only, except the management of merchants and keys, which proposes commands.

#include "context.h"
#include "reports/payment_list/payment_list.h"

namespace kontor::admin {

class Views {
 public:
    Views(const AdminOptions& options, std::uint64_t started_ms)
        : options_(options), started_ms_(started_ms) {}

    [[nodiscard]] Result<Json> home(bool livemode) const;
    [[nodiscard]] static Json payment_row(const payment_list::PaymentRow& row);

    void get_home(const std::shared_ptr<Call>& call) const;
    void list_payments(const std::shared_ptr<Call>& call) const;
    void get_payment(const std::shared_ptr<Call>& call) const;
    void on_the_wall_clock(Json& lines) const;
    void list_merchants(const std::shared_ptr<Call>& call) const;
    void get_merchant(const std::shared_ptr<Call>& call) const;
    void create_merchant(const std::shared_ptr<Call>& call) const;
    void list_keys(const std::shared_ptr<Call>& call) const;
    void create_key(const std::shared_ptr<Call>& call) const;
    void revoke_key(const std::shared_ptr<Call>& call) const;

 private:
    [[nodiscard]] Json node_json() const;
    [[nodiscard]] Json webhooks_json(bool livemode) const;

    const AdminOptions& options_;
    const std::uint64_t started_ms_;
};

[[nodiscard]] std::string currency_code(std::uint32_t numeric);

}  // namespace kontor::admin
