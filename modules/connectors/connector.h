#pragma once
// A connector knows one channel: how an order becomes a call, what an answer means, what the channel says by
// itself. It is a record of constants and pure functions: values in, values out; no connection, clock,
// thread or randomness. Whoever drives it (outbox, inbox) calls, waits, asks again and unseals.
//
// Every order carries a reference that is unique for the intention and the same on every try: the channel
// must be idempotent by it. What is not known is `unknown`, never guessed: it is asked again with the same
// reference, or with `queries` first asked what became of it.
//
// Threading: any thread. Errors: inside of Answer; of on_inbound as Result, and then nothing is stored.
// Limits: kReplyBytes and kInboundBytes; what a channel says is cut where it is taken over.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "connectors/credentials.h"
#include "kontor/base/required.h"
#include "kontor/base/result.h"

namespace kontor::connectors {

// Where an account's door is, below the address of the instance: kDoorPrefix, connector, '/', account.
inline constexpr std::string_view kDoorPrefix = "/channels/";
[[nodiscard]] std::string door_url(std::string_view public_url, std::string_view connector,
                                   std::uint64_t account_no);

inline constexpr std::size_t kReplyBytes = 256U << 10U;   // a longer reply is none
inline constexpr std::size_t kInboundBytes = 64U << 10U;  // a longer body is refused before it is read

// ---- an order, and what becomes of it ----

// The numbers are those of ChannelOperation in attempts.proto.
enum class Operation : std::uint8_t {
    sale = 1,
    authorize = 2,
    capture = 3,
    void_authorization = 4,  // also: of a sale that waits for its payer
    refund = 5
};

struct Order {
    std::string reference;  // "att_…"
    Operation operation = Operation::sale;
    std::int64_t amount_minor = 0;
    std::uint16_t currency = 0;       // ISO 4217 numeric
    std::string method_type;          // "card"
    std::string method_token;         // as the merchant named it
    std::string channel_reference;    // capture, void, refund: of the operation it builds on
    std::string undoes;               // reference of the order that this one undoes, "" if none
    std::uint32_t earlier_tries = 0;  // 0: the first call
    std::string return_url;           // of the merchant, for the payer's way back; "" if none
    std::string door_url;  // of the account, where the channel and the payer reach us; no slash behind
};

// What the payer has to do before the channel goes on; one of the two.
struct NextAction {
    std::string redirect_url;
    std::string qr_data;
    std::int64_t expires_utc_ms = 0;  // 0: the channel did not say
};

// In the words of the Stripe-shaped API.
struct Failure {
    std::string type, code, decline_code, message;
};
// The code of a failure of the payer to prove who he is.
inline constexpr std::string_view kAuthenticationFailure = "payment_intent_authentication_failure";

struct Answer {
    enum class State : std::uint8_t { unknown, succeeded, failed, requires_action };
    State state = State::unknown;
    std::string channel_reference;  // what the channel calls it; with all but unknown
    Failure failure;                // with failed
    NextAction next_action;         // with requires_action
};
[[nodiscard]] Answer succeeded(std::string channel_reference);
[[nodiscard]] Answer failed(Failure failure);
[[nodiscard]] Answer requires_action(std::string channel_reference, NextAction action);

// ---- what goes over the wire ----

struct Header {
    std::string name, value;
};
// By a name in any case; "" if absent.
[[nodiscard]] std::string_view header_of(std::span<const Header> headers, std::string_view name);

struct Call {
    std::string method = "POST";
    std::string url;
    std::vector<Header> headers;
    std::string body;
    std::uint64_t timeout_ms = 30'000;
};
struct Reply {
    int status = 0;  // 0: nothing came
    std::vector<Header> headers;
    std::string body;
};

// What came to the account's door.
struct Inbound {
    std::string method;  // GET or POST
    std::string path;    // behind the account, without a slash before it
    std::string query;   // not decoded
    std::vector<Header> headers;
    std::string body;
    std::string door_url;
};
struct Notice {
    std::string id;         // the channel's name for it: taken once
    std::string reference;  // "att_…"
    Answer answer;
};
struct Acknowledgement {
    int status = 200;
    std::string type = "text/plain; charset=utf-8";
    std::vector<Header> headers;
    std::string body;
};
struct Handled {
    std::optional<Notice> notice;
    Acknowledgement acknowledgement;  // given when the notice is kept, and only then
    // Given in its place to a payer whose order has ended otherwise than he said: it was canceled or tried
    // again meanwhile, or paid before. Null: the same.
    std::optional<Acknowledgement> if_failed = {}, if_succeeded = {};
};

// Time and chance, so that the functions stay pure.
struct Moment {
    std::int64_t utc_ms = 0;
    std::string nonce;  // 32 letters and digits that nobody can foresee
};

// ---- the record ----

enum class Modes : std::uint8_t { test, live, both };

struct Served {
    Required<std::string_view> method;                    // type of a method's record (domains/payments)
    Required<std::span<const std::uint16_t>> currencies;  // ISO 4217 numeric; none: all
    Required<std::span<const Operation>> operations;

    [[nodiscard]] constexpr std::size_t count(Operation operation) const {
        std::size_t found = 0;
        for (const Operation offered : operations.value) found += offered == operation ? 1U : 0U;
        return found;
    }
    // Each once, and what is authorised can be captured and given back.
    [[nodiscard]] constexpr bool is_sound() const {
        for (const Operation offered : operations.value)
            if (count(offered) != 1) return false;
        return count(Operation::authorize) == 0 ||
               (count(Operation::capture) == 1 && count(Operation::void_authorization) == 1);
    }
};

struct Field {
    Required<std::string_view> name;
    Required<bool> is_secret;  // shown to nobody, whoever entered it
    Required<bool> is_required;
};

// What stands for a method in test mode: the payer of tests.
struct TestToken {
    std::string_view token, source_token;  // "pm_…", and the "tok_…" of older clients
    std::string_view method;
    std::string_view brand, last4, funding, country;
    std::uint32_t exp_month = 0, exp_year = 0;
};

using Build = std::variant<Call, Answer> (*)(const Order&, const Credentials&, const Moment&);
using Parse = Answer (*)(const Order&, const Reply&, const Credentials&, const Moment&);
using OnInbound = Result<Handled> (*)(const Inbound&, const Credentials&, const Moment&);
// The credentials of an account that nobody enters, such as a key of its own; `random` are kDrawnBytes.
using Draw = Credentials (*)(std::string_view random);
inline constexpr std::size_t kDrawnBytes = 32;

// How the channel is asked what became of an order whose answer was lost, or that waits for its payer. It
// spares the channel second orders, and does not replace what every channel must be: idempotent by reference.
// A channel that shows an order only a while after it took it answers `unknown` to a query of that while.
// `build` gives the call or, of a channel that is asked without one, the answer. `parse`: nothing: the
// channel has no such order, and it is sent; `unknown`: it is asked again.
using ParseQuery = std::optional<Answer> (*)(const Order&, const Reply&, const Credentials&, const Moment&);
struct Query {
    Required<Operation> operation;
    RequiredPointer<Build> build;
    RequiredPointer<ParseQuery> parse;
};
// The operations that are asked about before they are sent again. None: sending again is asking, since the
// channel answers the same reference with what it did.
inline constexpr std::span<const Query> kSendsAgain;

struct Connector {
    Required<std::string_view> name;   // frozen: in rows and in the door's path
    Required<std::string_view> title;  // for people
    Required<Modes> modes;
    Required<std::span<const Served>> serves;
    Required<std::span<const Field>> fields;  // of its credentials
    Required<std::span<const TestToken>> test_tokens;
    Required<Draw> draw;  // null: all are entered
    RequiredPointer<Build> build;
    RequiredPointer<Parse> parse;
    Required<std::span<const Query>> queries;  // kSendsAgain: none
    RequiredPointer<OnInbound> on_inbound;

    [[nodiscard]] constexpr bool may_serve(bool livemode) const {
        return modes.value == Modes::both || (modes.value == Modes::live) == livemode;
    }
    // Null: the operation is sent again.
    [[nodiscard]] constexpr const Query* query_of(Operation operation) const {
        for (const Query& query : queries.value)
            if (query.operation.value == operation) return &query;
        return nullptr;
    }
    [[nodiscard]] constexpr bool offers(Operation operation) const {
        for (const Served& served : serves.value)
            for (const Operation offered : served.operations.value)
                if (offered == operation) return true;
        return false;
    }
};
// Null: there is none of that name among them.
[[nodiscard]] const Connector* find(std::span<const Connector* const> among, std::string_view name);

}  // namespace kontor::connectors
