#pragma once
// What approvals shall do, in the simplest words: a list of requests and a few sets. It knows no rows.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "kontor/approvals.pb.h"

namespace kontor::approvals::testing {

class Model {
 public:
    struct Person {
        std::string role = "all";
        bool disabled = false;
    };
    struct Request {
        std::uint64_t proposer = 0;
        std::string command;
        pb::ApprovalStatus status = pb::APPROVAL_PENDING;
        std::int64_t ends_ms = 0;
        std::uint32_t outcome = 0;
    };

    // What the commands answer: numbers of outcomes.
    std::uint32_t propose(std::uint64_t person, const std::string& command, std::uint64_t request);
    std::uint32_t approve(std::uint64_t person, std::uint64_t request);
    std::uint32_t reject(std::uint64_t person, std::uint64_t request);
    std::uint32_t withdraw(std::uint64_t person, std::uint64_t request);
    std::uint32_t set_policy(std::uint64_t person, const std::set<std::string>& commands,
                             std::uint64_t request);
    void tick();
    [[nodiscard]] std::uint64_t pending() const;

    std::map<std::uint64_t, Person> people;
    std::map<std::uint64_t, Request> requests;
    std::set<std::string> policy;
    std::map<std::string, int> runs;  // of each command
    std::int64_t now = 0;

 private:
    [[nodiscard]] bool may(std::uint64_t person, const std::string& command) const;
    [[nodiscard]] bool decides(std::uint64_t person) const;
    std::uint32_t waits(std::uint64_t person, const std::string& command, std::uint64_t request);
    std::uint32_t run(const std::string& command);
    // 0: it waits for a decision.
    [[nodiscard]] std::uint32_t problem(std::uint64_t request) const;

    struct Change {
        std::set<std::string> commands;
        std::uint64_t revision = 0;
    };
    std::map<std::uint64_t, Change> changes_;  // by request
    std::uint64_t revision_ = 0;
};

}  // namespace kontor::approvals::testing
