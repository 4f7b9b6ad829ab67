#pragma once
// Bytes that are the same in every run, for node::NodeOptions::random_bytes: two runs then write the same
// rows.
//
// Threading: one thread at a time.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>

namespace kontor_test {

[[nodiscard]] inline std::function<std::string(std::size_t)> seeded_bytes(std::uint64_t seed) {
    return [random = std::mt19937_64(seed)](std::size_t n) mutable {
        std::string bytes(n, '\0');
        for (char& byte : bytes) byte = static_cast<char>(random() & 0xFFU);
        return bytes;
    };
}

}  // namespace kontor_test
