// The policy: which commands need approval, and who may change that.
#include <algorithm>

#include "domains/approvals/approvals.h"
#include "domains/approvals/commands.h"
#include "domains/approvals/limits.h"
#include "domains/approvals/outcomes.h"
#include "domains/approvals/permissions.h"
#include "domains/approvals/tables.h"
#include "domains/operators/operators.h"
#include "kontor/approvals_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/machine/refuse.h"
#include "kontor/money/money.h"

namespace kontor::approvals {

using namespace machine;  // the frame's words

namespace {

constexpr std::size_t kPeople = 2;

using Rules = google::protobuf::RepeatedPtrField<pb::ApprovalRule>;

const pb::ApprovalRule* rule_of(const Rules& rules, std::uint32_t command) {
    for (const pb::ApprovalRule& rule : rules)
        if (rule.command() == command) return &rule;
    return nullptr;
}

// From which amount on somebody is asked; 0: always.
std::int64_t asked_from(const pb::ApprovalRule& rule, std::uint32_t currency) {
    for (const pb::ApprovalExemption& exempt : rule.exempt())
        if (exempt.currency() == currency) return exempt.below_minor();
    return 0;
}

// Whether there is a command that needed approval and would not any more.
bool loosens(const Rules& now, const Rules& wanted) {
    for (const pb::ApprovalRule& rule : now) {
        const pb::ApprovalRule* const then = rule_of(wanted, rule.command());
        if (then == nullptr) return true;
        for (const pb::ApprovalExemption& exempt : then->exempt())
            if (exempt.below_minor() > asked_from(rule, exempt.currency())) return true;
    }
    return false;
}

// Why a rule is none; "" : it is one.
std::string problem_of(const Registry& registry, const pb::ApprovalRule& rule) {
    const machine::Command* const record = registry.command(rule.command());
    if (record == nullptr || !record->approval.value.may_be_asked.value)
        return "Command " + std::to_string(rule.command()) + " cannot be made to need approval.";
    const std::string name(record->name.value);
    if (rule.exempt_size() > limits::kExemptions)
        return "A rule has at most " + std::to_string(limits::kExemptions) + " exemptions.";
    if (!rule.exempt().empty() && record->approval.value.amount.value == nullptr)
        return "The command " + name + " is about no amount: it needs approval always or never.";
    std::vector<std::uint32_t> currencies;
    for (const pb::ApprovalExemption& exempt : rule.exempt()) {
        if (exempt.currency() > UINT16_MAX ||
            !money::Currency::from_numeric(static_cast<std::uint16_t>(exempt.currency())))
            return "An exemption of " + name + " is in no currency.";
        if (exempt.below_minor() <= 0 || exempt.below_minor() > money::kMaxAmountMinor)
            return "An exemption of " + name + " is between 1 and " + std::to_string(money::kMaxAmountMinor) +
                   ".";
        currencies.push_back(exempt.currency());
    }
    std::sort(currencies.begin(), currencies.end());
    if (std::adjacent_find(currencies.begin(), currencies.end()) != currencies.end())
        return "A rule of " + name + " has two exemptions in one currency.";
    return {};
}

// Those who could approve the next change of the policy.
std::size_t count_deciders(const Context& context) {
    std::size_t count = 0;
    for (const pb::Operator& person : operators::list_operators(context.rows)) {
        const Role* const role = person.disabled() ? nullptr : context.registry.role(person.role());
        if (role != nullptr && role->may(permission::decide) && role->may(permission::policy)) ++count;
    }
    return count;
}

}  // namespace

// What its amount is in a currency without exemption, or not known: asked about.
bool asks_about(const pb::ApprovalPolicy& policy, const Context& context, const machine::Command& record) {
    if (record.number.value == pb::kSetApprovalPolicyFieldNumber) {
        const pb::SetApprovalPolicy& wanted = body(context.command, pb::set_approval_policy);
        if (wanted.revision() != policy.revision()) return false;  // set_policy() refuses it at once
        if (loosens(policy.rules(), wanted.rules())) return true;
    }
    const pb::ApprovalRule* const rule = rule_of(policy.rules(), record.number);
    if (rule == nullptr) return false;
    if (rule->exempt().empty()) return true;
    const AmountOf amount_of = record.approval.value.amount;
    const std::optional<Amount> amount = amount_of == nullptr ? std::nullopt : amount_of(context);
    if (!amount || amount->minor <= 0) return true;
    const std::int64_t from = asked_from(*rule, amount->currency);
    return from == 0 || amount->minor >= from;
}

pb::Result set_policy(Context& context, const pb::SetApprovalPolicy& wanted) {
    const pb::ApprovalPolicy now = find_policy(context.rows);
    if (wanted.revision() != now.revision())
        return refuse(outcome::policy_changed,
                      "The policy has revision " + std::to_string(now.revision()) + ", not " +
                          std::to_string(wanted.revision()) + ": it was changed meanwhile.",
                      "revision");
    if (wanted.rules_size() > limits::kRules)
        return refuse(machine::outcome::limit_reached,
                      "A policy has at most " + std::to_string(limits::kRules) + " rules.", "rules");
    for (const pb::ApprovalRule& rule : wanted.rules())
        if (std::string problem = problem_of(context.registry, rule); !problem.empty())
            return refuse(machine::outcome::invalid_parameter, std::move(problem), "rules");
    pb::Result result;
    pb::ApprovalPolicy& policy = *mutable_object(result, pb::approval_policy);
    policy.set_revision(now.revision() + 1);
    *policy.mutable_rules() = wanted.rules();
    auto& rules = *policy.mutable_rules();
    std::sort(rules.begin(), rules.end(),
              [](const pb::ApprovalRule& a, const pb::ApprovalRule& b) { return a.command() < b.command(); });
    const auto same = [](const pb::ApprovalRule& a, const pb::ApprovalRule& b) {
        return a.command() == b.command();
    };
    if (std::adjacent_find(rules.begin(), rules.end(), same) != rules.end())
        return refuse(machine::outcome::invalid_parameter, "A command has two rules.", "rules");
    if (!rules.empty() && count_deciders(context) < kPeople)
        return refuse(outcome::too_few_people,
                      "Nobody else could approve: there are not two operators with the permissions '" +
                          std::string(permission::decide.name) + "' and '" +
                          std::string(permission::policy.name) + "'.");
    context.put(table::approvals, policy_key(), policy);
    *mutable_object(*context.audit_record(kInstanceScope).add_changes(), pb::approval_policy) = policy;
    return result;
}

}  // namespace kontor::approvals
