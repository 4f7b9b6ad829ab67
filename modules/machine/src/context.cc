#include "kontor/machine/context.h"

#include <algorithm>

#include "kontor/base/bytes.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/limits.h"

namespace kontor::machine {

Context::Context(const Registry& registry_in, store::Writer& rows_in, std::uint64_t index,
                 std::size_t position, Times now_in, std::string_view salt, const pb::Command& command_in,
                 Effects& effects_in, Scratch& scratch)
    : registry(registry_in),
      rows(rows_in),
      now(now_in),
      command(command_in),
      effects(effects_in),
      scope{command_in.merchant_no(), command_in.livemode()},
      ledger(rows_in, static_cast<std::uint64_t>(now_in.machine_ms),
             make_object_no(kFirstGroup, index, position, 0)),
      command_no_(make_object_no(kFirstGroup, index, position, 0)),
      salt_(salt),
      scratch_(scratch) {}

Context::Context(const Context& approving, const pb::Command& stored)
    : registry(approving.registry),
      rows(approving.rows),
      now(approving.now),
      command(stored),
      effects(approving.effects),
      scope{stored.merchant_no(), stored.livemode()},
      ledger(approving.rows, static_cast<std::uint64_t>(approving.now.machine_ms), approving.command_no_),
      command_no_(approving.command_no_),
      salt_(approving.salt_),
      scratch_(approving.scratch_) {
    KONTOR_ASSERT(approving.objects_ == 0 && approving.books_.empty(),
                  "a command that lets another one run has made numbers or audit records of its own");
}

std::uint64_t Context::next_no() {
    KONTOR_ASSERT(objects_ < kMaxObjectsPerCommand, "a command makes too many objects");
    return command_no_ + ++objects_;
}

std::uint64_t Context::numbers_left() const {
    const std::uint64_t timestamps = ledger.next_timestamp() - command_no_;
    const std::uint64_t used = std::max(objects_ + reserved_, timestamps);
    return used < kMaxObjectsPerCommand ? kMaxObjectsPerCommand - used : 0;
}

Context::Book& Context::book(Scope of) {
    // Nearly always one; a Tick has several, scope after scope.
    for (auto at = books_.rbegin(); at != books_.rend(); ++at) {
        if (at->scope == of) return *at;
    }
    Book& added = books_.emplace_back();
    added.scope = of;
    if (auto head = load<pb::ScopeHead>(rows, table::scope_heads, Key().scope(of))) added.head.Swap(&*head);
    return added;
}

pb::ScopeHead& Context::change_head(Scope of) {
    Book& found = book(of);
    found.head_changed = true;
    return found.head;
}

pb::AuditRecord& Context::audit_record(Scope of) {
    Book& found = book(of);
    if (found.has_audit_record) return found.audit_record;
    found.has_audit_record = true;
    pb::AuditRecord& row = found.audit_record;
    row.set_no(command_no_);
    row.set_merchant_no(of.merchant_no);
    row.set_livemode(of.livemode);
    row.set_time_ms(now.utc_ms);
    if (command.has_actor()) *row.mutable_actor() = command.actor();
    row.set_request_id(command.request_id());
    row.set_idempotency_key(command.idempotency_key());
    if (const Command* record = registry.command(command.kind()))
        row.set_command(std::string(record->name.value));
    if (approval != nullptr) *row.mutable_approval() = *approval;
    if (!command.reason().empty()) row.set_reason(command.reason());
    return row;
}

void Context::audit_record_about(LinkKind kind, std::uint64_t no) {
    audit_record();
    auto& about = book(scope).about;
    const std::pair wanted{kind, no};
    if (std::find(about.begin(), about.end(), wanted) == about.end()) about.push_back(wanted);
}

pb::Event& Context::new_event(std::string_view type, std::string previous) {
    pb::Event& event = *audit_record().add_events();
    event.set_no(next_no());
    reserved_ += limits::kAnnouncedPerEvent;
    event.set_type(std::string(type));
    event.set_previous_attributes_json(std::move(previous));
    return event;
}

void Context::due(DueClock clock, std::int64_t due_ms, DueKind kind, std::string_view payload) {
    const Key key = due_key(kind, clock, due_ms).bytes(payload);
    if (!rows.get(table::due, key.view())) put_index(table::due, key);
}

void Context::close(Book& of) {
    if (of.has_audit_record) {
        if (!of.audit_record.events().empty()) registry.announce(*this, of.scope, of.audit_record, of.head);
        of.audit_record.set_previous_hash(of.head.audit_hash());
        if (has_images(of.audit_record)) of.audit_record.set_salt(row_salt(salt_, of.scope, command_no_));
        of.audit_record.SerializeToString(&scratch_.row);
        rows.put(table::audit_records, object_key(of.scope, command_no_).view(), scratch_.row);
        of.head.set_audit_hash(scratch_.chain.hash(scratch_.row));
        for (const auto& [kind, no] : of.about)
            put_index(table::links, link_key(of.scope, no, kind, command_no_));
    }
    if (of.has_audit_record || of.head_changed) {
        put(table::scope_heads, Key().scope(of.scope), of.head);
    }
    if (of.has_audit_record) effects.audit_records.push_back(std::move(of.audit_record));
}

void Context::finish() {
    for (Book& each : books_) close(each);
    books_.clear();
    KONTOR_ASSERT(ledger.next_timestamp() - command_no_ <= kMaxObjectsPerCommand,
                  "a command's last timestamps are the next one's");
}

}  // namespace kontor::machine
