#include "second_greeting.h"

#include "kontor/transport/greeting_peek.h"

namespace kontor::transport {
namespace {

constexpr unsigned char kHandshake = 22, kChangeCipherSpec = 20, kClientHello = 1;
// The random of a ServerHello that asks for another greeting: SHA-256 of "HelloRetryRequest".
constexpr std::string_view kRetryRandom =
    "\xCF\x21\xAD\x74\xE5\x9A\x61\x11\xBE\x1D\x8C\x02\x1E\x65\xB8\x91"
    "\xC2\xA2\x11\x16\x7A\xBB\x8C\x5E\x07\x9E\x09\xE2\xC8\xA8\x33\x9C";
constexpr std::size_t kRandomAt = 5 + 4 + 2;  // behind the heads of record and message, and the version

}  // namespace

void SecondGreeting::sent(std::string_view bytes) {
    if (state_ != State::before_answer) return;
    const bool asks_again = bytes.size() >= kRandomAt + kRetryRandom.size() &&
                            bytes.substr(kRandomAt, kRetryRandom.size()) == kRetryRandom;
    state_ = asks_again ? State::reads_along : State::over;
}

bool SecondGreeting::allows(std::string_view bytes) {
    for (std::size_t at = 0; at < bytes.size() && state_ == State::reads_along; ++at) {
        const bool is_head = left_ == 0;
        if (!(is_head ? take_record_head(bytes[at]) : take_message_head(bytes[at]))) return false;
    }
    return true;
}

bool SecondGreeting::take_record_head(char byte) {
    record_[record_bytes_++] = static_cast<unsigned char>(byte);
    if (record_bytes_ < record_.size()) return true;
    record_bytes_ = 0;
    left_ = (std::size_t{record_[3]} << 8U) | record_[4];
    // Anything else is an alert, or what OpenSSL refuses.
    if (record_[0] != kHandshake && record_[0] != kChangeCipherSpec) state_ = State::over;
    return true;
}

bool SecondGreeting::take_message_head(char byte) {
    --left_;
    if (record_[0] != kHandshake) return true;
    message_[message_bytes_++] = static_cast<unsigned char>(byte);
    if (message_bytes_ < message_.size()) return true;
    state_ = State::over;
    const std::size_t size =
        (std::size_t{message_[1]} << 16U) | (std::size_t{message_[2]} << 8U) | message_[3];
    return message_[0] == kClientHello && size <= kMaxGreetingBytes;
}

}  // namespace kontor::transport
