#pragma once
// What holds for any bytes as a frame of a peer. Shared by the unit test and the fuzzer.

#include <cstdlib>
#include <cstring>
#include <string>

#include "kontor/base/crc32c.h"
#include "wire.h"

namespace kontor::replication::test {

// The frame with the checksum that it should have.
inline std::string resealed(std::string frame, const ClusterId& cluster) {
    if (frame.size() < 8) return frame;
    std::uint32_t crc = crc32c(std::string_view(cluster.data(), cluster.size()));
    crc = crc32c(std::string_view(frame).substr(0, 4), crc);
    crc = crc32c(std::string_view(frame).substr(8), crc);
    std::memcpy(frame.data() + 4, &crc, sizeof crc);
    return frame;
}

// Refused, or a message without a problem that is written as the very same bytes.
inline void check_frame(const std::string& frame, const ClusterId& cluster) {
    const auto message = decode_message(frame, 7, cluster);
    if (!message) return;
    if (problem_of(*message) != nullptr || encode_message(*message, cluster) != frame) std::abort();
}

}  // namespace kontor::replication::test
