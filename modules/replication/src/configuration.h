#pragma once
// The members of the cluster, as a CHANGE entry carries them. The engine's decoder trusts its input, so bytes
// from disk or network pass decode_configuration() first.
//
// Format (the engine's): u8 1, u64 count, count x { u64 id, address with a final zero byte, u8 role },
// zero-padded to 8 bytes; little-endian.
// Limits: kMaxServers servers, addresses of 1..kMaxAddressBytes bytes.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::replication {

inline constexpr std::size_t kMaxServers = 64;
inline constexpr std::size_t kMaxAddressBytes = 255;

enum class ServerRole : std::uint8_t { standby = 0, voter = 1 };  // the engine's spare role is not used

struct Server {
    std::uint64_t id = 0;
    std::string address;
    ServerRole role = ServerRole::standby;
    friend bool operator==(const Server&, const Server&) = default;
};

struct Configuration {
    std::vector<Server> servers;

    [[nodiscard]] const Server* find(std::uint64_t id) const;
    [[nodiscard]] std::size_t voters() const;
    [[nodiscard]] bool sole_voter(std::uint64_t id) const;
    friend bool operator==(const Configuration&, const Configuration&) = default;
};

// Errors: invalid_argument (limits, an id of 0, an id or address twice).
Result<std::string> encode_configuration(const Configuration& configuration);
// Errors: corruption.
Result<Configuration> decode_configuration(std::string_view bytes);

}  // namespace kontor::replication
