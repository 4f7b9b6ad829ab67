#pragma once
// A channel is how money comes in and goes out: it performs what the outbox asks for and says what became of
// it.
//
// Every operation carries a `reference` that is unique for the intention and stays the same on every try:
// a channel must be idempotent by it. An outcome that is not known is answered as such, never guessed; the
// outbox asks again with the same reference.
//
// Threading: perform() may be called from any thread and must not block; `done` is called exactly once, on
// any thread. Ownership: the channel outlives its calls. Errors: inside Answer. Limits: the channel's own.

#include <cstdint>
#include <functional>
#include <string>

namespace kontor::channels {

enum class Operation : std::uint8_t {
    sale = 1,
    authorize = 2,
    capture = 3,
    void_authorization = 4,
    refund = 5
};

struct Order {
    std::string reference;  // "att_…"
    Operation operation = Operation::sale;
    std::int64_t amount_minor = 0;
    std::uint16_t currency = 0;       // ISO 4217 numeric
    std::string method_token;         // "pm_card_visa"
    std::string channel_reference;    // capture, void, refund: of the operation it builds on
    std::uint32_t earlier_tries = 0;  // 0: the first call
};

struct Answer {
    enum class State : std::uint8_t { succeeded, failed, unknown };
    State state = State::unknown;
    std::string channel_reference;  // what the channel calls it, when it succeeded
    // With `failed`, in the words of the Stripe-shaped API.
    std::string error_type, error_code, decline_code, message;
};

class Channel {
 public:
    virtual ~Channel() = default;
    virtual void perform(Order order, std::function<void(Answer)> done) = 0;
};

}  // namespace kontor::channels
