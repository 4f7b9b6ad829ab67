#include "kontor/machine/machine.h"

#include "idempotency.h"
#include "kontor/base/object_id.h"
#include "kontor/json/utf8.h"
#include "kontor/machine/actor.h"
#include "kontor/machine/approval.h"
#include "kontor/machine/context.h"
#include "kontor/machine/domain.h"
#include "kontor/machine/expand.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/refuse.h"
#include "kontor/machine/waiting.h"

namespace kontor::machine {
namespace {

// Fills `expanded` of a successful result.
void expand(const Context& context, const google::protobuf::RepeatedPtrField<std::string>& paths,
            pb::Result& result) {
    if (paths.empty()) return;
    resolve_expansion(context.registry, context.rows, context.scope, {paths.begin(), paths.end()}, result);
}

bool is_good_reason(std::string_view reason) {
    return reason.size() <= limits::kReasonBytes && is_utf8(reason);
}

// Before anything is looked up or written: what is refused here leaves nothing, no idempotency record either.
std::optional<pb::Result> let_in(const Command& record, Context& context) {
    const pb::Command& command = context.command;
    if (!may_run(context.registry, context.rows, command.actor(), record))
        return not_permitted(*record.permission.value);
    if (!is_good_reason(command.reason()))
        return refuse(outcome::invalid_parameter,
                      "A reason has at most " + std::to_string(limits::kReasonBytes) + " bytes of UTF-8.",
                      "reason");
    if (record.concerns == Concerns::merchant) return context.registry.enter(context);
    return std::nullopt;
}

// A command that people propose may have to wait for one of the others.
pb::Result run_or_hold(const Command& record, Context& context) {
    if (record.approval.value.may_be_asked.value && context.command.actor().kind() == pb::Actor::OPERATOR)
        if (auto held = context.registry.hold(context, record)) return *std::move(held);
    return record.run.value(context);
}

pb::Result run(const Command& record, Context& context) {
    const pb::Command& command = context.command;
    if (auto refused = let_in(record, context)) return *std::move(refused);
    const bool idempotent = !command.idempotency_key().empty();
    if (idempotent) {
        if (auto earlier = replay(context)) return *std::move(earlier);
    }
    pb::Result result = run_or_hold(record, context);
    result.set_time_ms(context.now.utc_ms);
    result.set_command_no(context.command_no());
    if (result.outcome() == outcome::ok) expand(context, command.expand(), result);
    if (idempotent) remember(context, result);
    if (context.ledger_timestamp != 0) result.set_ledger_timestamp(context.ledger_timestamp);
    context.finish();
    return result;
}

}  // namespace

Effects::Effects() = default;
Effects::~Effects() = default;
Effects::Effects(Effects&&) noexcept = default;
Effects& Effects::operator=(Effects&&) noexcept = default;

Machine::Machine(const Registry& registry) : registry_(registry), scratch_(std::make_unique<Scratch>()) {}
Machine::~Machine() = default;

void Machine::apply(store::Writer& rows, std::uint64_t index, const pb::Batch& batch, Effects& effects) {
    KONTOR_ASSERT(batch.version() <= kCommandVersion, "the log was written by a newer version: use that one");
    // Long before, the node takes no commands any more (modules/node, IndexRoom).
    KONTOR_ASSERT(index > 0 && index <= kMaxLogIndex, "object numbers derive from the log index");
    KONTOR_ASSERT(static_cast<std::uint64_t>(batch.commands_size()) <= kMaxCommandsPerBatch,
                  "a batch has too many commands");
    KONTOR_ASSERT(batch.salt().size() == kSaltBytes,
                  "an entry without a salt: the log was written by another version, use that one");
    effects = Effects();
    effects.now = advance_times(rows, index, {batch.machine_ms(), batch.utc_ms()});
    effects.results.reserve(static_cast<std::size_t>(batch.commands_size()));
    for (int i = 0; i < batch.commands_size(); ++i) {
        const pb::Command& command = batch.commands(i);
        KONTOR_ASSERT(command.version() <= kCommandVersion,
                      "the log was written by a newer version: use that one");
        // Not refused but stopped at: a newer binary on another machine does something here.
        const Command* record = registry_.command(command.kind());
        KONTOR_ASSERT(record != nullptr,
                      "the log has a command that this binary does not know: use the newer one");
        Context context(registry_, rows, index, static_cast<std::size_t>(i), effects.now, batch.salt(),
                        command, effects, *scratch_);
        effects.results.push_back(run(*record, context));
    }
}

std::uint64_t command_weight(const Registry& registry, const pb::Command& command) {
    const Command* record = registry.command(command.kind());
    return record == nullptr ? 1 : record->weight.value(command);
}

pb::Result run_stored(Context& approving, const pb::Command& stored, const pb::ApprovalNote& note,
                      const std::function<void(Context& inner, const pb::Result& result)>& then) {
    const Command* record = approving.registry.command(stored.kind());
    KONTOR_ASSERT(record != nullptr,
                  "a stored command is one that this binary does not know: use the newer one");
    Context inner(approving, stored);
    inner.approval = &note;
    std::optional<pb::Result> refused = let_in(*record, inner);
    pb::Result result = refused ? *std::move(refused) : record->run.value(inner);
    then(inner, result);
    inner.finish();
    return result;
}

void answer_waiting(Context& context, const Waiting& waiting, pb::Result result) {
    result.set_time_ms(context.now.utc_ms);
    result.set_command_no(command_no(waiting.no));
    if (result.outcome() == outcome::ok) expand(context, waiting.expand, result);
    if (!waiting.idempotency_row.empty()) complete_idempotency(context, waiting.idempotency_row, result);
    context.effects.resolved.push_back({waiting.no, context.effects.resolved_results.size()});
    context.effects.resolved_results.push_back(std::move(result));
}

}  // namespace kontor::machine
