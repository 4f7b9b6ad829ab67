// Scenarios of the merchant API: payments from wallets, reads of recent payments, and a mix with refunds.

#include <array>
#include <deque>
#include <optional>

#include "bench_setup.h"
#include "bench_wire.h"

namespace kontor::app {
namespace {

enum Kind : unsigned { kPayment, kRead, kRefund };
constexpr std::array<const char*, 3> kKindNames = {"payments", "reads", "refunds"};

constexpr std::uint64_t kTopUpMinor = 900'000'000'000;
constexpr std::uint64_t kMinAmount = 100, kMaxAmount = 10'000, kRefundAmount = 50;
constexpr std::size_t kRecentPayments = 10'000;  // a thread reads the payments that it made last

struct PaymentRequests {
    PaymentRequests() = default;
    explicit PaymentRequests(const BenchTarget& target)
        : target_(target),
          payment_(target, "/v1/payment_intents", kForm),
          refund_(target, "/v1/refunds", kForm) {}

    void payment(std::string& out, const std::string& customer, std::uint64_t amount,
                 const std::string& idempotency_key) const {
        std::string body = "amount=" + std::to_string(amount);
        body += "&currency=eur&customer=" + customer;
        body += "&payment_method=pm_wallet&payment_method_types[0]=wallet&confirm=true";
        post(out, payment_, body, idempotency_key);
    }
    void refund(std::string& out, const std::string& payment, const std::string& idempotency_key) const {
        post(out, refund_, "payment_intent=" + payment + "&amount=" + std::to_string(kRefundAmount),
             idempotency_key);
    }
    void read(std::string& out, const std::string& payment) const {
        out += "GET /v1/payment_intents/" + payment + " HTTP/1.1\r\nHost: " + target_.authority +
               "\r\nAuthorization: Bearer " + target_.key + "\r\n\r\n";
    }

 private:
    static void post(std::string& out, const PostHead& head, const std::string& body,
                     const std::string& idempotency_key) {
        head.append(out, body.size());
        if (!idempotency_key.empty()) {
            out.resize(out.size() - 2);  // before the empty line
            out += "Idempotency-Key: " + idempotency_key + "\r\n\r\n";
        }
        out += body;
    }
    BenchTarget target_;
    PostHead payment_, refund_;
};

struct PaymentSetup {
    PaymentRequests requests;
    std::vector<std::string> customers, payments;
    std::vector<unsigned> mix;  // of kinds, in the order of Kind
    bool idempotency_keys = false;
    std::uint64_t seed = 0;
    const std::uint64_t run = new_bench_run();
};

class PaymentSource final : public Source {
 public:
    PaymentSource(const PaymentSetup& setup, unsigned worker)
        : setup_(setup),
          random_(setup.seed + worker),
          key_prefix_("bench-" + std::to_string(setup.run) + "-" + std::to_string(worker) + "-") {
        for (const unsigned part : setup.mix) parts_ += part;
    }

    unsigned next(std::size_t, std::string& out) override {
        Kind kind = choose();
        // At the start there is nothing yet that could be read or refunded.
        if (kind == kRead && setup_.payments.empty() && recent_.empty()) kind = kPayment;
        if (kind == kRefund && refundable_.empty()) kind = kPayment;
        if (kind == kPayment) {
            const std::string& customer = setup_.customers[random_.below(setup_.customers.size())];
            const std::uint64_t amount = kMinAmount + random_.below(kMaxAmount - kMinAmount + 1);
            setup_.requests.payment(out, customer, amount, idempotency_key());
        } else if (kind == kRead) {
            const auto choose_from = [this](const auto& ids) { return ids[random_.below(ids.size())]; };
            setup_.requests.read(out, recent_.empty() ? choose_from(setup_.payments) : choose_from(recent_));
        } else {
            setup_.requests.refund(out, refundable_.front(), idempotency_key());
            refundable_.pop_front();
        }
        return kind;
    }

    std::uint64_t judge(std::size_t, unsigned kind, const http::LoadAnswer& answer,
                        ErrorCounts& errors) override {
        if (!answered_ok(answer, 1, errors)) return 0;
        if (json_string(answer.body, "status") != "succeeded") {
            ++errors["not succeeded"];
            return 0;
        }
        if (kind == kPayment && setup_.mix.size() > kRead && parts_ != setup_.mix[kPayment])
            remember(answer.body);
        return 1;
    }

 private:
    Kind choose() {
        std::uint64_t at = random_.below(parts_);
        for (unsigned kind = 0; kind < setup_.mix.size(); ++kind) {
            if (at < setup_.mix[kind]) return static_cast<Kind>(kind);
            at -= setup_.mix[kind];
        }
        return kPayment;
    }
    void remember(std::string_view body) {
        const std::string id(json_string(body, "id"));
        recent_.push_back(id);
        if (recent_.size() > kRecentPayments) recent_.pop_front();
        refundable_.push_back(id);
        if (refundable_.size() > kRecentPayments) refundable_.pop_front();
    }
    std::string idempotency_key() {
        return setup_.idempotency_keys ? key_prefix_ + std::to_string(++keys_) : std::string();
    }

    const PaymentSetup& setup_;
    BenchRandom random_;
    const std::string key_prefix_;
    std::uint64_t keys_ = 0;
    std::uint64_t parts_ = 0;
    std::deque<std::string> recent_, refundable_;
};

class PaymentScenario final : public Scenario {
 public:
    PaymentScenario(const BenchArguments& arguments, std::vector<unsigned> mix)
        : customers_(arguments.customers), payments_(arguments.scenario == "reads" ? arguments.payments : 0) {
        setup_.mix = std::move(mix);
        setup_.idempotency_keys = arguments.idempotency_keys;
        setup_.seed = arguments.seed;
    }

    std::vector<std::string> kinds() const override { return {kKindNames.begin(), kKindNames.end()}; }

    Result<void> prepare(const BenchTarget& target, const SetupProgress& progress) override {
        setup_.requests = PaymentRequests(target);
        KONTOR_CHECK(make_customers(target, progress));
        KONTOR_CHECK(top_up(target, progress));
        return make_payments(target, progress);
    }

    std::unique_ptr<Source> source(unsigned worker) const override {
        return std::make_unique<PaymentSource>(setup_, worker);
    }

 private:
    Result<void> make_customers(const BenchTarget& target, const SetupProgress& progress) {
        setup_.customers.assign(customers_, {});
        const PostHead head(target, "/v1/customers", kForm);
        SetupWork work;
        work.what = "customers";
        work.requests = customers_;
        work.write = [&](std::uint64_t i, std::string& out) {
            const std::string body = "name=Bench+" + std::to_string(i);
            head.append(out, body.size());
            out += body;
        };
        work.take = [&](std::uint64_t i, std::string_view body) {
            return take_id(body, setup_.customers[i]);
        };
        return run_setup(target, work, progress);
    }

    Result<void> top_up(const BenchTarget& target, const SetupProgress& progress) {
        SetupWork work;
        work.what = "wallets";
        work.requests = customers_;
        work.write = [&](std::uint64_t i, std::string& out) {
            const std::string body = "currency=eur&amount=" + std::to_string(kTopUpMinor);
            PostHead(target, "/v1/test_helpers/customers/" + setup_.customers[i] + "/fund_cash_balance",
                     kForm)
                .append(out, body.size());
            out += body;
        };
        work.take = [](std::uint64_t, std::string_view) { return Result<void>(); };
        return run_setup(target, work, progress);
    }

    Result<void> make_payments(const BenchTarget& target, const SetupProgress& progress) {
        setup_.payments.assign(payments_, {});
        SetupWork work;
        work.what = "payments";
        work.requests = payments_;
        work.connections = 64;
        work.write = [&](std::uint64_t i, std::string& out) {
            setup_.requests.payment(out, setup_.customers[i % customers_], kMinAmount + i % kMaxAmount, "");
        };
        work.take = [&](std::uint64_t i, std::string_view body) { return take_id(body, setup_.payments[i]); };
        return run_setup(target, work, progress);
    }

    static Result<void> take_id(std::string_view body, std::string& id) {
        id = std::string(json_string(body, "id"));
        if (id.empty())
            return fail(ErrorCode::internal, "an answer without an id: " + std::string(body.substr(0, 200)));
        return {};
    }

    const std::uint64_t customers_, payments_;
    PaymentSetup setup_;
};

// A yardstick: the same GET again and again, of any server.
class GetScenario final : public Scenario {
 public:
    explicit GetScenario(std::string path) : path_(std::move(path)) {}
    std::vector<std::string> kinds() const override { return {"requests"}; }
    Result<void> prepare(const BenchTarget& target, const SetupProgress&) override {
        request_ = get_request(target, path_);
        return {};
    }
    std::unique_ptr<Source> source(unsigned) const override { return std::make_unique<GetSource>(request_); }

 private:
    class GetSource final : public Source {
     public:
        explicit GetSource(std::string request) : request_(std::move(request)) {}
        unsigned next(std::size_t, std::string& out) override {
            out += request_;
            return 0;
        }
        std::uint64_t judge(std::size_t, unsigned, const http::LoadAnswer& answer,
                            ErrorCounts& errors) override {
            return answered_ok(answer, 1, errors) ? 1 : 0;
        }

     private:
        const std::string request_;
    };
    const std::string path_;
    std::string request_;
};

}  // namespace

std::unique_ptr<Scenario> make_payment_scenario(const BenchArguments& arguments, std::vector<unsigned> mix) {
    return std::make_unique<PaymentScenario>(arguments, std::move(mix));
}
std::unique_ptr<Scenario> make_get_scenario(const BenchArguments& arguments) {
    return std::make_unique<GetScenario>(arguments.path);
}

}  // namespace kontor::app
