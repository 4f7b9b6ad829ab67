// `expand`: which references of an object may be expanded, and finding what they point to.
#include <algorithm>
#include <array>
#include <variant>

#include "json_parts.h"
#include "kontor/base/object_id.h"
#include "kontor/commands.pb.h"
#include "kontor/payments/limits.h"

namespace kontor::payments {

namespace {

struct Edge {
    std::string_view kind, field, target;
};
// A path may go through a reference only to where this table leads.
constexpr std::array kEdges = {
    Edge{"payment_intent", "customer", "customer"},
    Edge{"payment_intent", "latest_charge", "charge"},
    Edge{"payment_intent", "payment_method", "payment_method"},
    Edge{"charge", "balance_transaction", "balance_transaction"},
    Edge{"charge", "customer", "customer"},
    Edge{"charge", "payment_intent", "payment_intent"},
    Edge{"refund", "balance_transaction", "balance_transaction"},
    Edge{"refund", "charge", "charge"},
    Edge{"refund", "customer", "customer"},
    Edge{"refund", "failure_balance_transaction", "balance_transaction"},
    Edge{"refund", "payment_intent", "payment_intent"},
    Edge{"balance_transaction", "source", "charge"},
    Edge{"balance_transaction", "source", "refund"},
    Edge{"customer_cash_balance_transaction", "customer", "customer"},
};

bool expandable(std::string_view kind, std::string_view path, std::size_t levels_left) {
    if (levels_left == 0) return false;
    const auto dot = path.find('.');
    const std::string_view field = path.substr(0, dot);
    return std::any_of(kEdges.begin(), kEdges.end(), [&](const Edge& edge) {
        return edge.kind == kind && edge.field == field &&
               (dot == std::string_view::npos ||
                expandable(edge.target, path.substr(dot + 1), levels_left - 1));
    });
}

using Object = std::variant<std::monostate, const pb::PaymentIntent*, const pb::Charge*, const pb::Refund*,
                            const pb::Customer*, const pb::BalanceTransaction*>;

// Follows references, collecting what they lead to. Elements of repeated fields keep their address when more
// are added, so Objects stay valid.
class Resolver {
 public:
    Resolver(const store::Reader& rows, Scope scope, pb::Result& result)
        : rows_(rows), scope_(scope), result_(result) {}

    void walk(Object from, std::string_view path) {
        while (!path.empty()) {
            const auto dot = path.find('.');
            from = std::visit([&](auto at) { return follow(at, path.substr(0, dot)); }, from);
            if (std::holds_alternative<std::monostate>(from)) return;
            path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
        }
    }

 private:
    static Object follow(std::monostate, std::string_view) { return {}; }
    static Object follow(const pb::Customer*, std::string_view) { return {}; }
    Object follow(const pb::PaymentIntent* at, std::string_view field) {
        if (field == "customer") return customer(at->customer_no());
        if (field == "latest_charge") return charge(at->latest_charge_no());
        return {};
    }
    Object follow(const pb::Charge* at, std::string_view field) {
        if (field == "customer") return customer(at->customer_no());
        if (field == "payment_intent") return intent(at->intent_no());
        if (field == "balance_transaction") return balance_transaction(at->balance_transaction_no());
        return {};
    }
    Object follow(const pb::Refund* at, std::string_view field) {
        if (field == "charge") return charge(at->charge_no());
        if (field == "customer") return customer(at->customer_no());
        if (field == "payment_intent") return intent(at->intent_no());
        if (field == "balance_transaction") return balance_transaction(at->balance_transaction_no());
        if (field == "failure_balance_transaction") {
            return balance_transaction(at->failure_balance_transaction_no());
        }
        return {};
    }
    Object follow(const pb::BalanceTransaction* at, std::string_view field) {
        if (field != "source") return {};
        if (const auto no = parse_id(prefix::charge, at->source_id())) return charge(*no);
        if (const auto no = parse_id(prefix::refund, at->source_id())) return refund(*no);
        return {};
    }

    template <typename T, typename Find>
    Object collect(google::protobuf::RepeatedPtrField<T>* found, std::uint64_t no, Find find) {
        if (no == 0) return {};
        for (const T& row : *found) {
            if (row.no() == no) return &row;
        }
        std::optional<T> row = find(rows_, scope_, no);
        if (!row) return {};
        T* kept = found->Add();
        kept->Swap(&*row);
        return const_cast<const T*>(kept);
    }
    Object customer(std::uint64_t no) { return collect(expanded()->mutable_customers(), no, find_customer); }
    Object intent(std::uint64_t no) {
        return collect(expanded()->mutable_payment_intents(), no, find_intent);
    }
    Object charge(std::uint64_t no) { return collect(expanded()->mutable_charges(), no, find_charge); }
    Object refund(std::uint64_t no) { return collect(expanded()->mutable_refunds(), no, find_refund); }
    Object balance_transaction(std::uint64_t no) {
        return collect(expanded()->mutable_balance_transactions(), no, find_balance_transaction);
    }
    pb::Expanded* expanded() { return result_.mutable_expanded(); }

    const store::Reader& rows_;
    Scope scope_;
    pb::Result& result_;
};

Object object_of(const pb::Result& result) {
    switch (result.object_case()) {
        case pb::Result::kPaymentIntent:
            return &result.payment_intent();
        case pb::Result::kCharge:
            return &result.charge();
        case pb::Result::kRefund:
            return &result.refund();
        case pb::Result::kCustomer:
            return &result.customer();
        case pb::Result::kBalanceTransaction:
            return &result.balance_transaction();
        default:
            return {};
    }
}

}  // namespace

bool is_expandable(std::string_view object_kind, std::string_view path) {
    return expandable(object_kind, path, limits::kExpandDepth);
}

void resolve_expansion(const store::Reader& rows, Scope scope, const std::vector<std::string>& paths,
                       pb::Result& result) {
    Resolver resolver(rows, scope, result);
    const Object start = object_of(result);
    for (const std::string& path : paths) resolver.walk(start, path);
}

}  // namespace kontor::payments
