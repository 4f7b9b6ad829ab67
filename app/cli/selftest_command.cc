// `kontor selftest --failover`: makes the leader of a running cluster fail under load, and counts.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "cluster_talk.h"
#include "commands.h"
#include "control.h"
#include "kontor/base/clock.h"
#include "kontor/cluster/cluster.h"
#include "output.h"
#include "selftest_load.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kLook = std::chrono::milliseconds(100);
constexpr std::uint64_t kIsolationMinMs = 3'000, kIsolationMaxMs = 10'000;
constexpr std::uint64_t kGraceMs = 15'000;  // for what is under way at the end
constexpr auto kWellWithin = std::chrono::seconds(60);

std::string in_seconds(std::int64_t us) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.2f s", static_cast<double>(us) / 1e6);
    return text;
}

class Selftest {
 public:
    Selftest(const SelftestArguments& arguments, std::string folder, const Output& output)
        : arguments_(arguments), folder_(std::move(folder)), output_(output) {}

    // True: everything holds.
    Result<bool> run() {
        KONTOR_CHECK(prepare());
        auto held = under_load();
        if (const auto revoked = ask_node(folder_, {{"command", "selftest-end"}, {"key", key_}}); !revoked)
            output_.step("The test's key could not be revoked: " + revoked.error().message,
                         Json{{"event", "key_left"}, {"hint", key_.substr(key_.size() - 4)}});
        return held;
    }

 private:
    Result<void> prepare() {
        KONTOR_TRY(status_, ask_cluster_status(folder_));
        if (!status_.member)
            return fail(ErrorCode::invalid_argument, "this node is alone: there is nobody to take over");
        if (const auto problems = problems_of(status_); !problems.empty())
            return fail(ErrorCode::conflict, "not begun, since the cluster is not well: " + problems.front());
        if (status_.voters() < 3)
            return fail(ErrorCode::conflict, "not begun: with " + std::to_string(status_.voters()) +
                                                 " voters nobody can take over when one is lost");
        if (arguments_.kill && status_.leader != status_.self)
            return fail(ErrorCode::conflict,
                        "--kill ends the process of this folder, and the leader is node " +
                            std::to_string(status_.leader) + ": run it there, or 'kontor cluster transfer " +
                            std::to_string(status_.self) + "' first");
        KONTOR_TRY(const nlohmann::json live, ask_node(folder_, {{"command", "selftest-live"}}));
        failed_node_ = status_.leader;
        isolation_ms_ =
            std::clamp<std::uint64_t>(arguments_.duration_s * 1000 / 3, kIsolationMinMs, kIsolationMaxMs);
        const std::string what =
            arguments_.kill
                ? "its process is killed (kill -9), and must be started again by whoever supervises it"
                : "its peer port is deaf and dumb for " + std::to_string(isolation_ms_ / 1000) +
                      " s, then goes on by itself";
        output_.text(
            "This sends transfers of a test merchant to all " + std::to_string(status_.nodes.size()) +
            " nodes for " + std::to_string(arguments_.duration_s) + " s, and makes the leader, node " +
            std::to_string(failed_node_) + ", fail meanwhile: " + what +
            ".\nOther clients notice a pause of about a second; the books keep the test's transfers.");
        output_.event(Json{{"event", "plan"},
                           {"leader", failed_node_},
                           {"failure", arguments_.kill ? "kill" : "isolate"},
                           {"duration_s", arguments_.duration_s},
                           {"live_merchants", live.value("live", false)}});
        if (live.value("live", false) && !arguments_.yes)
            return fail(ErrorCode::permission_denied,
                        "not begun: merchants take live payments here. To go on: the same with --yes");
        KONTOR_CHECK(find_targets());
        KONTOR_TRY(const nlohmann::json made, ask_node(folder_, {{"command", "selftest-begin"}}));
        key_ = made.value("key", "");
        return {};
    }

    Result<void> find_targets() {
        KONTOR_TRY(const nlohmann::json known, ask_node(folder_, {{"command", "cluster-authorities"}}));
        for (const NodeStatus& node : status_.nodes) {
            if (node.api_url.empty())
                return fail(ErrorCode::invalid_argument,
                            "not begun: nobody knows the API's address of node " + std::to_string(node.no) +
                                ": set cluster.api_url there");
            targets_.push_back({node.no, node.api_url, known.value(std::to_string(node.no), "")});
        }
        return {};
    }

    Result<bool> under_load() {
        SelftestLoad load(targets_, key_, arguments_.threads,
                          static_cast<std::uint64_t>(system_clock().wall_ms()));
        KONTOR_CHECK(load.start());
        const auto third = std::chrono::milliseconds(arguments_.duration_s * 1000 / 3);
        std::this_thread::sleep_for(third);
        const std::uint64_t before = load.acknowledged();
        KONTOR_CHECK(make_it_fail(load));
        std::this_thread::sleep_for(third * 2);
        const LoadCounts counts = load.stop(kGraceMs);
        output_.step(std::to_string(counts.acknowledged) + " transfers were acknowledged, " +
                         std::to_string(before) +
                         " of them before the failure. Waiting until all nodes are well …",
                     Json{{"event", "load_ended"}, {"acknowledged", counts.acknowledged}});
        wait_until_well();
        return judge(load, counts);
    }

    Result<void> make_it_fail(SelftestLoad& load) {
        if (arguments_.kill) {
            KONTOR_TRY(const pid_t pid, control_peer(control_path(folder_)));
            if (::kill(pid, SIGKILL) != 0) return fail(errno_error("kill the leader's process", errno));
            load.failed_at(system_clock().monotonic_us());
        } else {
            KONTOR_CHECK(ask_node(
                folder_, {{"command", "cluster-isolate"}, {"node", failed_node_}, {"ms", isolation_ms_}}));
            load.failed_at(system_clock().monotonic_us() + cluster::kIsolationBeginsMs * 1000);
        }
        output_.step(
            "Node " + std::to_string(failed_node_) + (arguments_.kill ? " is killed." : " is cut off."),
            Json{{"event", "failed"}, {"node", failed_node_}});
        return {};
    }

    // Also when one is missing: what is there is judged.
    void wait_until_well() {
        const auto end = std::chrono::steady_clock::now() + kWellWithin;
        while (std::chrono::steady_clock::now() < end) {
            const auto status = ask_cluster_status(folder_);
            if (status) status_ = *status;
            if (status && problems_of(*status).empty()) return;
            std::this_thread::sleep_for(kLook);
        }
    }

    Result<bool> judge(const SelftestLoad& load, const LoadCounts& counts) {
        std::uint64_t missing = 0, duplicates = 0;
        std::vector<std::uint64_t> checked, unchecked;
        for (const SelftestTarget& target : targets_) {
            const auto stored = load.check(target.node_no);
            if (!stored) {
                unchecked.push_back(target.node_no);
                output_.text("Node " + std::to_string(target.node_no) +
                             " could not be looked at: " + stored.error().message);
                continue;
            }
            checked.push_back(target.node_no);
            missing = std::max(missing, stored->missing);
            duplicates = std::max(duplicates, stored->duplicates);
        }
        const bool changed_hands = status_.leader != 0 && counts.recovered_us >= 0;
        // A killed node that nobody starts again is not the cluster's fault.
        const bool all_checked =
            unchecked.empty() || (arguments_.kill && unchecked == std::vector<std::uint64_t>{failed_node_});
        const bool holds = missing == 0 && duplicates == 0 && counts.wrong == 0 && counts.unresolved == 0 &&
                           counts.acknowledged != 0 && changed_hands && all_checked && !checked.empty();
        output_.text(
            "Acknowledged and not stored: " + std::to_string(missing) +
            "\nStored twice:                " + std::to_string(duplicates) +
            "\nNever answered:              " + std::to_string(counts.unresolved) +
            "\nWrong answers:               " + std::to_string(counts.wrong) +
            (counts.first_wrong.empty() ? "" : " (" + counts.first_wrong + ")") +
            "\nErrors to be tried again:    " + std::to_string(counts.retryable) +
            "\nFirst write after failure:   " +
            (counts.recovered_us < 0 ? "none" : in_seconds(counts.recovered_us)) +
            "\nLongest transfer:            " + in_seconds(static_cast<std::int64_t>(counts.longest_us)) +
            (holds ? "\nAll holds." : "\nIT DOES NOT HOLD."));
        output_.event(Json{{"event", "selftest"},
                           {"holds", holds},
                           {"acknowledged", counts.acknowledged},
                           {"missing", missing},
                           {"duplicates", duplicates},
                           {"unresolved", counts.unresolved},
                           {"wrong", counts.wrong},
                           {"first_wrong", counts.first_wrong},
                           {"retryable", counts.retryable},
                           {"new_leader_ms", counts.recovered_us < 0 ? -1 : counts.recovered_us / 1000},
                           {"longest_ms", counts.longest_us / 1000},
                           {"failed_node", failed_node_},
                           {"leader", status_.leader},
                           {"nodes_checked", checked},
                           {"nodes_not_checked", unchecked}});
        return holds;
    }

    const SelftestArguments& arguments_;
    const std::string folder_;
    const Output& output_;
    ClusterStatus status_;
    std::uint64_t failed_node_ = 0, isolation_ms_ = 0;
    std::string key_;
    std::vector<SelftestTarget> targets_;
};

}  // namespace

int run_selftest(const SelftestArguments& arguments) {
    const Output output(arguments.json);
    const auto folder = data_folder_from(arguments.data_folder, arguments.config_file, arguments.assignments);
    if (!folder) {
        std::fprintf(stderr, "kontor selftest: %s\n", folder.error().message.c_str());
        return 2;
    }
    const auto holds = Selftest(arguments, *folder, output).run();
    if (holds) return *holds ? 0 : 1;
    std::fprintf(stderr, "kontor selftest: %s\n", holds.error().message.c_str());
    output.event(Json{{"event", "selftest"}, {"holds", false}, {"error", holds.error().message}});
    return 1;
}

}  // namespace kontor::app
