#include "sessions.h"

#include "domains/operators/ids.h"
#include "domains/operators/limits.h"
#include "domains/operators/operators.h"
#include "kontor/base/address_key.h"
#include "kontor/base/bytes.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/operators.pb.h"
#include "kontor/operators_bodies.pb.h"
#include "password.h"
#include "qr.h"
#include "visitor.h"

namespace kontor::admin {
namespace {

constexpr std::string_view kCookie = "kontor_session";
constexpr std::size_t kTotpSecretBytes = 20;  // RFC 4226 4 recommends 160 bits

std::string csrf_of(const std::string& cookie) {
    return to_hex(crypto::hmac_sha256(cookie, "kontor csrf"));
}

bool good_name(const std::string& name) {
    if (name.empty() || name.size() > operators::limits::kOperatorNameBytes) return false;
    for (const char c : name) {
        const bool good =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == '@';
        if (!good) return false;
    }
    return true;
}

pb::Command stranger_command(const Call& call) {
    pb::Command command = machine::new_command(pb::Actor::OPERATOR);
    command.mutable_actor()->set_ip(call.request.peer_ip);
    return command;
}

}  // namespace

std::optional<Caller> Sessions::find(const http::Request& request) const {
    return find(cookie_of(request, kCookie));
}

std::optional<Caller> Sessions::find(const std::string& cookie) const {
    if (cookie.empty()) return std::nullopt;
    std::optional<Caller> caller;
    const std::int64_t now = options_.node->machine_now_ms();
    options_.node->read([&](const store::Reader& rows, std::uint64_t) {
        const auto session = operators::find_session(rows, crypto::sha256(cookie));
        if (!session || session->expires_ms() <= now) return;
        const auto who = operators::find_operator(rows, session->operator_no());
        if (!who || who->disabled()) return;
        caller = Caller{who->no(), who->name(), who->role(), cookie};
    });
    return caller;
}

void Sessions::submit(pb::Command command, machine::Service::Done done) const {
    pending_.begin();
    options_.node->submit(std::move(command),
                          [this, done = std::move(done)](const Result<machine::Answer>& answer) {
                              done(answer);
                              pending_.end();
                          });
}

bool Sessions::csrf_matches(const http::Request& request, const Caller& caller) {
    return crypto::equal_constant_time(request.header("X-CSRF-Token"), csrf_of(caller.cookie));
}

void Sessions::put_session(JsonWriter& json, const Caller& caller) const {
    json.key("operator").begin_object();
    json.field("id", format_id(operators::prefix::operator_, caller.operator_no));
    json.field("name", caller.operator_name).field("role", caller.role).end_object();
    json.field("csrf", csrf_of(caller.cookie)).field("version", options_.version);
    json.key("modes").begin_array().string("test").string("live").end_array();
}

void Sessions::describe(const std::shared_ptr<Call>& call) const {
    call->answer(200, [&](JsonWriter& json) { put_session(json, *call->caller); });
}

std::optional<Sessions::Setup> Sessions::setup_of(const std::string& token) const {
    std::optional<Setup> setup;
    const std::int64_t now = options_.node->machine_now_ms();
    const std::string token_sha256 = crypto::sha256(token);
    options_.node->read([&](const store::Reader& rows, std::uint64_t) {
        const auto row = operators::find_setup_token(rows, token_sha256);
        if (!row || row->used() || row->expires_ms() <= now) return;
        setup = Setup{operators::list_operators(rows).size(), std::nullopt};
        if (row->operator_no() == 0) return;
        const auto person = operators::find_operator(rows, row->operator_no());
        if (person && person->renewals() == row->renewals())
            setup->of_operator = person->name();
        else
            setup.reset();  // another link renewed the operator since
    });
    return setup;
}

bool Sessions::admits_form(const Call& call) const {
    const auto setup = setup_of(call.text("token"));
    if (!setup) {
        call.refuse(404, "token_invalid", "This link was used already or is too old.");
        return false;
    }
    if (!setup->of_operator || *setup->of_operator == call.text("name")) return check_new_operator(call);
    call.refuse(422, "name_of_another", "This link is for another operator.", "name");
    return false;
}

bool Sessions::admits_setup(const Call& call) const {
    const BucketVerdict verdict =
        setups_.take(address_key(call.request.peer_ip), options_.clock->monotonic_ms());
    if (verdict.allowed) return true;
    call.refuse_with(429, {.code = "rate_limit", .message = "Too many requests; try again shortly."},
                     {{"Retry-After", std::to_string((verdict.retry_after_ms + 999) / 1000)}});
    return false;
}

void Sessions::setup_state(const std::shared_ptr<Call>& call) const {
    if (!admits_setup(*call)) return;
    const auto setup = setup_of(std::string(call->parameter("token")));
    if (!setup)
        return call->refuse(404, "token_invalid",
                            "This link was used already or is too old. 'kontor setup-link' makes a new one.");
    call->answer(200, [&](JsonWriter& json) {
        json.field_boolean("valid", true).field_integer("operators", setup->operators);
        surface::office::put_text(json, "operator", setup->of_operator.value_or(""));
    });
}

bool Sessions::check_new_operator(const Call& call) {
    const std::string name = call.text("name");
    if (!good_name(name)) {
        call.refuse(422, "name_invalid", "1 to 64 of a-z, 0-9 and . - _ @", "name");
        return false;
    }
    const std::string_view problem = password_problem(call.text("password"), name);
    if (problem.empty()) return true;
    call.refuse(422, problem,
                problem == "password_too_common"
                    ? "This password is among the first that are tried; choose another one."
                    : "A password has 12 to 128 characters.",
                "password");
    return false;
}

void Sessions::setup_begin(const std::shared_ptr<Call>& call) const {
    if (!admits_setup(*call)) return;
    if (!admits_form(*call)) return;
    const std::string secret = crypto::base32(crypto::random_bytes(kTotpSecretBytes));
    const std::string uri =
        "otpauth://totp/Kontor:" + call->text("name") + "?secret=" + secret + "&issuer=Kontor";
    call->answer(200, [&](JsonWriter& json) {
        json.field("totp_secret", secret).field("totp_uri", uri).field("qr_svg", qr_svg(uri));
    });
}

void Sessions::setup_finish(const std::shared_ptr<Call>& call) {
    if (!admits_setup(*call)) return;
    if (!admits_form(*call)) return;
    const auto secret = crypto::from_base32(call->text("totp_secret"));
    if (!secret || secret->size() != kTotpSecretBytes)
        return call->refuse(422, "code_wrong", "Begin the set-up again.", "totp_secret");
    const std::int64_t utc_ms = options_.clock->wall_ms();  // house: wall: the phone's clock is a wall clock
    const auto step = crypto::totp_verify(crypto::Secret(*secret), call->text("code"), utc_ms, 0);
    if (!step)
        return call->refuse(422, "code_wrong", "This code does not match; is the phone's clock right?",
                            "code");
    // Whoever has a good link is no stranger.
    const auto make = [this, call, secret = *secret, step = *step] {
        call->guarded([&] { make_operator(call, secret, step); });
    };
    if (!passwords_.run(address_key(call->request.peer_ip), true, {make, {}})) refuse_busy(*call);
}

// Worker thread. The step before the code's: the session that opens right after uses the code's own.
void Sessions::make_operator(const std::shared_ptr<Call>& call, const std::string& totp_secret,
                             std::uint64_t step) {
    pb::Command command = stranger_command(*call);
    auto& setup = *mutable_body(command, pb::set_up_operator);
    setup.set_token_sha256(crypto::sha256(call->text("token")));
    setup.set_name(call->text("name"));
    setup.set_password_hash(crypto::password_hash(crypto::Secret(call->text("password"))));
    setup.set_sealed_totp_secret(options_.sealer->seal(totp_secret, "totp"));
    setup.set_totp_step(step - 1);
    submit(std::move(command), [this, call, step](const Result<machine::Answer>& answer) {
        if (!answer) return call->refuse(answer.error());
        const pb::Result& result = answer->result;
        if (result.outcome() == machine::outcome::already_exists)
            return call->refuse(409, "name_taken", "There is an operator of this name.", "name");
        if (result.outcome() != machine::outcome::ok)
            return call->refuse(404, "token_invalid", "This link was used already or is too old.");
        open_session(call, object_in(result, pb::operator_), step, nullptr);
    });
}

void Sessions::open_session(const std::shared_ptr<Call>& call, const pb::Operator& who,
                            std::uint64_t totp_step, const std::shared_ptr<Try>& attempt) const {
    Caller caller{who.no(), who.name(), who.role(), crypto::random_token(43)};
    pb::Command command = stranger_command(*call);
    command.mutable_actor()->set_no(who.no());
    auto& open = *mutable_body(command, pb::open_session);
    open.set_operator_no(who.no());
    open.set_cookie_sha256(crypto::sha256(caller.cookie));
    open.set_lifetime_ms(limits::kSessionLifetimeMs);
    open.set_totp_step(totp_step);
    open.set_ip(call->request.peer_ip);
    open.set_renewals(who.renewals());
    submit(std::move(command), [this, call, caller, attempt](const Result<machine::Answer>& answer) {
        const bool good = answer && answer->result.outcome() == machine::outcome::ok;
        // Another login used the code a moment earlier: no, but nothing that speaks against who tries.
        if (attempt) attempt->end(good ? LoginThrottle::End::right : LoginThrottle::End::neither);
        if (attempt && good) right_.add();
        if (!answer) return call->refuse(answer.error());
        if (!good) return refuse_login(*call, attempt ? attempt->wait_ms() : 0);
        const std::string cookie = std::string(kCookie) + "=" + caller.cookie +
                                   "; Path=/admin; HttpOnly; Secure; SameSite=Strict; Max-Age=" +
                                   std::to_string(limits::kSessionLifetimeMs / 1000);
        call->answer(200, [&](JsonWriter& json) { put_session(json, caller); },
                     {{"Set-Cookie", cookie},
                      {"Set-Cookie", browser_cookie(*options_.sealer, caller.operator_no,
                                                    options_.node->machine_now_ms())}});
    });
}

void Sessions::logout(const std::shared_ptr<Call>& call) const {
    pb::Command command = stranger_command(*call);
    command.mutable_actor()->set_no(call->caller->operator_no);
    mutable_body(command, pb::close_session)->set_cookie_sha256(crypto::sha256(call->caller->cookie));
    submit(std::move(command), [call](const Result<machine::Answer>& answer) {
        if (!answer) return call->refuse(answer.error());
        call->answer(200, [](JsonWriter&) {},
                     {{"Set-Cookie", std::string(kCookie) +
                                         "=; Path=/admin; HttpOnly; Secure; SameSite=Strict; Max-Age=0"}});
    });
}

}  // namespace kontor::admin
