#include "kontor/api/api.h"

#include "domains/all.h"
#include "domains/routes.h"
#include "impl.h"
#include "kontor/base/log.h"
#include "kontor/surface/openapi.h"

namespace kontor::api {

using namespace surface;  // routes and errors

namespace {

// The description is about the API itself, and no resource's.
void openapi(const CallPtr& call) {
    call->reply(Api::openapi_json(), 0);
}

constexpr std::array kRoutes = {
    Route{"GET", "/v1/openapi.json", "openapi", &machine::kAnybody, Work::read, Shape::document, "openapi",
          kNone, openapi, "This description"},
};
static_assert(routes_are_sound(kRoutes));

constinit const Resource kOwn = {
    .routes = kRoutes,
    .names = kNone,
    .objects = kNone,
    .silent_events = kNone,
    .explain = nullptr,
    .schemas = nullptr,
};

}  // namespace

const Catalogue& catalogue() {
    static const Catalogue all = [] {
        std::vector<const Resource*> resources(domains::api().begin(), domains::api().end());
        resources.push_back(&kOwn);
        return Catalogue(domains::registry(), resources);
    }();
    return all;
}

Metrics::Metrics(telemetry::Registry& registry)
    : registry_(registry), routes_(catalogue().routes().size() + 1) {
    const std::span<const Route> known = catalogue().routes();
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        PerRoute& entry = routes_[i];
        entry.label = i < known.size() ? known[i].operation.value : std::string_view("unknown");
        entry.latency = &registry.histogram("kontor_api_request_seconds", "Time from request to answer",
                                            telemetry::label("operation", entry.label));
    }
}

void Metrics::record(const Route* route, int status, std::uint64_t microseconds) {
    PerRoute& entry = routes_[catalogue().index_of(route)];
    entry.latency->record_us(microseconds);
    std::size_t slot = 0;
    while (slot < kStatuses.size() && kStatuses[slot] != status) ++slot;
    telemetry::Counter* counter = entry.by_status[slot].load(std::memory_order_acquire);
    if (counter == nullptr) {
        // Two threads may both get here: the registry gives them the same counter.
        const std::string text = slot < kStatuses.size() ? std::to_string(status) : "other";
        counter = &registry_.counter(
            "kontor_api_requests_total", "Requests to the merchant API",
            telemetry::label("operation", entry.label) + "," + telemetry::label("status", text));
        entry.by_status[slot].store(counter, std::memory_order_release);
    }
    counter->add();
}

namespace {

// A method that the URL does not know is answered as a URL that is not there: client libraries take 405 for a
// fault of the server.
ApiError unrecognized(const Call& call) {
    const std::string what = printable(call.request.method) + ": " + printable(call.request.path);
    ApiError error =
        invalid("Unrecognized request URL (" + what + "). See GET /v1/openapi.json for what there is.");
    error.status = 404;
    return error;
}

}  // namespace

Api::Impl::Impl(ApiOptions the_options)
    : options(std::move(the_options)), metrics(*options.metrics), limiter(options.limits, *options.metrics) {
    service = options.service;
    sealer = options.sealer;
    clock = options.clock;
    random_token = options.random_token;
    delivers_to_http = options.delivers_to_http;
    delivers_to_private_addresses = options.delivers_to_private_addresses;
    catalogue = &api::catalogue();
}

void Api::Impl::answered(const Call& call, int status, std::uint64_t microseconds) {
    metrics.record(call.route, status, microseconds);
}

void Api::Impl::serve(const CallPtr& call) {
    Match found = catalogue->match(call->request.method, call->request.path);
    if (found.route == nullptr) return call->refuse(unrecognized(*call));
    call->route = found.route;
    call->path_params = std::move(found.path_params);
    if (found.route->shape.value == Shape::document) return found.route->handler.value(call);

    if (!options.ready()) {
        return call->refuse(Error{ErrorCode::unavailable, "not ready"});
    }
    if (!limiter.admits_address(*call)) return call->refuse(Limiter::error());
    if (const auto error = authenticate(*call, options.key_role))
        return call->refuse(limiter.admits_wrong_key(*call) ? *error : Limiter::error());
    if (!limiter.admits_caller(*call)) return call->refuse(Limiter::error());
    if (const auto error = authorize(*call)) return call->refuse(*error);
    if (const auto error = read_headers(*call)) return call->refuse(*error);
    if (const auto error = read_params(*call)) return call->refuse(*error);
    if (!found.route->is_expensive(call->request)) return found.route->handler.value(call);
    const auto run = [call, this] {  // the call keeps its host
        const std::uint64_t started_us = clock->monotonic_us();
        guarded(*call, [&] { call->route->handler.value(call); });
        limiter.spent(*call, clock->monotonic_us() - started_us);
    };
    if (reads == nullptr) return run();
    const auto dropped = [call] { call->refuse(Limiter::error()); };
    if (!reads->run(call->caller.scope, {run, dropped})) dropped();
}

void Api::Impl::guarded(Call& call, const std::function<void()>& work) {
    // The last net: a request is always answered, and nothing is thrown into the threads.
    try {
        work();
    } catch (const store::StoreFailure& failure) {
        log::error("api", call.request_id + ": " + failure.what());
        call.refuse(Error{ErrorCode::unavailable, failure.what()});
    } catch (const std::exception& failure) {
        log::error("api", call.request_id + ": " + failure.what());
        call.refuse(Error{ErrorCode::internal, failure.what()});
    }
}

Api::Api(ApiOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {
    if (impl_->options.limits.expensive_threads == 0) return;
    reads_ = std::make_unique<ReadPool>(impl_->options.limits.expensive_threads);
    impl_->reads = reads_.get();
}
Api::~Api() = default;

void Api::stop() {
    if (reads_) reads_->stop();
}

bool Api::owns(std::string_view path) {
    return path.starts_with("/v1/");
}

void Api::handle(http::Request request, http::Responder respond) {
    const auto call = std::make_shared<Call>(impl_, std::move(request), std::move(respond));
    Impl::guarded(*call, [&] { impl_->serve(call); });
}

http::Admission Api::admit(const http::Request& head, bool is_final) {
    http::Admission admission;
    const auto call = std::make_shared<Call>(
        impl_, head, [&admission](http::Response response) { admission.refusal = std::move(response); });
    Match found = impl_->catalogue->match(head.method, head.path);
    if (found.route == nullptr) {
        call->refuse(unrecognized(*call));
        return admission;
    }
    call->route = found.route;
    if (found.route->shape.value == Shape::document) {
        admission.max_body_bytes = 0;
        return admission;
    }
    try {
        if (!is_final && !impl_->options.ready()) return admission;
        if (!impl_->options.ready()) {
            call->refuse(Error{ErrorCode::unavailable, "not ready"});
        } else if (const auto error = authenticate(*call, impl_->options.key_role); !error) {
            admission.account = call->caller.key_no;
            // Counted when the body is there; until then it is only asked whether that is worth while.
            if (!impl_->limiter.would_admit(*call)) call->refuse(Limiter::error());
        } else if (is_final) {
            const Limiter& limiter = impl_->limiter;
            call->refuse(limiter.admits_address(*call) && limiter.admits_wrong_key(*call) ? *error
                                                                                          : Limiter::error());
        }
    } catch (const std::exception& failure) {
        log::error("api", call->request_id + ": " + failure.what());
        call->refuse(Error{ErrorCode::unavailable, failure.what()});
    }
    return admission;
}

const std::string& Api::openapi_json() {
    static const std::string document = build_openapi(catalogue());
    return document;
}

http::RequestKind Api::kind_of(const http::Request& request) {
    http::RequestKind kind;
    const Route* const route = catalogue().route_of(request.method, request.path);
    if (route == nullptr) {
        kind.is_read = request.method == "GET";  // it will be refused
    } else {
        kind.is_read = route->is_read();
        kind.is_costly = kind.is_read && route->is_expensive(request);
    }
    kind.is_repeatable = kind.is_read || !request.header("Idempotency-Key").empty();
    return kind;
}

}  // namespace kontor::api
