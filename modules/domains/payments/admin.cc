// The payments list and one payment's page in the back office.
#include "domains/payments/admin.h"

#include <algorithm>
#include <charconv>

#include "domains/accounts/ids.h"
#include "domains/attempts/attempts.h"
#include "domains/attempts/ids.h"
#include "domains/channels/channels.h"
#include "domains/customers/ids.h"
#include "domains/payments/ids.h"
#include "domains/payments/payments.h"
#include "domains/payments/permissions.h"
#include "domains/payments/words.h"
#include "domains/refunds/refunds.h"
#include "domains/webhooks/ids.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/base/bytes.h"
#include "kontor/crypto/public_id.h"
#include "kontor/ledger/chart.h"
#include "kontor/ledger/ledger.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/events.h"
#include "kontor/machine/page.h"
#include "kontor/machine/rows.h"
#include "kontor/money/money.h"
#include "kontor/surface/office_limits.h"
#include "kontor/webhooks.pb.h"
#include "reports/payment_list/payment_list.h"

namespace kontor::payments {

using namespace surface::office;  // the routes' words
namespace office_limits = surface::office::limits;

namespace {

// A query parameter as integer: 1 taken, 0 absent, -1 malformed.
template <typename T>
int integer(const Call& call, std::string_view name, T& out) {
    const std::string_view text = call.parameter(name);
    if (text.empty()) return 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    return ec == std::errc{} && end == text.data() + text.size() ? 1 : -1;
}

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> parts;
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        if (end > 0) parts.emplace_back(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return parts;
}

// "" or the parameter that is wrong.
std::string_view fill_query(const Call& call, payment_list::PaymentQuery& query) {
    query.livemode = call.livemode;
    query.statuses = split(call.parameter("status"));
    for (const std::string& status : query.statuses)
        if (std::ranges::none_of(kIntentStatuses, [&](const auto& one) { return one.word == status; }))
            return "status";
    query.text = std::string(call.parameter("q"));
    query.cursor = std::string(call.parameter("cursor"));
    query.limit = office_limits::kPageDefault;
    if (integer(call, "limit", query.limit) < 0 || query.limit < 1 || query.limit > office_limits::kPageMax)
        return "limit";
    if (integer(call, "created_gte", query.created_gte_ms) < 0) return "created_gte";
    if (integer(call, "created_lt", query.created_lt_ms) < 0) return "created_lt";
    std::int64_t amount = 0;
    if (const int taken = integer(call, "amount_gte", amount); taken != 0) {
        if (taken < 0) return "amount_gte";
        query.amount_gte = amount;
    }
    if (const int taken = integer(call, "amount_lte", amount); taken != 0) {
        if (taken < 0) return "amount_lte";
        query.amount_lte = amount;
    }
    if (const std::string_view code = call.parameter("currency"); !code.empty()) {
        const auto currency = money::Currency::from_code(code);
        if (!currency) return "currency";
        query.currency = currency->numeric();
    }
    if (const std::string_view id = call.parameter("merchant"); !id.empty()) {
        const auto no = parse_id(accounts::prefix::merchant, id);
        if (!no) return "merchant";
        query.merchant_no = *no;
    }
    if (const std::string_view id = call.parameter("customer"); !id.empty()) {
        const auto no = parse_id(customers::prefix::customer, id);
        if (!no) return "customer";
        query.customer_no = *no;
    }
    return {};
}

std::string_view kind_name(ledger::AccountKind kind) {
    const ledger::KindRecord* record = ledger::record_of(kind);
    return record == nullptr ? "unknown" : record->name;
}

std::string hex_of(ledger::Id128 id) {
    std::string bytes;
    put_be64(bytes, id.high);
    put_be64(bytes, id.low);
    return to_hex(bytes);
}

void put_account(JsonWriter& json, std::string_view name, ledger::Id128 id) {
    const ledger::AccountKind kind = ledger::kind_of(id);
    const std::uint64_t owner = ledger::owner_of(id);
    json.key(name).begin_object().field("account", hex_of(id)).field("kind", kind_name(kind));
    if (kind == ledger::AccountKind::merchant_pending || kind == ledger::AccountKind::merchant_available ||
        kind == ledger::AccountKind::payouts_in_transit)
        put_id(json, "owner", accounts::prefix::merchant, owner);
    else if (kind == ledger::AccountKind::customer_wallet)
        put_id(json, "owner", customers::prefix::customer, owner);
    else
        put_text(json, "owner", owner == 0 ? std::string() : std::to_string(owner));
    json.end_object();
}

// Money shows once: a reservation as itself while it is pending or when it was voided, and as the transfer
// that posted it afterwards, since that one has the amount that moved. nullptr: the other one shows.
const char* leg_state(const store::Reader& rows, const ledger::Transfer& transfer) {
    if ((transfer.flags & ledger::void_pending) != 0) return nullptr;
    if ((transfer.flags & ledger::pending) == 0) return "posted";
    const auto pending = ledger::find_pending(rows, transfer.id);
    if (!pending) return "pending";
    switch (pending->status) {
        case ledger::PendingStatus::posted:
            return nullptr;
        case ledger::PendingStatus::voided:
        case ledger::PendingStatus::expired:
            return "voided";
        default:
            return "pending";
    }
}

void put_legs(JsonWriter& legs, const store::Reader& rows, const pb::AuditRecord& audit_record) {
    for (const std::string& raw : audit_record.transfer_ids()) {
        if (raw.size() != 16) continue;
        const auto transfer =
            ledger::find_transfer(rows, {get_be64(raw), get_be64(std::string_view(raw).substr(8))});
        const char* state = transfer ? leg_state(rows, *transfer) : nullptr;
        if (state == nullptr) continue;
        legs.begin_object().field("transfer_id", hex_of(transfer->id));
        legs.field_integer("time_ms", audit_record.time_ms());
        put_account(legs, "debit", transfer->debit_account);
        put_account(legs, "credit", transfer->credit_account);
        legs.field_integer("amount", transfer->amount);
        legs.field("currency", currency_code(transfer->ledger >> 1U)).field("state", state);
        legs.field("audit_record", std::to_string(audit_record.no())).end_object();
    }
}

static_assert(pb::Actor::Kind_ARRAYSIZE == 4, "a new kind of actor has a word below");
const char* actor_name(const pb::Actor& actor) {
    switch (actor.kind()) {
        case pb::Actor::API_KEY:
            return "api_key";
        case pb::Actor::OPERATOR:
            return "operator";
        case pb::Actor::CHANNEL:
            return "channel";
        default:
            return "system";
    }
}

// A due time is of the machine's clock: people read how far off it is on the clock on their wall.
struct WallClock {
    std::int64_t ahead_ms;
    explicit WallClock(const Host& host)
        : ahead_ms(host.clock->wall_ms() - host.service->machine_now_ms()) {}  // house: wall: people read it
    [[nodiscard]] std::int64_t of(std::int64_t due_ms) const { return due_ms == 0 ? 0 : due_ms + ahead_ms; }
};

void put_delivery(JsonWriter& json, const store::Reader& rows, machine::Scope scope,
                  const pb::WebhookDelivery& delivery, const std::string& event_type, WallClock wall) {
    const auto endpoint = webhooks::find_webhook_endpoint(rows, scope, delivery.endpoint_no());
    const char* const state = delivery.state() == pb::DELIVERY_DELIVERED ? "delivered"
                              : delivery.state() == pb::DELIVERY_GAVE_UP ? "gave_up"
                                                                         : "pending";
    json.begin_object().field("id", format_id(webhooks::prefix::delivery, delivery.no()));
    json.field("endpoint", format_id(webhooks::prefix::webhook_endpoint, delivery.endpoint_no()));
    json.field("url", endpoint ? endpoint->url() : std::string());
    json.field("event", format_id(machine::prefix::event, delivery.event_no()));
    json.field("event_type", event_type).field("state", state).field_integer("tries", delivery.tries());
    json.field_integer("next_try_ms", wall.of(delivery.next_try_ms())).key("attempts").begin_array();
    for (const auto& attempt : delivery.attempts()) {
        json.begin_object().field_integer("time_ms", attempt.time_ms());
        json.field_integer("http_status", attempt.http_status()).key("error").any_string(attempt.error());
        json.field_integer("duration_ms", attempt.duration_ms()).end_object();
    }
    json.end_array().end_object();
}

void put_events(JsonWriter& events, const pb::AuditRecord& audit_record) {
    for (const auto& event : audit_record.events()) {
        events.begin_object().field("id", format_id(machine::prefix::event, event.no()));
        events.field("type", event.type()).field_integer("created_ms", audit_record.time_ms());
        events.field("request_id", audit_record.request_id());
        events.field("actor", actor_name(audit_record.actor())).end_object();
    }
}

void put_deliveries(JsonWriter& webhooks, const store::Reader& rows, machine::Scope scope,
                    const pb::AuditRecord& audit_record, WallClock wall) {
    for (const auto& event : audit_record.events())
        for (const auto& delivery : webhooks::deliveries_of_event(rows, scope, event.no()))
            put_delivery(webhooks, rows, scope, delivery, event.type(), wall);
}

std::string channel_name(const store::Reader& rows, std::uint64_t account_no) {
    const auto account = channels::find_account(rows, account_no);
    return account ? account->name() : std::string();
}

void put_attempts(JsonWriter& attempts, const store::Reader& rows, machine::Scope scope,
                  std::uint64_t intent_no, WallClock wall) {
    static constexpr std::array<std::string_view, 5> kStates = {"waiting", "unknown", "succeeded", "failed",
                                                                "waiting_for_payer"};
    static_assert(kStates.size() == pb::AttemptState_ARRAYSIZE, "a state has no word");
    for (const auto& attempt :
         attempts::attempts_of_intent(rows, scope, intent_no, 0, office_limits::kPageMax)) {
        attempts.begin_object().field("id", format_id(attempts::prefix::attempt, attempt.no()));
        attempts.field("channel", channel_name(rows, attempt.account_no()));
        attempts.field("operation", channels::word_of(attempt.operation()));
        attempts.field("state", kStates[std::min<std::size_t>(attempt.state(), kStates.size() - 1)]);
        attempts.field_integer("tries", attempt.tries());
        attempts.field_integer("next_try_ms", wall.of(attempt.next_try_ms()));
        attempts.key("error").any_string(attempt.error().message()).end_object();
    }
}

}  // namespace

void put_payment_row(JsonWriter& json, const payment_list::PaymentRow& row) {
    json.field("id", format_id(prefix::intent, row.intent_no)).field_integer("created_ms", row.created_ms);
    json.field_integer("amount", row.amount).field_integer("amount_refunded", row.amount_refunded);
    json.field("currency", currency_code(row.currency)).field("status", row.status);
    json.key("method").any_string(row.method).key("method_detail").any_string(row.method_detail);
    put_id(json, "customer", customers::prefix::customer, row.customer_no);
    json.key("customer_name").any_string(row.customer_name).key("description").any_string(row.description);
    json.field("merchant", format_id(accounts::prefix::merchant, row.merchant_no));
    json.key("merchant_name").any_string(row.merchant_name);
    json.key("failure_code").any_string(row.failure_code);
}

namespace {

void list_payments(const CallPtr& call) {
    payment_list::PaymentQuery query;
    if (const std::string_view wrong = fill_query(*call, query); !wrong.empty())
        return call->refuse(400, "invalid", "This value cannot be used.", wrong);
    const auto page = payment_list::list(*call->host->reports, query);
    if (!page) return call->refuse(page.error());
    call->answer(200, [&](JsonWriter& json) {
        put_list(json, "data", page->rows, put_payment_row);
        put_text(json, "next_cursor", page->next_cursor);
        json.field_integer("as_of_ms", call->host->clock->wall_ms());  // house: wall: people read it
    });
}

void get_payment(const CallPtr& call) {
    const auto no = parse_id(prefix::intent, call->rest);
    std::optional<payment_list::PaymentRow> row;
    if (no) {
        auto found = payment_list::find(*call->host->reports, call->livemode, *no);
        if (!found) return call->refuse(found.error());
        row = *std::move(found);
    }
    if (!row) return call->refuse(404, "not_found", "There is no such payment.");
    std::uint64_t after_audit_record = 0;
    if (integer(*call, "after_audit_record", after_audit_record) < 0)
        return call->refuse(400, "invalid", "This value cannot be used.", "after_audit_record");
    const machine::Scope scope{row->merchant_no, row->livemode};
    const WallClock wall(*call->host);
    std::string payment = "null";
    Elements charges, refunds, legs, events, webhooks, attempts;
    call->host->service->read([&](const store::Reader& rows, std::uint64_t) {
        if (const auto intent = find_intent(rows, scope, *no)) payment = intent_json(*intent);
        machine::ListQuery of_intent;
        of_intent.intent_no = *no;
        of_intent.limit = office_limits::kPageMax;
        for (const auto& charge : list_charges(rows, scope, of_intent).rows)
            charges.json.raw(charge_json(charge));
        for (const auto& refund : refunds::list_refunds(rows, scope, of_intent).rows)
            refunds.json.raw(refunds::refund_json(refund));
        put_attempts(attempts.json, rows, scope, *no, wall);
    });
    // A payment may have collected thousands: in pieces, so that the log's work goes on in between.
    std::size_t listed = 0;
    bool more = true;
    const auto read_audit_records = [&](const store::Reader& rows, std::uint64_t) {
        const auto page = audit_records_of_intent(rows, scope, *no, after_audit_record, kAuditRecordsPerRead);
        more = page.size() == kAuditRecordsPerRead;
        listed += page.size();
        for (const auto& audit_record : page) {
            put_legs(legs.json, rows, *audit_record);
            put_events(events.json, *audit_record);
            put_deliveries(webhooks.json, rows, scope, *audit_record, wall);
        }
        if (!page.empty()) after_audit_record = page.back()->no();
    };
    while (more && listed < kAuditRecordsListed) call->host->service->read(read_audit_records);
    call->answer(200, [&](JsonWriter& json) {
        json.field_raw("payment", payment).key("row").begin_object();
        put_payment_row(json, *row);
        json.end_object();
        charges.put(json, "charges");
        refunds.put(json, "refunds");
        legs.put(json, "legs");
        events.put(json, "events");
        webhooks.put(json, "webhooks");
        attempts.put(json, "attempts");
        put_text(json, "next_audit_record", more ? std::to_string(after_audit_record) : std::string());
    });
}

// clang-format off
constexpr std::array kRoutes = {
    Route{"GET", Place::mode, "payments",   &permission::read, Runs::report_thread, list_payments, kNone},
    Route{"GET", Place::mode, "payments/*", &permission::read, Runs::report_thread, get_payment, kNone},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

}  // namespace

constinit const surface::office::Resource kAdmin = {.routes = kRoutes};

}  // namespace kontor::payments
