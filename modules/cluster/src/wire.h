#pragma once
// Kinds of what nodes say to each other, and HTTP requests and answers as bytes. Frozen numbers.

#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/base/result.h"
#include "kontor/http/server.h"

namespace kontor::pb {
class PeerHello;
}

namespace kontor::cluster {

namespace call_kind {
inline constexpr std::uint16_t join = 1;  // without a client certificate
inline constexpr std::uint16_t forward = 2;
inline constexpr std::uint16_t state = 3;        // state_transfer::answer
inline constexpr std::uint16_t certificate = 4;  // a new one for the caller
inline constexpr std::uint16_t report = 5;
inline constexpr std::uint16_t command = 6;   // a command about the cluster, for the leader
inline constexpr std::uint16_t transfer = 7;  // leadership; body: be64 of the target, 0: any
inline constexpr std::uint16_t restart = 8;   // pb::RestartRequest
inline constexpr std::uint16_t isolate = 9;   // be64 of the milliseconds
// Where states differ: be64 of an index, answered by store::EntryHash or nothing; be64, table, partition,
// answered by Store::entry_rows(); to a leader that a majority differs from: the caller's store::EntryHash.
inline constexpr std::uint16_t entry_hash = 10, entry_rows = 11, compare = 12;
// A read, as `forward`, for a node that has less to do: it answers or refuses, and passes it to nobody.
inline constexpr std::uint16_t balanced_read = 13;
// pb::Forgot: the caller remembers more of this node than it knows itself. To the leader: take the caller out
// of the log's configuration (pb::RejoinReply, or unavailable while that is under way).
inline constexpr std::uint16_t forgot = 14, rejoin = 15;
}  // namespace call_kind

// The body of a `report` call that wants to know api_authority_pem, too.
inline constexpr const char* kReportWithAuthority = "authority";

// The last byte of a one-way message.
inline constexpr char kLogMessage = 'L';      // before it: a frame of the replicated log
inline constexpr char kHashMessage = 'H';     // before it: store::EntryHash of the leader
inline constexpr char kPromiseMessage = 'P';  // before it: pb::NodePromise of the sender

// Why a node must not go on: what the others' refusal says beside its text (peer::PeerRefusal).
namespace verdict {
inline constexpr std::uint16_t none = 0, removed = 1, too_old = 2;
}

inline constexpr const char* kStoppingUnknownText =
    "this node is stopping; whether it was done is not known: 'kontor cluster status' on another node says";
inline constexpr const char* kIsolatedText = "this node is cut off from the others for a test";
inline constexpr const char* kCountsAloneText =
    "stands on an older copy that an operator accepted as all that is left: it has no peers until 'kontor "
    "cluster takeover --accept-loss' there; if another node lives, stop it and 'kontor cluster rejoin' "
    "instead";

inline constexpr std::uint32_t kPeerProtocol = 1;

// What each hello says of the process that sends it; the caller adds where it is reached and what it tells.
[[nodiscard]] pb::PeerHello hello_of(const std::string& run_id, const std::string& version,
                                     std::int64_t wall_ms);

[[nodiscard]] std::string encode_request(const http::Request& request);
[[nodiscard]] Result<http::Request> decode_request(std::string_view bytes);
// The body is taken from wherever the response has it; a stream is an error.
[[nodiscard]] Result<std::string> encode_response(http::Response response);
[[nodiscard]] Result<http::Response> decode_response(std::string_view bytes);

}  // namespace kontor::cluster
