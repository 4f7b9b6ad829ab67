#include "domains/operators/invariants.h"

#include "domains/operators/operators.h"
#include "domains/operators/tables.h"
#include "kontor/base/bytes.h"

namespace kontor::operators {

using namespace machine;  // the frame's words

namespace {

constexpr std::size_t kKindBytes = 2;  // `o#`, `on`

void check_row(Audit& audit, std::string_view key, std::string_view value) {
    if (key.substr(0, kKindBytes) == "o#") {
        const auto person = parse_row<pb::Operator>(value, "operators");
        if (key != operator_key(person.no()).view())
            audit.broken({}, person.no(), "the operator stands under another key");
        const auto found = find_operator_by_name(audit.rows, person.name());
        if (!found || found->no() != person.no())
            audit.broken({}, person.no(), "the operator is not found by the name");
    } else if (key.substr(0, kKindBytes) == "on" && value.size() == 8) {
        const std::string name(key.substr(kKindBytes));
        const std::uint64_t no = get_be64(value);
        const auto person = find_operator(audit.rows, no);
        if (!person || person->name() != name)
            audit.broken({}, no, "a name leads to no operator of that name");
    } else {
        audit.broken({}, 0, "a row of operators has another shape");
    }
}

}  // namespace

void check_operators(Audit& audit) {
    audit.each(table::operators,
               [&](std::string_view key, std::string_view value) { check_row(audit, key, value); });
    const auto ends = [&](DueKind kind, std::int64_t ms, std::string_view key) {
        return audit.has(machine::table::due, due_key(kind, DueClock::machine, ms).bytes(key));
    };
    audit.each<pb::Session>(
        table::sessions, "sessions", [&](std::string_view key, const pb::Session& session) {
            const std::string cookie(key);
            const auto person = find_operator(audit.rows, session.operator_no());
            if (!person) audit.broken({}, session.operator_no(), "a session's operator is not there");
            if (person && session.renewals() > person->renewals())
                audit.broken({}, session.operator_no(), "a session is of a renewal that is not there yet");
            if (!ends(kSessionDue, session.expires_ms(), cookie))
                audit.broken({}, session.operator_no(), "a session of the operator never ends");
        });
    audit.each<pb::SetupToken>(
        table::setup_tokens, "setup_tokens", [&](std::string_view key, const pb::SetupToken& token) {
            if (!ends(kSetupTokenDue, token.expires_ms(), std::string(key)))
                audit.broken({}, 0, "a set-up link never ends");
            if (token.operator_no() != 0 && !find_operator(audit.rows, token.operator_no()))
                audit.broken({}, token.operator_no(), "a set-up link's operator is not there");
        });
}

}  // namespace kontor::operators
