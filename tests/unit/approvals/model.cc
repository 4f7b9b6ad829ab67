#include "model.h"

#include <algorithm>

#include "domains/approvals/limits.h"
#include "domains/approvals/outcomes.h"
#include "kontor/machine/outcome.h"

namespace kontor::approvals::testing {

namespace {
constexpr std::uint32_t kOk = 0;
const std::string kPolicy = "set_approval_policy";
}  // namespace

bool Model::may(std::uint64_t person, const std::string& command) const {
    const Person& who = people.at(person);
    if (who.disabled || who.role == "gone") return false;
    if (who.role == "judge") return command == kPolicy || command == "decide" || command == "withdraw";
    if (who.role == "clerk") return command != "decide";
    return true;
}

bool Model::decides(std::uint64_t person) const {
    return may(person, "decide") && may(person, kPolicy);
}

std::uint32_t Model::waits(std::uint64_t person, const std::string& command, std::uint64_t request) {
    std::size_t of_person = 0, all = 0;
    for (const auto& [no, one] : requests) {
        if (one.status != pb::APPROVAL_PENDING) continue;
        ++all;
        of_person += one.proposer == person ? 1 : 0;
    }
    if (all >= limits::kPending || of_person >= limits::kPendingPerOperator)
        return machine::outcome::limit_reached;
    requests[request] = {person, command, pb::APPROVAL_PENDING, now + limits::kRequestMs, 0};
    return machine::outcome::awaiting_approval;
}

std::uint32_t Model::run(const std::string& command) {
    ++runs[command];
    return kOk;
}

std::uint32_t Model::propose(std::uint64_t person, const std::string& command, std::uint64_t request) {
    if (!may(person, command)) return machine::outcome::permission_denied;
    return policy.contains(command) ? waits(person, command, request) : run(command);
}

std::uint32_t Model::set_policy(std::uint64_t person, const std::set<std::string>& commands,
                                std::uint64_t request) {
    if (!may(person, kPolicy)) return machine::outcome::permission_denied;
    const bool loosens = !std::includes(commands.begin(), commands.end(), policy.begin(), policy.end());
    if (loosens || policy.contains(kPolicy)) {
        const std::uint32_t answer = waits(person, kPolicy, request);
        if (answer == machine::outcome::awaiting_approval) changes_[request] = {commands, revision_};
        return answer;
    }
    const auto deciders =
        std::count_if(people.begin(), people.end(), [&](const auto& one) { return decides(one.first); });
    if (!commands.empty() && deciders < 2) return outcome::too_few_people;
    policy = commands;
    ++revision_;
    return run(kPolicy);
}

std::uint32_t Model::problem(std::uint64_t request) const {
    const auto found = requests.find(request);
    if (found == requests.end()) return machine::outcome::resource_missing;
    const Request& one = found->second;
    if (one.status == pb::APPROVAL_EXPIRED || (one.status == pb::APPROVAL_PENDING && one.ends_ms <= now))
        return outcome::request_expired;
    return one.status == pb::APPROVAL_PENDING ? 0 : outcome::already_decided.number;
}

std::uint32_t Model::approve(std::uint64_t person, std::uint64_t request) {
    if (!may(person, "decide")) return machine::outcome::permission_denied;
    if (const std::uint32_t why = problem(request); why != 0) return why;
    Request& one = requests[request];
    if (one.proposer == person) return outcome::own_request;
    if (!may(person, one.command)) return machine::outcome::permission_denied;
    one.ends_ms = now + limits::kKeptMs;
    if (!may(one.proposer, one.command)) {
        one.outcome = machine::outcome::permission_denied;
    } else if (one.command == kPolicy) {
        const Change& change = changes_[request];
        const auto deciders =
            std::count_if(people.begin(), people.end(), [&](const auto& who) { return decides(who.first); });
        if (change.revision != revision_) {
            one.outcome = outcome::policy_changed;
        } else if (!change.commands.empty() && deciders < 2) {
            one.outcome = outcome::too_few_people;
        } else {
            policy = change.commands;
            ++revision_;
            one.outcome = run(one.command);
        }
    } else {
        one.outcome = run(one.command);
    }
    one.status = one.outcome == kOk ? pb::APPROVAL_EXECUTED : pb::APPROVAL_FAILED;
    return kOk;
}

std::uint32_t Model::reject(std::uint64_t person, std::uint64_t request) {
    if (!may(person, "decide")) return machine::outcome::permission_denied;
    if (const std::uint32_t why = problem(request); why != 0) return why;
    if (requests[request].proposer == person) return outcome::own_request;
    requests[request].status = pb::APPROVAL_REJECTED;
    requests[request].ends_ms = now + limits::kKeptMs;
    return kOk;
}

std::uint32_t Model::withdraw(std::uint64_t person, std::uint64_t request) {
    if (!may(person, "withdraw")) return machine::outcome::permission_denied;
    if (const std::uint32_t why = problem(request); why != 0) return why;
    if (requests[request].proposer != person) return outcome::own_request;
    requests[request].status = pb::APPROVAL_WITHDRAWN;
    requests[request].ends_ms = now + limits::kKeptMs;
    return kOk;
}

void Model::tick() {
    for (auto at = requests.begin(); at != requests.end();) {
        Request& one = at->second;
        const bool is_due = one.ends_ms <= now;
        if (is_due && one.status != pb::APPROVAL_PENDING) {
            at = requests.erase(at);
            continue;
        }
        if (is_due) {
            one.status = pb::APPROVAL_EXPIRED;
            one.ends_ms = now + limits::kKeptMs;
        }
        ++at;
    }
}

std::uint64_t Model::pending() const {
    return static_cast<std::uint64_t>(std::count_if(requests.begin(), requests.end(), [](const auto& one) {
        return one.second.status == pb::APPROVAL_PENDING;
    }));
}

}  // namespace kontor::approvals::testing
