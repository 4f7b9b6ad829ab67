// Commands that wait for somebody else, and how they end.
#include <algorithm>

#include "domains/approvals/approvals.h"
#include "domains/approvals/commands.h"
#include "domains/approvals/ids.h"
#include "domains/approvals/limits.h"
#include "domains/approvals/outcomes.h"
#include "domains/approvals/tables.h"
#include "kontor/approvals_bodies.pb.h"
#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"
#include "kontor/bodies.h"
#include "kontor/machine/actor.h"
#include "kontor/machine/refuse.h"

namespace kontor::approvals {

using namespace machine;  // the frame's words

namespace {

const machine::Command& record_of(const Context& context, const pb::ApprovalRequest& request) {
    const machine::Command* const record = context.registry.command(request.command());
    KONTOR_ASSERT(record != nullptr,
                  "a stored command is one that this binary does not know: use the newer one");
    return *record;
}

void count(Context& context, std::int64_t by) {
    pb::ApprovalHead head;
    head.set_pending(count_pending(context.rows) + static_cast<std::uint64_t>(by));
    context.put(table::approvals, head_key(), head);
}

// The row, and what the audit record says of it: all but the command.
void put(Context& context, const pb::ApprovalRequest& request) {
    context.put(table::approvals, request_key(request.no()), request);
    context.put_index(table::approvals, status_key(request.status(), request.no()));
    context.due(DueClock::machine, request.ends_ms(), kRequestDue, Key().be64(request.no()).view());
    pb::ApprovalRequest& image =
        *mutable_object(*context.audit_record(kInstanceScope).add_changes(), pb::approval_request);
    image = request;
    image.clear_stored();
}

// Of a pending request. `context` writes the audit record.
void end(Context& context, pb::ApprovalRequest& request, pb::ApprovalStatus status) {
    context.rows.erase(table::approvals, status_key(pb::APPROVAL_PENDING, request.no()).view());
    context.rows.erase(table::approvals, proposer_key(request.proposer().no(), request.no()).view());
    count(context, -1);
    request.set_status(status);
    request.set_stored(without_secrets(record_of(context, request).approval.value.fields, request.stored()));
    request.set_ends_ms(context.now.machine_ms + limits::kKeptMs);
    put(context, request);
}

// By a person, in time.
void decide(Context& context, pb::ApprovalRequest& request, pb::ApprovalStatus status, const pb::Actor& who,
            const std::string& note) {
    context.rows.erase(machine::table::due, request_due_key(request).view());
    *request.mutable_decider() = who;
    request.set_decided_ms(context.now.utc_ms);
    request.set_note(note);
    end(context, request, status);
}

pb::ApprovalNote note_about(const pb::ApprovalRequest& request) {
    pb::ApprovalNote note;
    note.set_request_no(request.no());
    *note.mutable_proposer() = request.proposer();
    return note;
}

pb::Result with_request(const pb::ApprovalRequest& request) {
    pb::Result result;
    *mutable_object(result, pb::approval_request) = request;
    return result;
}

// The request that waits for a decision; in `refused` why there is none. Before the Tick that says so, time
// decides as well.
std::optional<pb::ApprovalRequest> waiting(Context& context, std::uint64_t no, const std::string& note,
                                           pb::Result& refused) {
    auto request = find_request(context.rows, no);
    if (!request) {
        refused = no_such("approval request", prefix::request, no, "id");
    } else if (request->status() == pb::APPROVAL_EXPIRED ||
               (request->status() == pb::APPROVAL_PENDING && request->ends_ms() <= context.now.machine_ms)) {
        refused = refuse(outcome::request_expired, std::string(outcome::request_expired.message));
    } else if (request->status() != pb::APPROVAL_PENDING) {
        refused = refuse(outcome::already_decided, "This request was decided before: it is " +
                                                       std::string(status_name(request->status())) + ".");
    } else if (note.size() > limits::kNoteBytes) {
        refused = refuse(machine::outcome::invalid_parameter,
                         "A note has at most " + std::to_string(limits::kNoteBytes) + " bytes.", "note");
    } else {
        return request;
    }
    return std::nullopt;
}

bool is_proposer(const Context& context, const pb::ApprovalRequest& request) {
    const pb::Actor& actor = context.command.actor();
    return actor.kind() == pb::Actor::OPERATOR && actor.no() == request.proposer().no();
}

bool is_another_person(const Context& context, const pb::ApprovalRequest& request) {
    return context.command.actor().kind() == pb::Actor::OPERATOR && !is_proposer(context, request);
}

pb::Result not_two_people() {
    return refuse(outcome::own_request, "Another operator than the one who proposed it has to decide.");
}

std::size_t pending_of(const store::Reader& rows, std::uint64_t operator_no) {
    std::size_t found = 0;
    rows.scan(table::approvals, proposer_key(operator_no, 0).view(),
              proposer_key(operator_no, UINT64_MAX).view(), store::Direction::ascending,
              [&](std::string_view, std::string_view) { return ++found < limits::kPendingPerOperator; });
    return found;
}

}  // namespace

std::uint64_t weight_of_approve(const pb::Command& command) {
    return std::max<std::uint64_t>(body(command, pb::approve_request).weight(), 1);
}

std::optional<pb::Result> hold(Context& context, const machine::Command& record) {
    if (!asks_about(find_policy(context.rows), context, record)) return std::nullopt;
    const pb::Actor& who = context.command.actor();
    pb::ApprovalRequest request;
    request.set_stored(to_stored(context.command));
    if (request.stored().size() > limits::kStoredBytes)
        return refuse(machine::outcome::limit_reached,
                      "What needs approval has at most " + std::to_string(limits::kStoredBytes) + " bytes.");
    if (count_pending(context.rows) >= limits::kPending)
        return refuse(machine::outcome::limit_reached,
                      "At most " + std::to_string(limits::kPending) + " requests wait for approval at once.");
    if (pending_of(context.rows, who.no()) >= limits::kPendingPerOperator)
        return refuse(machine::outcome::limit_reached,
                      "At most " + std::to_string(limits::kPendingPerOperator) +
                          " requests of one operator wait for approval at once.");
    request.set_no(context.next_no());
    request.set_status(pb::APPROVAL_PENDING);
    request.set_command(record.number);
    *request.mutable_proposer() = who;
    request.set_reason(context.command.reason());
    request.set_created_ms(context.now.utc_ms);
    request.set_ends_ms(context.now.machine_ms + limits::kRequestMs);
    const pb::ApprovalNote note = note_about(request);
    context.approval = &note;
    put(context, request);
    context.approval = nullptr;
    context.put_index(table::approvals, proposer_key(who.no(), request.no()));
    count(context, 1);
    pb::Result result;
    result.set_outcome(machine::outcome::awaiting_approval);
    result.set_approval_no(request.no());
    return result;
}

pb::Result approve(Context& context, const pb::ApproveRequest& wanted) {
    pb::Result refused;
    auto request = waiting(context, wanted.no(), wanted.note(), refused);
    if (!request) return refused;
    if (!is_another_person(context, *request)) return not_two_people();
    const machine::Command& record = record_of(context, *request);
    const pb::Actor& who = context.command.actor();
    if (!may_run(context.registry, context.rows, who, record)) return not_permitted(*record.permission.value);
    const auto stored = parse_row<pb::Command>(request->stored(), "approvals");
    if (weight_of_approve(context.command) < record.weight.value(stored))
        return refuse(machine::outcome::invalid_parameter, "The command weighs more than that.", "weight");
    pb::ApprovalNote note = note_about(*request);
    *note.mutable_decider() = who;
    run_stored(context, stored, note, [&](Context& inner, const pb::Result& ran) {
        request->set_outcome(ran.outcome());
        request->set_message(ran.error().message());
        decide(inner, *request,
               ran.outcome() == machine::outcome::ok ? pb::APPROVAL_EXECUTED : pb::APPROVAL_FAILED, who,
               wanted.note());
    });
    return with_request(*request);
}

pb::Result reject(Context& context, const pb::RejectRequest& wanted) {
    pb::Result refused;
    auto request = waiting(context, wanted.no(), wanted.note(), refused);
    if (!request) return refused;
    if (!is_another_person(context, *request)) return not_two_people();
    pb::ApprovalNote note = note_about(*request);
    *note.mutable_decider() = context.command.actor();
    context.approval = &note;
    decide(context, *request, pb::APPROVAL_REJECTED, context.command.actor(), wanted.note());
    context.approval = nullptr;
    return with_request(*request);
}

pb::Result withdraw(Context& context, const pb::WithdrawRequest& wanted) {
    pb::Result refused;
    auto request = waiting(context, wanted.no(), {}, refused);
    if (!request) return refused;
    if (!is_proposer(context, *request))
        return refuse(outcome::own_request, "Only the operator who proposed it takes it back.");
    pb::ApprovalNote note = note_about(*request);
    *note.mutable_decider() = context.command.actor();
    context.approval = &note;
    decide(context, *request, pb::APPROVAL_WITHDRAWN, context.command.actor(), {});
    context.approval = nullptr;
    return with_request(*request);
}

std::size_t end_of_time(Context& context, DueClock /*clock*/, std::string_view payload,
                        std::size_t /*limit*/) {
    const std::uint64_t no = get_be64(payload);
    auto request = find_request(context.rows, no);
    if (!request) row_failure("approvals", "a request that is not there is due");
    if (request->status() == pb::APPROVAL_PENDING) {
        end(context, *request, pb::APPROVAL_EXPIRED);
    } else {
        context.rows.erase(table::approvals, request_key(no).view());
        context.rows.erase(table::approvals, status_key(request->status(), no).view());
    }
    return 0;
}

}  // namespace kontor::approvals
