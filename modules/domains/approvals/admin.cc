#include "domains/approvals/admin.h"

#include <algorithm>
#include <charconv>

#include "domains/approvals/admin_words.h"
#include "domains/approvals/approvals.h"
#include "domains/approvals/ids.h"
#include "domains/approvals/limits.h"
#include "domains/approvals/permissions.h"
#include "domains/operators/ids.h"
#include "domains/operators/operators.h"
#include "domains/routes.h"
#include "kontor/approvals_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/log.pb.h"
#include "kontor/machine/domain.h"
#include "kontor/money/money.h"
#include "kontor/surface/office_limits.h"

namespace kontor::approvals {

namespace {

using namespace surface::office;  // the routes' words
namespace office_limits = surface::office::limits;

void put_person(JsonWriter& json, std::string_view member, const store::Reader& rows,
                const pb::Actor& actor) {
    json.key(member);
    if (actor.no() == 0) {
        json.null();
        return;
    }
    const auto person = operators::find_operator(rows, actor.no());
    json.begin_object().field("id", format_id(operators::prefix::operator_, actor.no()));
    put_text(json, "name", person ? person->name() : std::string());
    json.end_object();
}

void put_outcome(JsonWriter& json, const machine::Registry& registry, const pb::ApprovalRequest& request) {
    json.key("outcome");
    const bool has_one = request.status() == pb::APPROVAL_EXECUTED || request.status() == pb::APPROVAL_FAILED;
    const machine::Outcome* const outcome = registry.outcome(request.outcome());
    if (!has_one)
        json.null();
    else if (outcome == nullptr)
        json.integer(request.outcome());
    else
        json.string(outcome->name);
}

void put_request(JsonWriter& json, const Call& call, const store::Reader& rows,
                 const pb::ApprovalRequest& request) {
    const machine::Registry& registry = *call.host->registry;
    json.field("id", format_id(prefix::request, request.no()));
    json.field("status", status_name(request.status()));
    put_in_words(json, registry, machine::parse_row<pb::Command>(request.stored(), "approvals"));
    json.field("reason", request.reason());
    put_person(json, "proposer", rows, request.proposer());
    json.field_integer("created_ms", request.created_ms());
    std::optional<std::int64_t> left_ms, decided_ms;
    if (request.status() == pb::APPROVAL_PENDING)
        left_ms = std::max<std::int64_t>(request.ends_ms() - call.host->service->machine_now_ms(), 0);
    if (request.decided_ms() != 0) decided_ms = request.decided_ms();
    put_integer(json, "expires_in_ms", left_ms);
    put_person(json, "decider", rows, request.decider());
    put_integer(json, "decided_ms", decided_ms);
    json.field("note", request.note());
    put_outcome(json, registry, request);
    json.field("message", request.message());
}

void list_requests(const CallPtr& call) {
    std::optional<pb::ApprovalStatus> status;
    if (const std::string_view name = call->parameter("status"); !name.empty()) {
        status = status_of(name);
        if (!status) return call->refuse(400, "invalid", "This value cannot be used.", "status");
    }
    std::size_t limit = office_limits::kPageDefault;
    if (const std::string_view text = call->parameter("limit"); !text.empty()) {
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), limit);
        if (ec != std::errc{} || end != text.data() + text.size() || limit < 1 ||
            limit > office_limits::kPageMax)
            return call->refuse(400, "invalid", "This value cannot be used.", "limit");
    }
    std::uint64_t before_no = 0;
    if (const std::string_view cursor = call->parameter("cursor"); !cursor.empty()) {
        const auto no = parse_id(prefix::request, cursor);
        if (!no) return call->refuse(400, "invalid", "This value cannot be used.", "cursor");
        before_no = *no;
    }
    Elements data;
    std::uint64_t pending = 0, next_no = 0;
    call->host->service->read([&](const store::Reader& rows, std::uint64_t) {
        const auto page = approvals::list_requests(rows, status, before_no, limit + 1);
        for (std::size_t i = 0; i < std::min(page.size(), limit); ++i) {
            data.json.begin_object();
            put_request(data.json, *call, rows, page[i]);
            data.json.end_object();
        }
        if (page.size() > limit) next_no = page[limit - 1].no();
        pending = count_pending(rows);
    });
    call->answer(200, [&](JsonWriter& json) {
        data.put(json, "data");
        put_id(json, "next_cursor", prefix::request, next_no);
        json.field_integer("pending", pending);
    });
}

std::optional<pb::ApprovalRequest> request_of(const CallPtr& call) {
    const auto no = parse_id(prefix::request, call->rest);
    std::optional<pb::ApprovalRequest> request;
    call->host->service->read([&](const store::Reader& rows, std::uint64_t) {
        if (no) request = find_request(rows, *no);
    });
    if (!request) call->refuse(404, "not_found", "There is no such request.");
    return request;
}

void put_read(JsonWriter& json, const Call& call, const pb::ApprovalRequest& request) {
    call.host->service->read(
        [&](const store::Reader& rows, std::uint64_t) { put_request(json, call, rows, request); });
}

void get_request(const CallPtr& call) {
    if (const auto request = request_of(call))
        call->answer(200, [&](JsonWriter& json) { put_read(json, *call, *request); });
}

void decide(const CallPtr& call, pb::Command command) {
    submit(call, std::move(command), [call](JsonWriter& json, const pb::Result& decided) {
        put_read(json, *call, object_in(decided, pb::approval_request));
    });
}

bool has_note(const CallPtr& call) {
    const JsonValue& note = call->body["note"];
    const auto text = note.text();
    if (note.is_absent() || (text && text->size() <= limits::kNoteBytes)) return true;
    call->refuse(422, "note_invalid",
                 "A note is a text of at most " + std::to_string(limits::kNoteBytes) + " bytes.", "note");
    return false;
}

void approve_request(const CallPtr& call) {
    const auto request = request_of(call);
    if (!request || !has_note(call)) return;
    const auto stored = machine::parse_row<pb::Command>(request->stored(), "approvals");
    pb::Command command = operator_command(*call);
    auto& approve = *mutable_body(command, pb::approve_request);
    approve.set_no(request->no());
    approve.set_note(call->text("note"));
    approve.set_weight(machine::command_weight(*call->host->registry, stored));
    decide(call, std::move(command));
}

void reject_request(const CallPtr& call) {
    const auto request = request_of(call);
    if (!request || !has_note(call)) return;
    pb::Command command = operator_command(*call);
    mutable_body(command, pb::reject_request)->set_no(request->no());
    mutable_body(command, pb::reject_request)->set_note(call->text("note"));
    decide(call, std::move(command));
}

void withdraw_request(const CallPtr& call) {
    const auto request = request_of(call);
    if (!request) return;
    pb::Command command = operator_command(*call);
    mutable_body(command, pb::withdraw_request)->set_no(request->no());
    decide(call, std::move(command));
}

// ---- the policy

// Those that a policy may ask about.
template <typename Visit>
void each_command(const machine::Registry& registry, Visit visit) {
    for (const machine::Domain* domain : registry.domains())
        for (const machine::Command& record : domain->commands)
            if (record.approval.value.may_be_asked.value) visit(record);
}

// Whether a route of the back office can propose it: people of other permissions have nothing to wait for.
bool is_proposed(const machine::Command& record) {
    return std::ranges::any_of(domains::admin(), [&](const surface::office::Resource* resource) {
        const std::span<const Route> routes = resource->routes;
        return std::ranges::any_of(routes, [&](const Route& route) {
            return route.method.value != "GET" && route.permission.value == record.permission.value;
        });
    });
}

void put_policy(JsonWriter& json, const machine::Registry& registry, const pb::ApprovalPolicy& policy) {
    json.field_integer("revision", policy.revision()).key("rules").begin_array();
    for (const pb::ApprovalRule& rule : policy.rules()) {
        put_command(json.begin_object(), "command", registry, rule.command());
        json.key("exempt").begin_array();
        for (const pb::ApprovalExemption& one : rule.exempt()) {
            json.begin_object().field("currency", currency_code(one.currency()));
            json.field_integer("below", one.below_minor()).end_object();
        }
        json.end_array().end_object();
    }
    json.end_array().key("commands").begin_array();
    each_command(registry, [&](const machine::Command& record) {
        if (!is_proposed(record)) return;
        json.begin_object().field("name", record.name.value);
        json.field("permission", record.permission.value->name);
        json.field_boolean("has_amount", record.approval.value.amount.value != nullptr).end_object();
    });
    json.end_array();
}

void get_policy(const CallPtr& call) {
    pb::ApprovalPolicy policy;
    call->host->service->read([&](const store::Reader& rows, std::uint64_t) { policy = find_policy(rows); });
    call->answer(200, [&](JsonWriter& json) { put_policy(json, *call->host->registry, policy); });
}

// False: it is no exemption.
bool read_exemption(const JsonValue& one, pb::ApprovalExemption& exempt) {
    const auto currency = money::Currency::from_code(one["currency"].text().value_or(""));
    const auto below = one["below"].integer();
    if (!currency || !below) return false;
    exempt.set_currency(currency->numeric());
    exempt.set_below_minor(*below);
    return true;
}

// False: it is no rule.
bool read_rule(const machine::Registry& registry, const JsonValue& one, pb::ApprovalRule& rule) {
    constexpr std::array<std::string_view, 2> kMembers = {"command", "exempt"};
    const auto name = one["command"].text();
    if (!one.holds_only(kMembers) || !name) return false;
    each_command(registry, [&](const machine::Command& record) {
        if (record.name.value == *name) rule.set_command(record.number);
    });
    if (rule.command() == 0) return false;
    const JsonValue& exempt = one["exempt"];
    if (exempt.is_absent() || exempt.is_null()) return true;
    if (!exempt.is_array()) return false;
    for (const JsonValue& each : exempt.items())
        if (rule.exempt_size() > limits::kExemptions || !read_exemption(each, *rule.add_exempt()))
            return false;
    return true;
}

void set_policy(const CallPtr& call) {
    const auto revision = call->body["revision"].unsigned_integer();
    const JsonValue& rules = call->body["rules"];
    if (!revision)
        return call->refuse(422, "invalid", "The revision of the policy that this one was made from.",
                            "revision");
    if (!rules.is_array()) return call->refuse(422, "invalid", "Rules are a list.", "rules");
    pb::Command command = operator_command(*call);
    auto& set = *mutable_body(command, pb::set_approval_policy);
    set.set_revision(*revision);
    for (const JsonValue& one : rules.items()) {
        if (set.rules_size() <= limits::kRules && read_rule(*call->host->registry, one, *set.add_rules()))
            continue;
        return call->refuse(422, "invalid",
                            "A rule is the name of a command that may need approval, and amounts with their "
                            "currencies below which it needs none; at most " +
                                std::to_string(limits::kRules) + " rules.",
                            "rules");
    }
    submit(call, std::move(command), [call](JsonWriter& json, const pb::Result& made) {
        put_policy(json, *call->host->registry, object_in(made, pb::approval_policy));
    });
}

constexpr std::array<std::string_view, 1> kDecision = {"note"};
constexpr std::array<std::string_view, 2> kNewPolicy = {"revision", "rules"};

// clang-format off
constexpr std::array kRoutes = {
    Route{"GET",  Place::instance, "approvals",            &permission::read,   Runs::report_thread, list_requests, kNone},
    Route{"GET",  Place::instance, "approvals/*",          &permission::read,   Runs::here,          get_request, kNone},
    Route{"POST", Place::instance, "approvals/*/approve",  &permission::decide, Runs::here,          approve_request, kDecision},
    Route{"POST", Place::instance, "approvals/*/reject",   &permission::decide, Runs::here,          reject_request, kDecision},
    Route{"POST", Place::instance, "approvals/*/withdraw", &permission::read,   Runs::here,          withdraw_request, kDecision},
    Route{"GET",  Place::instance, "approval_policy",      &permission::read,   Runs::here,          get_policy, kNone},
    Route{"POST", Place::instance, "approval_policy",      &permission::policy, Runs::here,          set_policy, kNewPolicy},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

}  // namespace

constinit const surface::office::Resource kAdmin = {.routes = kRoutes};

}  // namespace kontor::approvals
