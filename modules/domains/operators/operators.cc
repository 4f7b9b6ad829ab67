#include "domains/operators/operators.h"

#include <algorithm>

#include "domains/operators/commands.h"
#include "domains/operators/ids.h"
#include "domains/operators/limits.h"
#include "domains/operators/outcomes.h"
#include "domains/operators/permissions.h"
#include "domains/operators/tables.h"
#include "kontor/base/bytes.h"
#include "kontor/bodies.h"
#include "kontor/machine/refuse.h"
#include "kontor/operators_bodies.pb.h"

namespace kontor::operators {

using namespace machine;  // the frame's words

namespace {

void put_operator(Context& context, const pb::Operator& row) {
    context.put(table::operators, operator_key(row.no()), row);
    context.audit_record(kInstanceScope);
}

pb::Result token_invalid(std::string message) {
    return refuse(machine::outcome::token_invalid, std::move(message), "token");
}

// A code works once. What was used while the clock was ahead is remembered by itself, so that it does not
// refuse every code until the time comes that the wrong clock showed.
bool use_code(pb::Operator& person, std::uint64_t step, std::int64_t utc_ms) {
    auto& ahead = *person.mutable_totp_steps_ahead();
    if (last_code_step(person, utc_ms) != person.last_totp_step()) {
        if (static_cast<std::size_t>(ahead.size()) >= limits::kTotpStepsAheadKept) ahead.erase(ahead.begin());
        ahead.Add(person.last_totp_step());
        person.clear_last_totp_step();
    }
    if (step <= person.last_totp_step() || std::find(ahead.begin(), ahead.end(), step) != ahead.end())
        return false;
    person.set_last_totp_step(step);
    ahead.erase(std::remove_if(ahead.begin(), ahead.end(), [&](std::uint64_t one) { return one <= step; }),
                ahead.end());
    return true;
}

void use_up(Context& context, pb::SetupToken token, const pb::SetUpOperator& wanted) {
    token.set_used(true);
    context.put(table::setup_tokens, Key().bytes(wanted.token_sha256()), token);
}

void set_credentials(pb::Operator& person, const pb::SetUpOperator& wanted) {
    person.set_password_hash(wanted.password_hash());
    person.set_sealed_totp_secret(wanted.sealed_totp_secret());
    person.set_last_totp_step(wanted.totp_step());
}

// Whoever holds the old password, the old authenticator or an open session is not let in any more.
pb::Result renew_operator(Context& context, pb::SetupToken token, const pb::SetUpOperator& wanted) {
    auto person = find_operator(context.rows, token.operator_no());
    if (!person || person->disabled()) return token_invalid("There is no such operator.");
    if (person->renewals() != token.renewals())
        return token_invalid("The operator was renewed by another set-up link since this one was made.");
    if (person->name() != wanted.name())
        return refuse(machine::outcome::invalid_parameter, "This set-up link is another operator's.", "name");
    use_up(context, std::move(token), wanted);
    set_credentials(*person, wanted);
    person->clear_totp_steps_ahead();
    person->clear_failed_logins();
    person->clear_locked_until_ms();
    person->set_renewals(person->renewals() + 1);
    put_operator(context, *person);
    pb::Result result;
    *mutable_object(result, pb::operator_) = *std::move(person);
    return result;
}

std::size_t count_operators(const store::Reader& rows) {
    std::size_t count = 0;
    rows.scan(table::operators, operator_name_key({}).view(), {}, store::Direction::ascending,
              [&](std::string_view, std::string_view) { return ++count < limits::kOperators; });
    return count;
}

}  // namespace

std::uint64_t last_code_step(const pb::Operator& person, std::int64_t utc_ms) {
    const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(utc_ms, 0) / limits::kTotpStepMs);
    return person.last_totp_step() > now + limits::kTotpStepsAhead ? 0 : person.last_totp_step();
}

pb::Result create_setup_token(Context& context, const pb::CreateSetupToken& wanted) {
    if (!is_hash(wanted.token_sha256()) || wanted.lifetime_ms() <= 0)
        return refuse(machine::outcome::invalid_parameter, "A token has a hash and a lifetime.", "token");
    if (find_setup_token(context.rows, wanted.token_sha256()))
        return refuse(machine::outcome::already_exists, "There is such a token.", "token");
    pb::SetupToken token;
    if (!wanted.operator_name().empty()) {
        const auto person = find_operator_by_name(context.rows, wanted.operator_name());
        if (!person)
            return refuse(machine::outcome::resource_missing, "There is no operator of this name.",
                          "operator");
        token.set_operator_no(person->no());
        token.set_renewals(person->renewals());
    }
    token.set_expires_ms(context.now.machine_ms + wanted.lifetime_ms());
    context.put(table::setup_tokens, Key().bytes(wanted.token_sha256()), token);
    context.due(DueClock::machine, token.expires_ms(), kSetupTokenDue, wanted.token_sha256());
    context.audit_record(kInstanceScope);
    return {};
}

pb::Result set_up_operator(Context& context, const pb::SetUpOperator& wanted) {
    std::optional<pb::SetupToken> token;
    if (is_hash(wanted.token_sha256())) token = find_setup_token(context.rows, wanted.token_sha256());
    if (!token || token->used() || token->expires_ms() <= context.now.machine_ms)
        return token_invalid("This set-up link was used or is too old.");
    if (wanted.name().empty() || wanted.name().size() > limits::kOperatorNameBytes)
        return refuse(machine::outcome::invalid_parameter, "The name is empty or too long.", "name");
    if (token->operator_no() != 0) return renew_operator(context, *std::move(token), wanted);
    if (find_operator_by_name(context.rows, wanted.name()))
        return refuse(machine::outcome::already_exists, "There is an operator of this name.", "name");
    if (count_operators(context.rows) >= limits::kOperators)
        return refuse(machine::outcome::limit_reached, "There are too many operators.");
    use_up(context, *std::move(token), wanted);
    pb::Result result;
    pb::Operator& person = *mutable_object(result, pb::operator_);
    person.set_no(context.next_no());
    person.set_name(wanted.name());
    set_credentials(person, wanted);
    person.set_created_ms(context.now.utc_ms);
    person.set_role(std::string(kOwner));
    put_operator(context, person);
    context.rows.put(table::operators, operator_name_key(person.name()).view(),
                     Key().be64(person.no()).view());
    return result;
}

pb::Result open_session(Context& context, const pb::OpenSession& wanted) {
    auto person = find_operator(context.rows, wanted.operator_no());
    if (!person || person->disabled()) return token_invalid("There is no such operator.");
    if (person->locked_until_ms() > context.now.machine_ms)
        return refuse(outcome::locked, "Too many failed logins; try again later.");
    if (!is_hash(wanted.cookie_sha256()) || wanted.lifetime_ms() <= 0)
        return refuse(machine::outcome::invalid_parameter, "A session has a cookie and a lifetime.",
                      "cookie");
    if (wanted.renewals() != person->renewals())
        return token_invalid("The password and the authenticator were renewed meanwhile.");
    if (context.rows.get(table::sessions, wanted.cookie_sha256()))
        return refuse(machine::outcome::already_exists, "There is such a session.", "cookie");
    if (!use_code(*person, wanted.totp_step(), context.now.utc_ms))
        return token_invalid("This code was used before.");
    pb::Session session;
    session.set_operator_no(person->no());
    session.set_created_ms(context.now.utc_ms);
    session.set_expires_ms(context.now.machine_ms + wanted.lifetime_ms());
    session.set_ip(wanted.ip());
    session.set_renewals(wanted.renewals());
    context.put(table::sessions, Key().bytes(wanted.cookie_sha256()), session);
    context.due(DueClock::machine, session.expires_ms(), kSessionDue, wanted.cookie_sha256());
    person->clear_failed_logins();
    person->clear_locked_until_ms();
    put_operator(context, *person);
    pb::Result result;
    *mutable_object(result, pb::operator_) = *person;
    return result;
}

pb::Result close_session(Context& context, const pb::CloseSession& wanted) {
    std::optional<pb::Session> session;
    if (is_hash(wanted.cookie_sha256())) session = find_session(context.rows, wanted.cookie_sha256());
    if (!session) return token_invalid("There is no such session.");
    context.rows.erase(table::sessions, wanted.cookie_sha256());
    context.rows.erase(
        machine::table::due,
        due_key(kSessionDue, DueClock::machine, session->expires_ms()).bytes(wanted.cookie_sha256()).view());
    context.audit_record(kInstanceScope);
    return {};
}

pb::Result login_failed(Context& context, const pb::LoginFailed& wanted) {
    auto person = find_operator(context.rows, wanted.operator_no());
    if (!person) return refuse(machine::outcome::resource_missing, "There is no such operator.", "operator");
    person->set_failed_logins(person->failed_logins() + 1);
    if (person->failed_logins() >= limits::kFailedLoginsBeforeLock) {
        person->clear_failed_logins();
        person->set_locked_until_ms(context.now.machine_ms + limits::kLoginLockMs);
        context.audit_record(
            kInstanceScope);  // only this: whoever guesses passwords does not fill the audit trail
    }
    context.put(table::operators, operator_key(person->no()), *person);
    pb::Result result;
    *mutable_object(result, pb::operator_) = *person;
    return result;
}

}  // namespace kontor::operators
