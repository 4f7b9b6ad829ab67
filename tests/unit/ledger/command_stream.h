#pragma once
// Random commands for the property test: mostly sensible, often on the edge, sometimes absurd.

#include <random>
#include <vector>

#include "reference_model.h"

namespace kontor::ledger::testing {

inline constexpr std::uint64_t kAccountIds = 14;  // ids 1..14; not all of them exist, or not yet

class CommandStream {
 public:
    // What a world is like is part of its seed: small amounts or near overflow, many limits or none, …
    explicit CommandStream(std::uint64_t seed);

    [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return rng_() % bound; }
    [[nodiscard]] bool percent(unsigned probability) { return below(100) < probability; }
    [[nodiscard]] std::uint64_t start_ms();
    [[nodiscard]] Account account();
    [[nodiscard]] Account first_account(std::uint64_t number);  // a valid one
    // A batch of single transfers and chains, some left open.
    [[nodiscard]] std::vector<Transfer> batch();
    // What became of it, so that posts and voids mostly name pending transfers that exist.
    void learn(const std::vector<Transfer>& requests, const std::vector<Status>& statuses);

 private:
    [[nodiscard]] Transfer transfer();
    [[nodiscard]] Transfer repeated();
    void break_something(Transfer& request);
    [[nodiscard]] std::uint64_t amount();
    template <typename T>
    [[nodiscard]] const T& one_of(const std::vector<T>& values) {
        return values[below(values.size())];
    }

    std::mt19937_64 rng_;
    unsigned huge_percent_;
    unsigned limited_percent_;
    unsigned second_ledger_percent_;
    unsigned broken_percent_;
    std::uint64_t next_id_ = 1'000;
    std::vector<std::uint32_t> ledger_of_ = std::vector<std::uint32_t>(kAccountIds + 1, 1);
    std::vector<Transfer> asked_;          // recent requests, to repeat
    std::vector<Transfer> asked_pending_;  // recent pending ones, to resolve
};

}  // namespace kontor::ledger::testing
