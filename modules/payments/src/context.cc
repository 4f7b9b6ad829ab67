#include "context.h"

#include <algorithm>

#include "chain_hash.h"
#include "kontor/base/bytes.h"
#include "kontor/ledger/chart.h"
#include "webhooks.h"

namespace kontor::payments {

Context::Context(store::Writer& rows_in, std::uint64_t index, std::size_t position, Times now_in,
                 const pb::Command& command_in, Effects& effects_in, std::string& buffer)
    : rows(rows_in),
      now(now_in),
      command(command_in),
      effects(effects_in),
      scope{command_in.merchant_no(), command_in.livemode()},
      ledger(rows_in, static_cast<std::uint64_t>(now_in.machine_ms), make_object_no(index, position, 0)),
      command_no_(make_object_no(index, position, 0)),
      buffer_(buffer) {}

std::uint64_t Context::next_no() {
    KONTOR_ASSERT(objects_ + 1 < kMaxObjectsPerCommand, "a command makes too many objects");
    return command_no_ + ++objects_;
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

pb::Journal& Context::journal(Scope of) {
    Book& found = book(of);
    if (found.has_journal) return found.journal;
    found.has_journal = true;
    pb::Journal& row = found.journal;
    row.set_no(command_no_);
    row.set_merchant_no(of.merchant_no);
    row.set_livemode(of.livemode);
    row.set_time_ms(now.utc_ms);
    if (command.has_actor()) *row.mutable_actor() = command.actor();
    row.set_request_id(command.request_id());
    row.set_idempotency_key(command.idempotency_key());
    row.set_command(std::string(command_name(command)));
    return row;
}

void Context::journal_about_intent(std::uint64_t intent_no) {
    journal();
    std::vector<std::uint64_t>& intents = book(scope).intents;
    if (std::find(intents.begin(), intents.end(), intent_no) == intents.end()) intents.push_back(intent_no);
}

pb::Event& Context::new_event(std::string_view type, std::string previous) {
    pb::Event& event = *journal().add_events();
    event.set_no(next_no());
    event.set_type(std::string(type));
    event.set_previous_attributes_json(std::move(previous));
    return event;
}

void Context::event(std::string_view type, const pb::PaymentIntent& object) {
    *new_event(type, {}).mutable_payment_intent() = object;
    journal_about_intent(object.no());
}
void Context::event(std::string_view type, const pb::Charge& object, std::string previous) {
    *new_event(type, std::move(previous)).mutable_charge() = object;
    journal_about_intent(object.intent_no());
}
void Context::event(std::string_view type, const pb::Refund& object, std::string previous) {
    *new_event(type, std::move(previous)).mutable_refund() = object;
    journal_about_intent(object.intent_no());
}
void Context::event(std::string_view type, const pb::Customer& object, std::string previous) {
    *new_event(type, std::move(previous)).mutable_customer() = object;
}

void Context::due(DueClock clock, std::int64_t due_ms, DueKind kind, std::string_view payload) {
    const Key key = due_key(kind, clock, due_ms).bytes(payload);
    if (!rows.get(table::due, key.view())) put_index(table::due, key);
}

// A delivery row for each endpoint that wants an event, in the same entry as the event.
void Context::announce(Book& of) {
    if (of.journal.events().empty() || of.head.endpoint_nos().empty()) return;
    std::vector<pb::WebhookEndpoint> endpoints;
    for (const std::uint64_t no : of.head.endpoint_nos()) {
        auto endpoint = load<pb::WebhookEndpoint>(rows, table::webhook_endpoints, object_key(of.scope, no));
        KONTOR_ASSERT(endpoint, "the head names an endpoint that is not there");
        if (!endpoint->disabled()) endpoints.push_back(std::move(*endpoint));
    }
    for (pb::Event& event : *of.journal.mutable_events()) {
        for (const pb::WebhookEndpoint& endpoint : endpoints) {
            if (!wants(endpoint, event.type())) continue;
            event.set_pending_webhooks(event.pending_webhooks() + 1);
            new_delivery(*this, of.scope, endpoint.no(), event.no());
        }
    }
}

void Context::close(Book& of) {
    if (of.has_journal) {
        announce(of);
        of.journal.set_previous_hash(of.head.journal_hash());
        of.journal.SerializeToString(&buffer_);
        rows.put(table::journals, object_key(of.scope, command_no_).view(), buffer_);
        of.head.set_journal_hash(chain_hash(buffer_));
        of.head.set_journal_no(command_no_);
        for (const std::uint64_t intent : of.intents) {
            put_index(table::links, link_key(of.scope, intent, LinkKind::intent_journal, command_no_));
        }
    }
    if (of.has_journal || of.head_changed) {
        put(table::scope_heads, Key().scope(of.scope), of.head);
    }
    if (of.has_journal) effects.journals.push_back(std::move(of.journal));
}

void Context::finish() {
    for (Book& each : books_) close(each);
    books_.clear();
}

ledger::Id128 transfer_id(std::uint64_t no) {
    return {ledger::kSystemAccountBit, no};
}

std::string id_bytes(ledger::Id128 id) {
    std::string out;
    out.reserve(16);
    put_be64(out, id.high);
    put_be64(out, id.low);
    return out;
}

ledger::Id128 id_from_bytes(std::string_view bytes) {
    KONTOR_ASSERT(bytes.size() == 16, "a transfer id has 16 bytes");
    return {get_be64(bytes), get_be64(bytes.substr(8))};
}

}  // namespace kontor::payments
