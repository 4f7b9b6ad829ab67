#include "domains/approvals/admin.h"

#include <charconv>

#include "domains/approvals/admin_words.h"
#include "domains/approvals/approvals.h"
#include "domains/approvals/ids.h"
#include "domains/approvals/limits.h"
#include "domains/approvals/permissions.h"
#include "domains/operators/ids.h"
#include "domains/operators/operators.h"
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

Json person_json(const store::Reader& rows, const pb::Actor& actor) {
    if (actor.no() == 0) return nullptr;
    const auto person = operators::find_operator(rows, actor.no());
    return Json{{"id", format_id(operators::prefix::operator_, actor.no())},
                {"name", person ? Json(person->name()) : Json(nullptr)}};
}

Json outcome_json(const machine::Registry& registry, const pb::ApprovalRequest& request) {
    if (request.status() != pb::APPROVAL_EXECUTED && request.status() != pb::APPROVAL_FAILED) return nullptr;
    const machine::Outcome* const outcome = registry.outcome(request.outcome());
    return outcome == nullptr ? Json(request.outcome()) : Json(outcome->name);
}

Json request_json(const Call& call, const store::Reader& rows, const pb::ApprovalRequest& request) {
    const machine::Registry& registry = *call.host->registry;
    const bool is_pending = request.status() == pb::APPROVAL_PENDING;
    Json json{{"id", format_id(prefix::request, request.no())}, {"status", status_name(request.status())}};
    json.update(in_words(registry, machine::parse_row<pb::Command>(request.stored(), "approvals")));
    json.update(
        Json{{"reason", request.reason()},
             {"proposer", person_json(rows, request.proposer())},
             {"created_ms", request.created_ms()},
             {"expires_in_ms", is_pending ? Json(std::max<std::int64_t>(
                                                request.ends_ms() - call.host->service->machine_now_ms(), 0))
                                          : Json(nullptr)},
             {"decider", person_json(rows, request.decider())},
             {"decided_ms", request.decided_ms() == 0 ? Json(nullptr) : Json(request.decided_ms())},
             {"note", request.note()},
             {"outcome", outcome_json(registry, request)},
             {"message", request.message()}});
    return json;
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
    Json data = Json::array(), next = nullptr;
    std::uint64_t pending = 0;
    call->host->service->read([&](const store::Reader& rows, std::uint64_t) {
        const auto page = approvals::list_requests(rows, status, before_no, limit + 1);
        for (std::size_t i = 0; i < std::min(page.size(), limit); ++i)
            data.push_back(request_json(*call, rows, page[i]));
        if (page.size() > limit) next = format_id(prefix::request, page[limit - 1].no());
        pending = count_pending(rows);
    });
    call->answer(200, Json{{"data", data}, {"next_cursor", next}, {"pending", pending}});
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

Json json_of(const Call& call, const pb::ApprovalRequest& request) {
    Json json;
    call.host->service->read(
        [&](const store::Reader& rows, std::uint64_t) { json = request_json(call, rows, request); });
    return json;
}

void get_request(const CallPtr& call) {
    if (const auto request = request_of(call)) call->answer(200, json_of(*call, *request));
}

void decide(const CallPtr& call, pb::Command command) {
    submit(call, std::move(command), [call](const pb::Result& decided) {
        return json_of(*call, object_in(decided, pb::approval_request));
    });
}

bool has_note(const CallPtr& call) {
    if (!call->body.contains("note") ||
        (call->body["note"].is_string() && call->text("note").size() <= limits::kNoteBytes))
        return true;
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

Json policy_json(const machine::Registry& registry, const pb::ApprovalPolicy& policy) {
    Json rules = Json::array(), commands = Json::array();
    for (const pb::ApprovalRule& rule : policy.rules()) {
        Json exempt = Json::array();
        for (const pb::ApprovalExemption& one : rule.exempt())
            exempt.push_back(Json{{"currency", currency_code(one.currency())}, {"below", one.below_minor()}});
        const machine::Command* const record = registry.command(rule.command());
        rules.push_back(Json{{"command", record == nullptr ? Json(rule.command()) : Json(record->name.value)},
                             {"exempt", exempt}});
    }
    each_command(registry, [&](const machine::Command& record) {
        commands.push_back(Json{{"name", record.name.value},
                                {"permission", record.permission.value->name},
                                {"has_amount", record.approval.value.amount.value != nullptr}});
    });
    return Json{{"revision", policy.revision()}, {"rules", rules}, {"commands", commands}};
}

void get_policy(const CallPtr& call) {
    pb::ApprovalPolicy policy;
    call->host->service->read([&](const store::Reader& rows, std::uint64_t) { policy = find_policy(rows); });
    call->answer(200, policy_json(*call->host->registry, policy));
}

// False: it is no exemption.
bool read_exemption(const nlohmann::json& one, pb::ApprovalExemption& exempt) {
    if (!one.is_object() || !one.contains("currency") || !one["currency"].is_string() ||
        !one.contains("below") || !one["below"].is_number_integer())
        return false;
    const auto currency = money::Currency::from_code(one["currency"].get<std::string>());
    if (!currency) return false;
    exempt.set_currency(currency->numeric());
    exempt.set_below_minor(one["below"].get<std::int64_t>());
    return true;
}

// False: it is no rule.
bool read_rule(const machine::Registry& registry, const nlohmann::json& one, pb::ApprovalRule& rule) {
    constexpr std::array<std::string_view, 2> kMembers = {"command", "exempt"};
    if (!holds_only(one, kMembers) || !one.contains("command") || !one["command"].is_string()) return false;
    const std::string name = one["command"].get<std::string>();
    each_command(registry, [&](const machine::Command& record) {
        if (record.name.value == name) rule.set_command(record.number);
    });
    if (rule.command() == 0) return false;
    const auto exempt = one.find("exempt");
    if (exempt == one.end() || exempt->is_null()) return true;
    if (!exempt->is_array()) return false;
    for (const auto& each : *exempt)
        if (rule.exempt_size() > limits::kExemptions || !read_exemption(each, *rule.add_exempt()))
            return false;
    return true;
}

void set_policy(const CallPtr& call) {
    const nlohmann::json& body = call->body;
    if (!body.contains("revision") || !body["revision"].is_number_unsigned())
        return call->refuse(422, "invalid", "The revision of the policy that this one was made from.",
                            "revision");
    if (!body.contains("rules") || !body["rules"].is_array())
        return call->refuse(422, "invalid", "Rules are a list.", "rules");
    pb::Command command = operator_command(*call);
    auto& set = *mutable_body(command, pb::set_approval_policy);
    set.set_revision(body["revision"].get<std::uint64_t>());
    for (const auto& one : body["rules"]) {
        if (set.rules_size() <= limits::kRules && read_rule(*call->host->registry, one, *set.add_rules()))
            continue;
        return call->refuse(422, "invalid",
                            "A rule is the name of a command that may need approval, and amounts with their "
                            "currencies below which it needs none; at most " +
                                std::to_string(limits::kRules) + " rules.",
                            "rules");
    }
    submit(call, std::move(command), [call](const pb::Result& made) {
        return policy_json(*call->host->registry, object_in(made, pb::approval_policy));
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
