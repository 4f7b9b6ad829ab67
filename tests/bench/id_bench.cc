// What it costs to hide a number (kontor/crypto/public_id.h): one thread, the best of some rounds.
//   id_bench [thousands of calls a round]

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "kontor/crypto/permutation.h"
#include "kontor/crypto/public_id.h"

namespace {

constexpr int kRounds = 9;

template <typename F>
void measure(const char* what, long calls, F call) {
    double best_ns = 1e9;
    std::uint64_t sum = 0;
    for (int round = 0; round < kRounds; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        // Each call waits for the one before: what a request pays, not what a processor can overlap.
        for (long i = 0; i < calls; ++i) sum += call((static_cast<std::uint64_t>(i) << 19U) | (sum & 0xFFU));
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
        best_ns = std::min(best_ns, took.count() / static_cast<double>(calls));
    }
    std::printf("%-28s %6.1f ns   (%llx)\n", what, best_ns, static_cast<unsigned long long>(sum & 0xFU));
}

}  // namespace

int main(int argc, char** argv) {
    const long calls = 1'000 * std::max(1L, argc > 1 ? std::atol(argv[1]) : 500L);
    const std::string key = "0123456789abcdef";
    const kontor::crypto::Permutation permutation(key, 1);
    kontor::set_id_key(key);
    const std::string id = kontor::format_id("pi", 12'345);
    const std::string position = kontor::format_position({0, 12'345});
    measure("permute", calls, [&](std::uint64_t number) { return permutation.forward(number); });
    measure("permute back", calls, [&](std::uint64_t number) { return permutation.backward(number); });
    measure("format_id", calls, [](std::uint64_t number) {
        return static_cast<std::uint64_t>(kontor::format_id("pi", number + 1).back());
    });
    measure("parse_id", calls, [&](std::uint64_t) { return kontor::parse_id("pi", id).value_or(0); });
    measure("format_position", calls, [](std::uint64_t number) {
        return static_cast<std::uint64_t>(kontor::format_position({0, number >> 24U}).back());
    });
    measure("parse_position", calls, [&](std::uint64_t) {
        return kontor::parse_position(position).value_or(kontor::LogPosition{}).index;
    });
}
