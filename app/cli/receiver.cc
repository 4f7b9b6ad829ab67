#include "receiver.h"

#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "kontor/base/bytes.h"

namespace kontor::app {
namespace {
constexpr std::int64_t kToleranceS = 300;
}

Result<std::unique_ptr<WebhookReceiver>> WebhookReceiver::start(transport::TlsIdentity identity,
                                                                const Clock& clock) {
    std::unique_ptr<WebhookReceiver> receiver(new WebhookReceiver(clock));
    http::ServerOptions options;
    options.threads = 1;
    options.tls = std::move(identity);
    options.handler = [raw = receiver.get()](const http::Request& request, const http::Responder& respond) {
        raw->handle(request, respond);
    };
    KONTOR_TRY(receiver->server_, http::Server::start(std::move(options)));
    return receiver;
}

std::string WebhookReceiver::url() const {
    return "https://127.0.0.1:" + std::to_string(server_->port()) + "/webhooks";
}

void WebhookReceiver::set_secret(crypto::Secret secret) {
    const std::lock_guard lock(mutex_);
    secret_ = std::move(secret);
}

// As a merchant's library does it: every v1 of the header may match; the time must be near.
bool WebhookReceiver::verify(const http::Request& request) const {
    const std::string header(request.header("Stripe-Signature"));
    std::string stamp;
    bool matches = false;
    std::size_t at = 0;
    while (at <= header.size()) {
        const std::size_t end = std::min(header.find(',', at), header.size());
        const std::string part = header.substr(at, end - at);
        if (part.starts_with("t=")) stamp = part.substr(2);
        if (part.starts_with("v1=")) {
            const std::string expected =
                to_hex(crypto::hmac_sha256(secret_.reveal(), stamp + "." + request.body));
            matches = matches || crypto::equal_constant_time(part.substr(3), expected);
        }
        at = end + 1;
    }
    const std::int64_t age = clock_.wall_ms() / 1000 - std::strtoll(stamp.c_str(), nullptr, 10);
    return matches && std::llabs(age) <= kToleranceS;
}

void WebhookReceiver::handle(const http::Request& request, const http::Responder& respond) {
    const auto body = nlohmann::json::parse(request.body, nullptr, false);
    if (!body.is_object() || !body.contains("id") || !body.contains("type")) {
        respond(http::Response{
            .status = 400, .headers = {}, .body = "not an event\n", .static_body = {}, .on_stream = {}});
        return;
    }
    Delivered delivered;
    delivered.event_id = body.value("id", "");
    delivered.event_type = body.value("type", "");
    if (body.contains("data") && body["data"].contains("object"))
        delivered.object_id = body["data"]["object"].value("id", "");
    {
        const std::lock_guard lock(mutex_);
        delivered.verified = verify(request);
        delivered_.push_back(delivered);
        if (delivered_.size() > kRemembered) delivered_.pop_front();
    }
    changed_.notify_all();
    respond(http::Response{.status = delivered.verified ? 200 : 400,
                           .headers = {},
                           .body = delivered.verified ? "ok\n" : "the signature does not match\n",
                           .static_body = {},
                           .on_stream = {}});
}

std::optional<Delivered> WebhookReceiver::wait_for(const std::string& type, const std::string& object_id,
                                                   std::uint64_t timeout_ms) {
    std::unique_lock lock(mutex_);
    std::optional<Delivered> found;
    changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] {
        for (const Delivered& delivered : delivered_)
            if (delivered.event_type == type && delivered.object_id == object_id) found = delivered;
        return found.has_value();
    });
    return found;
}

}  // namespace kontor::app
