#pragma once
// Four eyes, as columns of a command's record (domain.h): whether a policy may ask for somebody else's
// approval, what people see of the command before they decide, and of which amount it is. The stage itself is
// a domain that the frame asks (Domain::hold); it runs what was approved by run_stored().
//
// Threading: constants; run_stored() is of the apply thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kontor/base/required.h"

namespace kontor::pb {
class ApprovalNote;
class Command;
class Result;
}  // namespace kontor::pb

namespace kontor::machine {

class Context;

// Of the ids of requests (pb::Result.approval_no).
inline constexpr std::string_view kApprovalPrefix = "apr";

// How a field of a command's body is shown. The plural ones are repeated.
enum class Shown : std::uint8_t {
    text,
    texts,
    texts_if_any,  // none of them says nothing, and is not shown; none of the others takes all away
    integer,
    boolean,
    currency,
    currencies,
    id,
    command,  // by its number
    messages,
    personal,  // about people who are not at work here: only that it is set
    secret,    // the same; and it is taken out of the stored command when the request has ended
};
struct CommandField {
    Required<std::uint32_t> number;  // in the body
    Required<std::string_view> name;
    Required<Shown> shown;
    std::string_view prefix = {};              // of Shown::id
    std::span<const CommandField> parts = {};  // of Shown::messages
};

struct Amount {
    std::uint32_t currency = 0;  // ISO 4217 numeric
    std::int64_t minor = 0;
};
// Of a command whose body says it, or what it is about; nothing: it is not known.
using AmountOf = std::optional<Amount> (*)(const Context&);
// Of commands that are about no amount.
inline constexpr AmountOf kNoAmount = nullptr;

// Whether four eyes may be asked for by the operators' policy.
struct Approval {
    Required<bool> may_be_asked;
    Required<std::span<const CommandField>> fields;  // all of the body
    Required<AmountOf> amount;

    static const Approval never;
    [[nodiscard]] static constexpr Approval by_policy(std::span<const CommandField> fields, AmountOf amount);
};
inline constexpr Approval Approval::never{false, std::span<const CommandField>(), kNoAmount};
constexpr Approval Approval::by_policy(std::span<const CommandField> all, AmountOf of) {
    return {true, all, of};
}

// What may be stored of a command: all but what belongs to the request that brought it (idempotency,
// `expand`).
[[nodiscard]] std::string to_stored(const pb::Command& command);
// Without the fields that are Shown::secret.
[[nodiscard]] std::string without_secrets(std::span<const CommandField> fields, const std::string& stored);

// Runs a stored command at the place of the one that is being run: with its own actor, permission and checks,
// against the state of now, its numbers and times those of `approving`, which may have made nothing yet. Its
// audit records have `note`. `then` runs before they are written.
pb::Result run_stored(Context& approving, const pb::Command& stored, const pb::ApprovalNote& note,
                      const std::function<void(Context& inner, const pb::Result& result)>& then);

}  // namespace kontor::machine
