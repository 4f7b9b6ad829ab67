#include "kontor/inbox/door.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "domains/attempts/ids.h"
#include "domains/channels/channels.h"
#include "domains/channels/limits.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/base/address_key.h"
#include "kontor/base/log.h"
#include "kontor/base/rate_limit.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/json/error_object.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/outbox/channel_answer.h"

namespace kontor::inbox {

namespace {

constexpr std::uint64_t kBurstSeconds = 2;
constexpr std::uint64_t kMsPerSecond = 1'000;
constexpr std::size_t kNonceCharacters = 32;
constexpr std::string_view kNotThere = "There is nothing at this address.";

http::Response problem(int status, std::string_view message) {
    http::Response response;
    response.status = status;
    response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
    if (status == 429 || status == 503) response.headers.push_back({"Retry-After", "1"});
    response.body = error_json(status, message);
    return response;
}

http::Response wrong_method() {
    http::Response response = problem(405, "A channel's door knows GET and POST.");
    response.headers.push_back({"Allow", "GET, POST"});
    return response;
}

// HEAD would be a GET whose answer nobody sees, and a channel may say something by a GET.
bool is_known_method(const http::Request& request) {
    return !request.is_head && (request.method == "GET" || request.method == "POST");
}

std::unique_ptr<TokenBuckets> buckets(std::uint64_t per_second) {
    if (per_second == 0) return nullptr;
    BucketOptions options;
    options.tokens = per_second;
    options.per_ms = kMsPerSecond;
    options.burst = per_second * kBurstSeconds;
    return std::make_unique<TokenBuckets>(options);
}

// connector/account/rest
struct Address {
    std::string_view connector, rest;
    std::uint64_t account_no = 0;
};
std::optional<Address> address_of(std::string_view path) {
    if (!Door::owns(path)) return std::nullopt;
    path.remove_prefix(connectors::kDoorPrefix.size());
    Address address;
    const std::size_t first = path.find('/');
    if (first == std::string_view::npos) return std::nullopt;
    address.connector = path.substr(0, first);
    path.remove_prefix(first + 1);
    const std::size_t second = std::min(path.find('/'), path.size());
    const std::string_view number = path.substr(0, second);
    address.rest = path.substr(std::min(second + 1, path.size()));
    const auto [end, ec] = std::from_chars(number.data(), number.data() + number.size(), address.account_no);
    const bool is_number = ec == std::errc{} && end == number.data() + number.size() && number[0] != '0';
    return is_number ? std::optional(address) : std::nullopt;
}

http::Response response_of(connectors::Acknowledgement acknowledgement) {
    http::Response response;
    response.status = acknowledgement.status;
    response.headers = {{"Content-Type", std::move(acknowledgement.type)}};
    for (connectors::Header& header : acknowledgement.headers)
        response.headers.push_back({std::move(header.name), std::move(header.value)});
    response.body = std::move(acknowledgement.body);
    return response;
}

// What a payer is told whose order may have ended otherwise than he said.
const connectors::Acknowledgement& acknowledgement_of(const connectors::Handled& handled,
                                                      const pb::Result& result) {
    const bool has_failed = result.outcome() == machine::outcome::resource_missing ||
                            result.attempt_state() == pb::ATTEMPT_FAILED;
    if (has_failed && handled.if_failed) return *handled.if_failed;
    if (result.attempt_state() == pb::ATTEMPT_SUCCEEDED && handled.if_succeeded) return *handled.if_succeeded;
    return handled.acknowledgement;
}

class DoorImpl final : public Door {
 public:
    explicit DoorImpl(DoorOptions options)
        : options_(std::move(options)),
          per_address_(buckets(options_.per_address)),
          refused_by_address_(buckets(options_.refused)),
          taken_(counter("taken")),
          refused_(counter("refused")),
          not_taken_(counter("not_taken")) {}

    http::Admission admit(const http::Request& head) const override {
        http::Admission admission;
        admission.max_body_bytes = connectors::kInboundBytes;
        if (!is_known_method(head)) admission.refusal = wrong_method();
        return admission;
    }

    void handle(http::Request request, http::Responder respond) override {
        try {
            serve(std::move(request), respond);
        } catch (const std::exception& failure) {
            log::error("inbox", failure.what());
            respond(problem(503, "This node cannot take it now."));
        }
    }

 private:
    telemetry::Counter& counter(const char* outcome) {
        return options_.metrics->counter("kontor_channel_notices_total",
                                         "Requests at the door of channels by outcome.",
                                         telemetry::label("outcome", outcome));
    }

    [[nodiscard]] bool is_admitted(TokenBuckets* limit, const http::Request& request) const {
        return limit == nullptr ||
               limit->take(address_key(request.peer_ip), options_.clock->monotonic_ms()).allowed;
    }

    void refuse(const http::Request& request, const http::Responder& respond, http::Response response) const {
        refused_.add();
        if (!is_admitted(refused_by_address_.get(), request))
            return respond(problem(429, "Too many requests."));
        respond(std::move(response));
    }

    [[nodiscard]] std::optional<pb::ChannelAccount> account_of(const Address& address,
                                                               const connectors::Connector& connector) const {
        std::optional<pb::ChannelAccount> account;
        options_.service->read([&](const store::Reader& rows, std::uint64_t) {
            account = channels::find_account(rows, address.account_no);
        });
        if (!account || account->connector() != connector.name.value ||
            !connector.may_serve(account->livemode()))
            return std::nullopt;
        return account;
    }

    void serve(http::Request request, const http::Responder& respond) {
        if (!is_known_method(request)) return respond(wrong_method());
        if (!is_admitted(per_address_.get(), request)) return respond(problem(429, "Too many requests."));
        if (request.body.size() > connectors::kInboundBytes)  // passed on by a node that did not look
            return respond(problem(413, "The body is too long."));
        const auto address = address_of(request.path);
        const auto* connector = address ? connectors::find(options_.connectors, address->connector) : nullptr;
        const auto account = connector != nullptr ? account_of(*address, *connector) : std::nullopt;
        if (!account) return refuse(request, respond, problem(404, kNotThere));
        const auto credentials =
            connectors::Credentials::unseal(*options_.sealer, account->sealed_credentials());
        if (!credentials) {
            say_closed(account->no());
            return respond(problem(503, "This node cannot take it now."));
        }
        connectors::Inbound inbound;
        inbound.method = request.method;
        inbound.path = std::string(address->rest);
        inbound.query = std::move(request.query);
        for (http::Header& header : request.headers)
            inbound.headers.push_back({std::move(header.name), std::move(header.value)});
        inbound.body = std::move(request.body);
        inbound.door_url = connectors::door_url(options_.public_url ? options_.public_url() : std::string(),
                                                address->connector, account->no());
        const connectors::Moment now{
            options_.clock->wall_ms(),  // house: wall: signatures name the time of day
            crypto::random_token(kNonceCharacters)};
        auto handled = connector->on_inbound.value(inbound, *credentials, now);
        if (!handled) return refuse(request, respond, refusal(handled.error()));
        if (!handled->notice) return respond(response_of(std::move(handled->acknowledgement)));
        take(*account, *std::move(handled), respond);
    }

    [[nodiscard]] static http::Response refusal(const Error& error) {
        switch (error.code) {
            case ErrorCode::permission_denied:
            case ErrorCode::unauthenticated:
                return problem(401, error.message);
            case ErrorCode::not_found:
                return problem(404, kNotThere);
            default:
                return problem(400, error.message);
        }
    }

    // Once a minute an account: a channel repeats what was not taken.
    void say_closed(std::uint64_t account_no) {
        if (!lines_.take(std::to_string(account_no), options_.clock->monotonic_ms()).allowed) return;
        log::error("inbox",
                   "event=channel_closed account=" + std::to_string(account_no) +
                       " its credentials cannot be opened: is this the key file they were sealed with?");
    }

    // Acknowledged when the log has it.
    void take(const pb::ChannelAccount& account, connectors::Handled handled,
              const http::Responder& respond) {
        const connectors::Notice& notice = *handled.notice;
        const auto attempt_no = parse_id(attempts::prefix::attempt, notice.reference);
        if (!attempt_no || notice.id.empty() || notice.id.size() > channels::limits::kNoticeIdBytes) {
            // Of another system with the same account, or of none: saying it again would not help.
            log::warning("inbox", "event=notice_of_nothing account=" + std::to_string(account.no()) +
                                      " a notice names no order of this instance");
            return respond(response_of(std::move(handled.acknowledgement)));
        }
        pb::Command command = machine::new_command(pb::Actor::CHANNEL);
        pb::ChannelNotified& notified = *mutable_body(command, pb::channel_notified);
        notified.set_account_no(account.no());
        notified.set_notice_id(notice.id);
        *notified.mutable_answer() = outbox::channel_answer(*attempt_no, notice.answer);
        options_.service->submit(
            std::move(command), [respond, &taken = taken_, &not_taken = not_taken_,
                                 handled = std::move(handled)](const Result<machine::Answer>& answer) {
                if (!answer) {
                    not_taken.add();
                    return respond(problem(503, "This node cannot take it now."));
                }
                const std::uint32_t outcome = answer->result.outcome();
                if (outcome == machine::outcome::ok || outcome == machine::outcome::resource_missing) {
                    taken.add();
                    return respond(response_of(acknowledgement_of(handled, answer->result)));
                }
                not_taken.add();
                respond(problem(503, answer->result.error().message()));
            });
    }

    const DoorOptions options_;
    const std::unique_ptr<TokenBuckets> per_address_, refused_by_address_;
    TokenBuckets lines_{kLineAMinute};  // of the log, by account
    telemetry::Counter& taken_;
    telemetry::Counter& refused_;
    telemetry::Counter& not_taken_;
};

}  // namespace

std::unique_ptr<Door> Door::make(DoorOptions options) {
    return std::make_unique<DoorImpl>(std::move(options));
}

}  // namespace kontor::inbox
