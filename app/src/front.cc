#include "front.h"

#include "kontor/admin/limits.h"
#include "kontor/http/client_address.h"
#include "kontor/json/error_object.h"

namespace kontor::app {
namespace {

http::Response text(int status, std::string body) {
    http::Response response;
    response.status = status;
    response.headers = {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}};
    response.body = std::move(body);
    return response;
}

bool is_loopback(const std::string& ip) {
    return ip == "::1" || ip.starts_with("127.") || ip.starts_with("::ffff:127.");
}

// The host that a client asked for, without a port: not a name that is served to the world.
bool names_this_machine(std::string_view host) {
    if (host.starts_with('[')) return host.starts_with("[::1]");
    const std::string name(host.substr(0, host.find(':')));
    return name == "localhost" || is_loopback(name);
}

// Not that a proxy on this machine passed it on for a stranger. Proxies say so in some field or other, or
// speak HTTP/1.0 as nginx does, or pass on the name that the stranger asked for. One that does none of this
// needs metrics.port.
bool is_of_this_machine(const http::Request& request) {
    return is_loopback(request.peer_ip) && !request.is_from_proxy && !request.is_http10 &&
           http::is_plain_scrape(request.headers) && names_this_machine(request.header("host"));
}

http::Response unrecognized() {
    http::Response response = text(
        404, error_json(404, "Unrecognized request URL. The API is below /v1/, the admin UI below /admin/."));
    response.headers[0].value = "application/json";
    return response;
}

bool is_admin(std::string_view path) {
    return path == "/admin" || path.starts_with("/admin/");
}

// What takes no body, and is no other module's.
bool is_own_page(std::string_view path) {
    return path == "/livez" || path == "/readyz" || path == "/metrics" || path == "/";
}

}  // namespace

http::Admission Front::admit(const http::Request& head) const {
    if (head.path.starts_with("/v1/")) {
        const bool is_alone = cluster == nullptr || !cluster->is_member();
        return api->admit(head, is_alone);
    }
    if (inbox::Door::owns(head.path)) return door->admit(head);
    http::Admission admission;
    if (!is_admin(head.path) && !is_own_page(head.path)) admission.refusal = unrecognized();
    admission.max_body_bytes = head.path.starts_with("/admin/api/") ? admin::limits::kBodyMaxBytes : 0;
    return admission;
}

http::RequestKind Front::kind_of(const http::Request& request) {
    if (api::Api::owns(request.path)) return api::Api::kind_of(request);
    http::RequestKind kind;
    if (inbox::Door::owns(request.path)) {
        kind.is_repeatable = true;  // a notice is taken once, and always by the leader
        return kind;
    }
    kind.is_read = request.method == "GET";
    kind.is_repeatable = kind.is_read;  // only the merchants' interface looks at idempotency keys
    return kind;
}

void Front::handle_here(http::Request request, http::Responder respond) const {
    if (request.path.starts_with("/v1/")) return api->handle(std::move(request), std::move(respond));
    if (inbox::Door::owns(request.path)) return door->handle(std::move(request), std::move(respond));
    admin->handle(std::move(request), std::move(respond));
}

void Front::handle_metrics_port(http::Request request, http::Responder respond) const {
    if (request.path == "/metrics") return respond(text(200, metrics->text()));
    respond(text(404, "only /metrics is here\n"));
}

void Front::handle(http::Request request, http::Responder respond) const {
    const std::string& path = request.path;
    // Here, since what is passed on does not say any more that it was HEAD.
    const bool is_door = inbox::Door::owns(path);
    if (is_door)
        if (auto refusal = door->admit(request).refusal) return respond(*std::move(refusal));
    if (path.starts_with("/v1/") || is_admin(path) || is_door) {
        if (cluster != nullptr && cluster->is_member())
            return cluster->handle(std::move(request), std::move(respond));
        if (auto refused = cluster::refused_position(request)) return respond(*std::move(refused));
        return handle_here(std::move(request), std::move(respond));
    }
    if (path == "/livez") return respond(text(200, "ok\n"));
    if (path == "/readyz") {
        const bool is_draining = draining.load(std::memory_order_relaxed);
        const bool is_ready = !is_draining && ready();
        const bool is_verbose = ("&" + request.query).find("&verbose") != std::string::npos;
        std::string body = is_draining ? "draining\n" : is_ready ? "ready\n" : "not ready\n";
        if (is_verbose && ready_details) body += ready_details();
        return respond(text(is_ready ? 200 : 503, std::move(body)));
    }
    if (path == "/metrics" && !has_metrics_port && is_of_this_machine(request))
        return respond(text(200, metrics->text()));
    if (path == "/") {
        http::Response response = text(302, "");
        response.headers.push_back({"Location", "/admin/"});
        return respond(std::move(response));
    }
    respond(unrecognized());
}

}  // namespace kontor::app
