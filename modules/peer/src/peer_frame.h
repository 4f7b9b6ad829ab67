#pragma once
// The frames between nodes, as docs/formats/peer-link.md describes them: a pure encoder and an incremental
// parser.
//
// Errors: the parser answers corruption for what no peer of ours sends; nothing after it can be trusted.
// Limits: the body limit given to the parser; it allocates as bytes arrive, not as a length claims.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/base/object_id.h"
#include "kontor/base/result.h"

namespace kontor::peer {

enum class FrameKind : std::uint8_t {
    hello = 1,
    refused = 2,
    message = 3,
    call = 4,
    answer = 5,
    failure = 6,
    ping = 7,
    pong = 8,
};

// What a connection is for; in the hello.
enum class Purpose : std::uint8_t { messages = 1, fast_calls = 2, bulk_calls = 3, anonymous = 4 };

inline constexpr std::uint16_t kPeerProtocol = 2;  // 1: messages and calls had no group
inline constexpr std::size_t kFrameHeadBytes = 5;  // length of all that follows, kind
inline constexpr std::size_t kMaxFrameHeadBytes = kFrameHeadBytes + 11;

struct Frame {
    FrameKind kind = FrameKind::ping;
    std::uint64_t id = 0;                 // call, answer, failure: the call; ping, pong: a stamp
    std::uint16_t code = 0;               // call: its kind; failure, refused: ErrorCode; hello: protocol
    Purpose purpose = Purpose::messages;  // hello
    std::uint8_t group = kFirstGroup;     // message, call: the replication group that it is about
    std::uint16_t verdict = 0;            // refused: the owner's number for programs; 0: none
    std::string body;
};

// The bytes before the body. Returns how many.
std::size_t encode_head(const Frame& frame, std::array<char, kMaxFrameHeadBytes>& into);
[[nodiscard]] std::string encode_frame(const Frame& frame);
[[nodiscard]] std::size_t encoded_bytes(const Frame& frame);
// An unknown code, from a later version, is internal.
[[nodiscard]] ErrorCode error_code_of(std::uint16_t code);

class FrameParser {
 public:
    explicit FrameParser(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}
    // Takes bytes from the front of `in`, of one frame at most; true when frame() is whole.
    [[nodiscard]] Result<bool> take(std::string_view& in);
    // Valid after true, until the next take(); the caller may move the body away.
    [[nodiscard]] Frame& frame() { return frame_; }

 private:
    [[nodiscard]] Result<void> read_kind();
    [[nodiscard]] Result<void> read_fields();

    std::size_t max_body_bytes_;
    Frame frame_;
    std::array<char, kMaxFrameHeadBytes> head_{};
    std::size_t head_at_ = 0;
    std::size_t head_bytes_ = kFrameHeadBytes;  // grows when the kind is known
    bool kind_known_ = false;
    std::size_t length_ = 0;  // after the first five bytes
    std::size_t body_left_ = 0;
};

}  // namespace kontor::peer
