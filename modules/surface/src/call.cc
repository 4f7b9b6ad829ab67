#include "kontor/surface/call.h"

#include <algorithm>

#include "kontor/base/clock.h"
#include "kontor/base/log.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/crypto/public_id.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/events.h"
#include "kontor/machine/expand.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/surface/catalogue.h"

namespace kontor::surface {

namespace {

constexpr std::size_t kRequestIdCharacters = 14;

// What makes a retried request the same request.
std::string params_hash(const Call& call) {
    return crypto::sha256(call.request.method + '\n' + call.request.path + '\n' + canonical(call.params));
}

// What is missing and stood in no parameter stood in the path: 404, under the path parameter's own name.
void name_path_param(const Call& call, ApiError& error) {
    if (error.code != "resource_missing" || call.path_params.empty() ||
        call.params.find(error.param) != nullptr)
        return;
    error.status = 404;
    error.param = std::string(call.route->path_param());
}

void log_failure(const Call& call, std::string_view what) {
    log::error("api", call.request_id + ": " + std::string(what));
}

}  // namespace

Call::Call(std::shared_ptr<Host> the_host, http::Request the_request, http::Responder the_responder)
    : host(std::move(the_host)), request(std::move(the_request)), respond(std::move(the_responder)) {
    request_id = std::string(machine::prefix::request) + '_' + host->random_token(kRequestIdCharacters);
    api_version = machine::kApiVersion;
    started_us = host->clock->monotonic_us();
}

void Call::reply(std::string body, std::uint64_t log_index, bool replayed) {
    send(200, std::move(body), nullptr, log_index, replayed);
}

void Call::refuse(const ApiError& error, std::uint64_t log_index, bool replayed) {
    send(error.status, error_json(error), &error, log_index, replayed);
}

// Only of what a POST without a key may have done nobody can be told to ask again.
void Call::refuse(const Error& failure) {
    const bool is_repeatable = request.method != "POST" || !request.header("Idempotency-Key").empty();
    refuse(from_failure(failure, is_repeatable));
}

void Call::send(int status, std::string body, const ApiError* error, std::uint64_t log_index, bool replayed) {
    if (answered_) return;
    answered_ = true;
    http::Response response;
    response.status = status;
    response.account = caller.key_no;
    if (error != nullptr) response.outcome = error->outcome;
    response.body = std::move(body);
    response.headers.reserve(12);
    response.headers.push_back(
        {"Content-Type", error == nullptr ? std::string(content_type) : "application/json"});
    response.headers.push_back({"Cache-Control", "no-cache, no-store"});
    response.headers.push_back({"Request-Id", request_id});
    response.headers.push_back({"Stripe-Version", api_version});
    if (!idempotency_key.empty()) response.headers.push_back({"Idempotency-Key", idempotency_key});
    if (replayed) response.headers.push_back({"Idempotent-Replayed", "true"});
    if (log_index != 0)
        response.headers.push_back({"Kontor-Log-Index", format_position({kFirstGroup, log_index})});
    if (status == 401) response.headers.push_back({"WWW-Authenticate", "Bearer realm=\"Kontor\""});
    if (rate.limit != 0) {
        response.headers.push_back({"RateLimit-Limit", std::to_string(rate.limit)});
        response.headers.push_back({"RateLimit-Remaining", std::to_string(rate.remaining)});
        response.headers.push_back({"RateLimit-Reset", std::to_string(rate.reset_s)});
    }
    if (error != nullptr && (error->retry || error->never_retry)) {
        if (error->retry || status == 503)
            response.headers.push_back(
                {"Retry-After", std::to_string(std::max<std::uint64_t>(1, rate.retry_s))});
        response.headers.push_back({"Stripe-Should-Retry", error->retry ? "true" : "false"});
    }
    host->answered(*this, status, host->clock->monotonic_us() - started_us);
    if (into_ != nullptr) {
        *into_ = std::move(response);
    } else {
        respond(std::move(response));
    }
}

std::optional<std::uint64_t> Call::path_no(std::string_view id_prefix) {
    const auto no = parse_id(id_prefix, path_params.at(0));
    if (!no) refuse(not_found(id_prefix));
    return no;
}

ApiError Call::not_found(std::string_view id_prefix) const {
    return no_such(object_name(host->catalogue->names(), id_prefix), path_params.at(0),
                   std::string(route->path_param()), true);
}

std::uint64_t Call::number_of(std::string_view param, std::string_view id_prefix) const {
    const auto text = params.text_of(param);
    return text ? parse_id(id_prefix, *text).value_or(0) : 0;
}

std::string Call::random(std::size_t characters) const {
    return host->random_token(characters);
}

machine::Expansion Call::expansion(const pb::Result& found) const {
    return machine::Expansion{&host->catalogue->registry(), &found.expanded(), expand};
}

pb::Command Call::command() const {
    pb::Command command = machine::new_command(pb::Actor::API_KEY);
    command.set_merchant_no(caller.scope.merchant_no);
    command.set_livemode(caller.scope.livemode);
    command.mutable_actor()->set_no(caller.key_no);
    command.mutable_actor()->set_ip(request.peer_ip);
    command.set_request_id(request_id);
    if (!idempotency_key.empty()) {
        command.set_idempotency_key(idempotency_key);
        command.set_params_hash(params_hash(*this));
    }
    for (const std::string& path : expand) command.add_expand(path);
    return command;
}

void Call::submit(pb::Command the_command, Render render) {
    submit_raw(std::move(the_command),
               [render = std::move(render)](Call& self, const pb::Result& result, std::uint64_t log_index) {
                   self.reply(render(self, result), log_index, result.replayed());
               });
}

void Call::submit_raw(pb::Command the_command, Finish finish_with) {
    host->service->submit(
        std::move(the_command),
        [self = shared_from_this(), finish_with = std::move(finish_with)](Result<machine::Answer> answer) {
            if (!answer) {
                self->refuse(answer.error());
                return;
            }
            if (!answer->keep) {
                self->finish(answer->result, answer->log_index, finish_with);
                return;
            }
            // The thread that completes commands has the next ones to do: the session's own renders.
            http::Response later;
            later.prepare = [self, finish_with, keep = answer->keep, result = &answer->result,
                             log_index = answer->log_index](http::Response& response) {
                self->into_ = &response;
                self->finish(*result, log_index, finish_with);
                self->into_ = nullptr;
            };
            self->respond(std::move(later));
        });
}

// The last net: whatever rendering throws must not reach the node's thread.
void Call::finish(const pb::Result& result, std::uint64_t log_index, const Finish& finish_with) {
    try {
        if (result.outcome() == machine::outcome::ok) {
            finish_with(*this, result, log_index);
        } else {
            ApiError error = from_outcome(host->catalogue->registry(), result, idempotency_key);
            host->catalogue->explain(result, error);
            if (result.outcome() == machine::outcome::resource_missing) name_path_param(*this, error);
            refuse(error, log_index, result.replayed());
        }
    } catch (const std::exception& failure) {
        log_failure(*this, failure.what());
        refuse(Error{ErrorCode::internal, failure.what()});
    }
}

void Call::read(const machine::Service::ReadBody& body) {
    try {
        host->service->read(body);
    } catch (const store::StoreFailure& failure) {
        // The node stops by itself (fail-stop); this request only has to be told.
        log_failure(*this, failure.what());
        refuse(Error{ErrorCode::unavailable, failure.what()});
    }
}

}  // namespace kontor::surface
