#pragma once
// Random commands against a small world that remembers what it made, so that most of them mean something.

#include <random>

#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/payments.pb.h"
#include "world.h"

namespace kontor::payments::testing {

class RandomShop {
 public:
    explicit RandomShop(std::uint64_t seed) : random_(seed) { open_shops(); }

    // One batch of a few commands, applied.
    void step();
    // The newest keyed command that is under way or done, again; nullopt: there is none.
    std::optional<pb::Command> keyed_again();

    [[nodiscard]] std::uint64_t below(std::uint64_t n) { return random_() % n; }
    [[nodiscard]] bool percent(std::uint64_t p) { return below(100) < p; }

    World world;
    std::vector<Scope> scopes;

 private:
    struct Shop {
        Scope scope;
        std::vector<std::uint64_t> customers, intents, charges, refunds, endpoints;
    };
    void open_shops();
    pb::Command random_command();
    pb::Command create_intent();
    pb::Command change_intent();
    pb::Command refund();
    pb::Command customer();
    pb::Command webhook();
    pb::Command channel_answer();
    pb::Command instance();
    template <typename Fill>
    pb::Command make(Fill fill);
    void learn(const pb::Command& command, const pb::Result& result);
    void move_time();
    Shop& shop_of(Scope scope);
    // An object of the shop, sometimes of another one, sometimes of none.
    std::uint64_t pick(std::vector<std::uint64_t> Shop::*kind);
    pb::PaymentMethod random_method();

    std::mt19937_64 random_;
    std::vector<Shop> shops_;
    Shop* shop_ = nullptr;
    std::vector<std::uint64_t> attempts_;
    std::vector<pb::Command> keyed_;
    std::uint64_t keys_ = 0;
};

}  // namespace kontor::payments::testing
