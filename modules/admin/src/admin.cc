#include "kontor/admin/admin.h"

#include <algorithm>
#include <array>

#include "catalogue.h"
#include "domains/all.h"
#include "domains/instance/permissions.h"
#include "domains/operators/permissions.h"
#include "domains/routes.h"
#include "encoding.h"
#include "home.h"
#include "kontor/machine/limits.h"
#include "kontor/uri/uri.h"
#include "kontor/web/assets.h"
#include "sessions.h"
#include "stream.h"
#include "workers.h"

namespace kontor::admin {
namespace {

constexpr std::string_view kApi = "/admin/api/";

// What this module's own routes ask: sessions, the first page and its events are no resource's.
struct Parts : surface::office::Host {
    Sessions* sessions = nullptr;
    Home* home = nullptr;
    Streams* streams = nullptr;
};
const Parts& parts(const CallPtr& call) {
    return static_cast<const Parts&>(*call->host);
}

using machine::kAnybody;
using operators::permission::session;
using surface::kNone;
using surface::office::Place;
using surface::office::Route;
using surface::office::Runs;

constexpr std::array<std::string_view, 3> kBegin = {"token", "name", "password"};
constexpr std::array<std::string_view, 5> kFinish = {"token", "name", "password", "totp_secret", "code"};
constexpr std::array<std::string_view, 3> kLogin = {"name", "password", "code"};

// clang-format off
constexpr std::array kRoutes{
    Route{"GET",  Place::instance, "setup",        &kAnybody, Runs::here, [](const CallPtr& c) { parts(c).sessions->setup_state(c); }, kNone},
    Route{"POST", Place::instance, "setup/begin",  &kAnybody, Runs::here, [](const CallPtr& c) { parts(c).sessions->setup_begin(c); }, kBegin},
    Route{"POST", Place::instance, "setup/finish", &kAnybody, Runs::here, [](const CallPtr& c) { parts(c).sessions->setup_finish(c); }, kFinish},
    Route{"POST", Place::instance, "login",        &kAnybody, Runs::here, [](const CallPtr& c) { parts(c).sessions->login(c); }, kLogin},
    Route{"POST", Place::instance, "logout",       &session,  Runs::here, [](const CallPtr& c) { parts(c).sessions->logout(c); }, kNone},
    Route{"GET",  Place::instance, "session",      &session,  Runs::here, [](const CallPtr& c) { parts(c).sessions->describe(c); }, kNone},
    Route{"GET",  Place::mode,     "home",         &instance::permission::home, Runs::report_thread, [](const CallPtr& c) { parts(c).home->get(c); }, kNone},
    Route{"GET",  Place::mode,     "stream",       &instance::permission::home, Runs::here, [](const CallPtr& c) { parts(c).streams->open(c); }, kNone},
};
// clang-format on
static_assert(surface::office::routes_are_sound(kRoutes));

constinit const surface::office::Resource kOwn = {.routes = kRoutes};

}  // namespace

const surface::office::Catalogue& catalogue() {
    static const surface::office::Catalogue all = [] {
        std::vector<const surface::office::Resource*> resources = {&kOwn};
        resources.insert(resources.end(), domains::admin().begin(), domains::admin().end());
        return surface::office::Catalogue(resources);
    }();
    return all;
}

namespace {

class AdminImpl final : public Admin {
 public:
    explicit AdminImpl(AdminOptions options)
        : options_(std::move(options)),
          home_(options_, options_.clock->monotonic_ms()),
          sessions_(options_),
          streams_(options_, home_,
                   [this](const std::string& cookie) { return sessions_.find(cookie).has_value(); }) {
        parts_.service = options_.node;
        parts_.reports = options_.reports;
        parts_.clock = options_.clock;
        parts_.sealer = options_.sealer;
        parts_.registry = &domains::registry();
        parts_.sessions = &sessions_;
        parts_.home = &home_;
        parts_.streams = &streams_;
    }
    ~AdminImpl() override { stop(); }
    void stop() override { streams_.stop(); }

    void handle(http::Request request, http::Responder respond) override {
        if (request.path.starts_with(kApi)) return handle_api(std::move(request), std::move(respond));
        handle_page(request, respond);
    }

 private:
    void handle_api(http::Request request, http::Responder respond) {
        auto call = std::make_shared<Call>();
        call->host = &parts_;
        call->request = std::move(request);
        call->respond = std::move(respond);
        call->guarded([&] { dispatch(call); });
    }

    void dispatch(const std::shared_ptr<Call>& call) {
        std::string_view path = std::string_view(call->request.path).substr(kApi.size());
        const std::size_t slash = path.find('/');
        const auto livemode =
            slash == std::string_view::npos ? std::nullopt : surface::office::mode_of(path.substr(0, slash));
        if (livemode) {
            call->livemode = *livemode;
            path.remove_prefix(slash + 1);
        }
        auto match = catalogue().match(call->request.method, livemode ? Place::mode : Place::instance, path);
        const Route* const found = match.route;
        call->rest = std::move(match.rest);
        call->caller = sessions_.find(call->request);
        const bool open_to_all = found != nullptr && found->permission.value == &kAnybody;
        if (!open_to_all && !call->caller) return call->refuse(401, "no_session", "Log in first.");
        if (found == nullptr && !match.allow.empty())
            return call->refuse_with(405, {.code = "method_not_allowed", .message = "Not with this method."},
                                     {{"Allow", match.allow}});
        if (found == nullptr) return call->refuse(404, "not_found", "There is nothing at this address.");
        if (!open_to_all && call->request.method != "GET" &&
            !Sessions::csrf_matches(call->request, *call->caller))
            return call->refuse(403, "csrf", "The request did not come from this page; reload it.");
        if (!open_to_all && !may(*call, *found))
            return call->refuse(403, "forbidden", "Your role does not allow this.");
        if (call->request.method != "GET" && !read_body(*call, *found)) return;
        auto query = uri::parse_query(call->request.query);
        if (!query) return call->refuse(400, "invalid", query.error().message);
        call->query = *std::move(query);
        if (says_mode_twice(*call)) return;
        if (found->runs.value == Runs::here) return found->handle.value(call);
        const bool queued =
            reports_.run([call, found] { call->guarded([&] { found->handle.value(call); }); });
        if (!queued) call->refuse(429, "overloaded", "Too many reports at once; try again shortly.");
    }

    [[nodiscard]] bool may(const Call& call, const Route& route) const {
        const machine::Role* const role = options_.role(call.caller->role);
        return role != nullptr && role->may(*route.permission.value);
    }

    // Whoever still says the mode in the query or the body would read one mode and believe it is the other.
    static bool says_mode_twice(const Call& call) {
        const bool said = !call.body["mode"].is_absent() ||
                          std::any_of(call.query.begin(), call.query.end(),
                                      [](const auto& parameter) { return parameter.first == "mode"; });
        if (said)
            call.refuse(400, "invalid", "The mode is part of the address: /admin/api/test/ or live/.",
                        "mode");
        return said;
    }

    static bool read_body(Call& call, const Route& route) {
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
        if (call.request.body.empty()) return true;
        auto body = JsonValue::parse(call.request.body);
        if (!body || !body->is_object()) {
            call.refuse(400, "invalid_json", "The body is no JSON object.");
            return false;
        }
        call.body = *std::move(body);
        for (const JsonValue& member : call.body.items()) {
            const std::string& name = member.name();
            const std::span<const std::string_view> members = route.members;
            if (name == "reason" || name == "mode" || std::ranges::find(members, name) != members.end())
                continue;
            call.refuse(422, "member_unknown", "This request has no such member.", name);
            return false;
        }
        const JsonValue& reason = call.body["reason"];
        const auto text = reason.text();
        if (reason.is_absent() || (text && text->size() <= machine::limits::kReasonBytes)) return true;
        call.refuse(422, "reason_invalid", "A reason is a text of at most 500 bytes.", "reason");
        return false;
    }

    // Assets, and index.html for every address that the pages' own router knows.
    static void handle_page(const http::Request& request, const http::Responder& respond) {
        http::Response response;
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

    static void serve(const web::Asset& asset, const http::Request& request, http::Response response,
                      const http::Responder& respond) {
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
    Home home_;
    Sessions sessions_;
    Streams streams_;
    Parts parts_;
    Workers reports_{limits::kReportThreads, limits::kReportQueue};  // last: its jobs use all of the above
};

}  // namespace

std::unique_ptr<Admin> Admin::make(AdminOptions options) {
    return std::make_unique<AdminImpl>(std::move(options));
}

}  // namespace kontor::admin
