#pragma once
// The state machine with people of several roles, a merchant, and short words for what they propose and
// decide.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "domains/all.h"
#include "domains/approvals/approvals.h"
#include "domains/approvals/limits.h"
#include "domains/approvals/outcomes.h"
#include "kontor/approvals_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/audit.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/operators.pb.h"
#include "support/memory_rows.h"

namespace kontor::approvals::testing {

using namespace machine;  // the frame's words

inline constexpr std::int64_t kStart = 1'800'000'000'000;
inline constexpr std::int64_t kHour = 3'600'000;
inline constexpr std::uint32_t kEur = 978, kUsd = 840;

// Roles that the platform does not have yet. "all" has every permission; "clerk" all but to decide; "judge"
// those of approvals alone; "gone" is in no table.
[[nodiscard]] std::span<const Role> desk_roles();

class Desk {
 public:
    explicit Desk(const Registry& registry = own_registry());
    // All domains, with the roles of this desk.
    static const Registry& own_registry();

    // ---- people
    std::uint64_t person(const std::string& name, const std::string& role = "all");
    void give_role(std::uint64_t person, const std::string& role);
    void disable(std::uint64_t person, bool disabled = true);

    // ---- commands
    pb::Result apply(const pb::Command& command);
    [[nodiscard]] static pb::Command by(std::uint64_t person);
    [[nodiscard]] static pb::Command by_system();
    [[nodiscard]] pb::Command of_merchant(pb::Command command) const;
    [[nodiscard]] static pb::Command create_merchant(pb::Command command, const std::string& name = "Shop");
    // A body with nothing in it, of whichever command.
    [[nodiscard]] static pb::Command empty_body(pb::Command command, std::uint32_t kind);

    // ---- approvals
    // The rules are about commands by name, without exemptions.
    pb::Result set_policy(std::uint64_t person, const std::vector<std::string>& commands);
    pb::Result set_rules(std::uint64_t person, const std::vector<pb::ApprovalRule>& rules);
    pb::Result propose(const pb::Command& command);  // expects that it waits
    pb::Result approve(std::uint64_t person, std::uint64_t request, const std::string& note = {});
    pb::Result reject(std::uint64_t person, std::uint64_t request, const std::string& note = {});
    pb::Result withdraw(std::uint64_t person, std::uint64_t request);
    [[nodiscard]] pb::ApprovalRequest request(std::uint64_t no) const;
    void tick();

    // All rows but that of the times, which each entry writes.
    [[nodiscard]] kontor::testing::MemoryRows::Rows but_times() const;
    void expect_whole() const;
    [[nodiscard]] AuditReport audit() const;
    [[nodiscard]] std::uint32_t number_of(std::string_view command) const;

    const Registry& registry;
    kontor::testing::MemoryRows rows;
    Machine machine;
    Effects effects;
    std::uint64_t index = 0;
    std::int64_t now = kStart;
    std::uint64_t merchant = 0;

 private:
    void change(std::uint64_t person, const std::function<void(pb::Operator&)>& edit);
    std::uint64_t tokens_ = 0;
};

[[nodiscard]] pb::ApprovalRule rule(std::uint32_t command,
                                    std::vector<std::pair<std::uint32_t, std::int64_t>> exempt = {});

}  // namespace kontor::approvals::testing
