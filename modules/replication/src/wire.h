#pragma once
// Messages between nodes as bytes: docs/formats/peer.md. A frame is one message; the transport keeps frames
// apart and knows the sender.
//
// Threading: pure functions. Errors: decode_message() answers corruption and never reads outside the frame.
// Limits: kMaxPeerFrameBytes, kMaxFrameEntries.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "guards.h"
#include "kontor/base/result.h"
#include "kontor/replication/replica.h"

namespace kontor::replication {

inline constexpr std::uint8_t kPeerFormatVersion = 1;
inline constexpr std::size_t kMaxFrameEntries = 1024;

// The entries of an append have their payloads. The checksum covers the cluster id: a frame of another
// cluster is a bad one.
[[nodiscard]] std::string encode_message(const Message& message, const ClusterId& cluster);
// `from`: the sender, who is not in the frame.
Result<Message> decode_message(std::string_view frame, std::uint64_t from, const ClusterId& cluster);

// An append as several of at most `max_bytes` of payload each, or one entry: the receiver takes them like
// one.
[[nodiscard]] std::vector<Message> split_append(Message message, std::size_t max_bytes);

}  // namespace kontor::replication
