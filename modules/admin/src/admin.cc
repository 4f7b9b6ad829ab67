#include "kontor/admin/admin.h"

#include <algorithm>
#include <array>

#include "context.h"
#include "encoding.h"
#include "kontor/net/uri.h"
#include "kontor/web/assets.h"
#include "sessions.h"
#include "stream.h"
#include "views.h"
#include "workers.h"

namespace kontor::admin {
namespace {

constexpr std::string_view kApi = "/admin/api/";

enum class Access : std::uint8_t { anybody, session };
enum class Place : std::uint8_t { instance, mode };  // mode: below test/ or live/
enum class Runs : std::uint8_t {
    here,
    report_thread
};  // what reads much or asks SQLite leaves the network thread

struct Parts {
    Sessions& sessions;
    Views& views;
    Streams& streams;
};

struct Route {
    std::string_view method;
    Place place;
    std::string_view pattern;  // below /admin/api/ or /admin/api/{test|live}/; one '*' is a segment
    Access access;
    Runs runs;
    void (*handle)(const Parts&, const std::shared_ptr<Call>&);
};

// The admin API on one page. docs/admin-api.md says the shapes.
constexpr std::array kRoutes{
    Route{"GET", Place::instance, "setup", Access::anybody, Runs::here,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.sessions.setup_state(c); }},
    Route{"POST", Place::instance, "setup/begin", Access::anybody, Runs::here,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.sessions.setup_begin(c); }},
    Route{"POST", Place::instance, "setup/finish", Access::anybody, Runs::here,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.sessions.setup_finish(c); }},
    Route{"POST", Place::instance, "login", Access::anybody, Runs::here,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.sessions.login(c); }},
    Route{"POST", Place::instance, "logout", Access::session, Runs::here,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.sessions.logout(c); }},
    Route{"GET", Place::instance, "session", Access::session, Runs::here,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.sessions.describe(c); }},
    Route{"GET", Place::mode, "home", Access::session, Runs::report_thread,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.views.get_home(c); }},
    Route{"GET", Place::mode, "stream", Access::session, Runs::here,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.streams.open(c); }},
    Route{"GET", Place::mode, "payments", Access::session, Runs::report_thread,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.views.list_payments(c); }},
    Route{"GET", Place::mode, "payments/*", Access::session, Runs::report_thread,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.views.get_payment(c); }},
    Route{"GET", Place::mode, "merchants", Access::session, Runs::report_thread,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.views.list_merchants(c); }},
    Route{"POST", Place::mode, "merchants", Access::session, Runs::here,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.views.create_merchant(c); }},
    Route{"GET", Place::mode, "merchants/*", Access::session, Runs::here,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.views.get_merchant(c); }},
    Route{"GET", Place::mode, "merchants/*/keys", Access::session, Runs::report_thread,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.views.list_keys(c); }},
    Route{"POST", Place::mode, "merchants/*/keys", Access::session, Runs::here,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.views.create_key(c); }},
    Route{"POST", Place::mode, "keys/*/revoke", Access::session, Runs::report_thread,
          [](const Parts& p, const std::shared_ptr<Call>& c) { p.views.revoke_key(c); }},
};

// True when `path` matches; `rest` is what stands for the '*'.
bool matches(std::string_view pattern, std::string_view path, std::string& rest) {
    const std::size_t star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == path;
    const std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
    if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after))
        return false;
    const std::string_view middle = path.substr(before.size(), path.size() - before.size() - after.size());
    if (middle.find('/') != std::string_view::npos) return false;
    rest = std::string(middle);
    return true;
}

class AdminImpl final : public Admin {
 public:
    explicit AdminImpl(AdminOptions options)
        : options_(std::move(options)),
          views_(options_, options_.clock->monotonic_ms()),
          sessions_(options_),
          streams_(options_, views_,
                   [this](const std::string& cookie) { return sessions_.find(cookie).has_value(); }) {}
    ~AdminImpl() override { stop(); }
    void stop() override { streams_.stop(); }

    void handle(net::Request request, net::Responder respond) override {
        if (request.path.starts_with(kApi)) return handle_api(std::move(request), std::move(respond));
        handle_page(request, respond);
    }

 private:
    void handle_api(net::Request request, net::Responder respond) {
        auto call = std::make_shared<Call>();
        call->request = std::move(request);
        call->respond = std::move(respond);
        call->guarded([&] { dispatch(call); });
    }

    void dispatch(const std::shared_ptr<Call>& call) {
        std::string_view path = std::string_view(call->request.path).substr(kApi.size());
        const std::size_t slash = path.find('/');
        const auto livemode = slash == std::string_view::npos ? std::nullopt : mode_of(path.substr(0, slash));
        if (livemode) {
            call->livemode = *livemode;
            path.remove_prefix(slash + 1);
        }
        const Route* found = nullptr;
        std::string allowed;
        for (const Route& route : kRoutes) {
            if ((route.place == Place::mode) != livemode.has_value()) continue;
            if (!matches(route.pattern, path, call->rest)) continue;
            allowed += (allowed.empty() ? "" : ", ") +
                       std::string(route.method == "GET" ? "GET, HEAD" : route.method);
            if (route.method == call->request.method) found = &route;
        }
        call->caller = sessions_.find(call->request);
        const bool open_to_all = found != nullptr && found->access == Access::anybody;
        if (!open_to_all && !call->caller) return call->refuse(401, "no_session", "Log in first.");
        if (found == nullptr && !allowed.empty())
            return call->refuse_with(405, {.code = "method_not_allowed", .message = "Not with this method."},
                                     {{"Allow", allowed}});
        if (found == nullptr) return call->refuse(404, "not_found", "There is nothing at this address.");
        if (!open_to_all && call->request.method != "GET" &&
            !Sessions::csrf_matches(call->request, *call->caller))
            return call->refuse(403, "csrf", "The request did not come from this page; reload it.");
        if (call->request.method != "GET" && !read_body(*call)) return;
        auto query = net::parse_query(call->request.query);
        if (!query) return call->refuse(400, "invalid", query.error().message);
        call->query = *std::move(query);
        if (says_mode_twice(*call)) return;
        if (found->runs == Runs::here) return found->handle({sessions_, views_, streams_}, call);
        const bool queued = reports_.run([this, call, found] {
            call->guarded([&] { found->handle({sessions_, views_, streams_}, call); });
        });
        if (!queued) call->refuse(429, "overloaded", "Too many reports at once; try again shortly.");
    }

    // Whoever still says the mode in the query or the body would read one mode and believe it is the other.
    static bool says_mode_twice(const Call& call) {
        const bool said = call.body.contains("mode") ||
                          std::any_of(call.query.begin(), call.query.end(),
                                      [](const auto& parameter) { return parameter.first == "mode"; });
        if (said)
            call.refuse(400, "invalid", "The mode is part of the address: /admin/api/test/ or live/.",
                        "mode");
        return said;
    }

    static bool read_body(Call& call) {
        if (call.request.body.size() > limits::kBodyMaxBytes) {
            call.refuse(413, "too_large", "The body is larger than 64 KiB.");
            return false;
        }
        // Another site's form cannot send this type without asking first.
        const bool is_json = call.request.header("Content-Type").starts_with("application/json");
        if (!is_json && !call.request.body.empty()) {
            call.refuse(415, "not_json", "Send application/json.");
            return false;
        }
        call.body = call.request.body.empty() ? nlohmann::json::object()
                                              : nlohmann::json::parse(call.request.body, nullptr, false);
        if (call.body.is_object()) return true;
        call.refuse(400, "invalid_json", "The body is no JSON object.");
        return false;
    }

    // Assets, and index.html for every address that the pages' own router knows.
    static void handle_page(const net::Request& request, const net::Responder& respond) {
        net::Response response;
        add_security_headers(response);
        if (request.method != "GET") {
            response.status = 405;
            response.headers.push_back({"Allow", "GET, HEAD"});
            return respond(std::move(response));
        }
        if (request.path == "/admin") {
            response.status = 302;
            response.headers.push_back({"Location", "/admin/"});
            return respond(std::move(response));
        }
        const std::string_view name =
            std::string_view(request.path).substr(std::string_view("/admin/").size());
        const web::Asset* asset = web::find_asset(name);
        if (asset == nullptr && name.starts_with("assets/")) {
            response.status = 404;
            return respond(std::move(response));
        }
        serve(asset != nullptr ? *asset : web::index_page(), request, std::move(response), respond);
    }

    static void serve(const web::Asset& asset, const net::Request& request, net::Response response,
                      const net::Responder& respond) {
        response.headers.push_back({"ETag", std::string(asset.etag)});
        response.headers.push_back(
            {"Cache-Control", asset.immutable ? "public, max-age=31536000, immutable" : "no-cache"});
        response.headers.push_back({"Vary", "Accept-Encoding"});
        if (matches_etag(request.header("If-None-Match"), asset.etag)) {
            response.status = 304;
            return respond(std::move(response));
        }
        response.headers.push_back({"Content-Type", std::string(asset.content_type)});
        const std::string_view accepted = request.header("Accept-Encoding");
        response.static_body = asset.identity;
        if (!asset.brotli.empty() && accepts_encoding(accepted, "br")) {
            response.static_body = asset.brotli;
            response.headers.push_back({"Content-Encoding", "br"});
        } else if (!asset.gzip.empty() && accepts_encoding(accepted, "gzip")) {
            response.static_body = asset.gzip;
            response.headers.push_back({"Content-Encoding", "gzip"});
        }
        respond(std::move(response));
    }

    const AdminOptions options_;
    Views views_;
    Sessions sessions_;
    Streams streams_;
    Workers reports_{limits::kReportThreads, limits::kReportQueue};  // last: its jobs use all of the above
};

}  // namespace

std::unique_ptr<Admin> Admin::make(AdminOptions options) {
    return std::make_unique<AdminImpl>(std::move(options));
}

}  // namespace kontor::admin
