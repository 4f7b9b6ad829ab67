#pragma once
// A client whose first greeting had no key share of ours is asked for a second greeting (HelloRetryRequest,
// RFC 8446 4.1.4), and OpenSSL takes memory for that too by the length in its head, up to 128 KiB. This reads
// along until that length is known; the first one is looked at before TLS begins (greeting_peek.h).
//
// Threading: one thread at a time. Needs whole records as they are asked for: no read-ahead until it is over.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kontor::transport {

class SecondGreeting {
 public:
    // What the server sends, from its first byte on.
    void sent(std::string_view bytes);
    // What comes; false: a greeting above kMaxGreetingBytes.
    [[nodiscard]] bool allows(std::string_view bytes);

 private:
    enum class State : std::uint8_t { before_answer, reads_along, over };
    [[nodiscard]] bool take_record_head(char byte);
    [[nodiscard]] bool take_message_head(char byte);

    State state_ = State::before_answer;
    std::array<unsigned char, 5> record_{};   // type, version, length
    std::array<unsigned char, 4> message_{};  // type, length
    std::size_t record_bytes_ = 0, message_bytes_ = 0;
    std::size_t left_ = 0;  // of the record
};

}  // namespace kontor::transport
