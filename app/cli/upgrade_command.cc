// `kontor upgrade --rolling`: from outside, over the control socket of a node of this machine, which is
// started again like all others; meanwhile nobody answers there.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "cluster_talk.h"
#include "commands.h"
#include "output.h"
#include "version.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr auto kLook = std::chrono::milliseconds(100);
constexpr auto kSettledWithin = std::chrono::seconds(5);   // before the first node
constexpr auto kHealthyWithin = std::chrono::seconds(15);  // between two nodes
constexpr auto kFeaturesWithin = std::chrono::seconds(15);

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "; ") + line;
    return text;
}

std::string seconds_since(Clock::time_point begun) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun).count();
    return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + " s";
}

class Upgrade {
 public:
    Upgrade(const UpgradeArguments& arguments, std::string folder, const Output& output)
        : arguments_(arguments), folder_(std::move(folder)), output_(output) {}

    Result<void> run() {
        KONTOR_TRY(const ClusterStatus status, settled());
        KONTOR_CHECK(check(status));
        if (arguments_.check_only || left_.empty()) return {};
        level_before_ = status.feature_level;
        while (!left_.empty()) KONTOR_CHECK(next());
        return finish();
    }

 private:
    // A node that was just started or has just joined is connected to all others a moment later.
    [[nodiscard]] Result<ClusterStatus> settled() const {
        const auto end = Clock::now() + kSettledWithin;
        while (true) {
            auto status = ask_cluster_status(folder_);
            if (!status || !status->member || problems_of(*status).empty() || Clock::now() >= end)
                return status;
            std::this_thread::sleep_for(kLook);
        }
    }

    // Nothing is touched before all of this holds.
    Result<void> check(const ClusterStatus& status) {
        if (!status.member)
            return fail(ErrorCode::invalid_argument,
                        "this node is alone, so its restart is a pause: systemctl restart kontor");
        if (const auto problems = problems_of(status); !problems.empty())
            return fail(ErrorCode::conflict, "not begun, since the cluster is not well: " + joined(problems) +
                                                 ". If a node was just started: try again in a moment");
        if (status.voters() < 3 && !arguments_.accepts_pause)
            return fail(ErrorCode::conflict, "not begun: with " + std::to_string(status.voters()) +
                                                 " voters, payments wait while one of them is away. To go "
                                                 "on all the same: --accept-pause");
        for (const NodeStatus& node : status.nodes) {
            const std::string name = "node " + std::to_string(node.no);
            const auto answer =
                ask_node(folder_, {{"command", "cluster-restart"}, {"node", node.no}, {"check_only", true}});
            if (!answer)
                return fail(answer.error().code, "not begun: " + name + ": " + answer.error().message);
            const std::string next = answer->value("version", "");
            if (next != kVersion)
                return fail(ErrorCode::conflict, "not begun: on " + name + " lies version " + next +
                                                     ", and this is " + kVersion +
                                                     ": put the new binary in its place there first");
            const bool is_due = arguments_.all || node.version != kVersion;
            tell(node.no,
                 is_due ? "runs " + node.version + ", will run " + next : "runs " + next + " already",
                 is_due ? "due" : "done");
            if (is_due) left_.push_back(node.no);
        }
        if (left_.empty()) output_.text("Every node runs " + std::string(kVersion) + ".");
        return {};
    }

    // Stand-bys and followers first; the leader when all others are done.
    Result<void> next() {
        KONTOR_TRY(const ClusterStatus status, healthy());
        auto chosen =
            std::find_if(left_.begin(), left_.end(), [&](std::uint64_t no) { return no != status.leader; });
        if (chosen == left_.end()) chosen = left_.begin();
        const std::uint64_t no = *chosen;
        const auto begun = Clock::now();
        tell(no, no == status.leader ? "hands over and drains" : "drains", "draining");
        const auto answer = ask_to_restart(no);
        if (!answer) return stopped(no, answer.error().message);
        KONTOR_CHECK(wait_for(no, answer->value("run", "")));
        tell(no,
             "is back with " + std::string(kVersion) + ", ready and caught up, after " + seconds_since(begun),
             "done");
        left_.erase(chosen);
        return {};
    }

    // It may not have heard yet of a node that has just come back, as this one has.
    Result<nlohmann::json> ask_to_restart(std::uint64_t no) const {
        const auto end = Clock::now() + kHealthyWithin;
        for (;;) {
            auto answer = ask_node(folder_, {{"command", "cluster-restart"},
                                             {"node", no},
                                             {"drain_ms", arguments_.drain_s * 1000},
                                             {"accept_pause", arguments_.accepts_pause}});
            const bool is_refused = !answer && answer.error().code == ErrorCode::conflict;
            if (!is_refused || Clock::now() >= end) return answer;
            std::this_thread::sleep_for(kLook);
        }
    }

    Result<void> wait_for(std::uint64_t no, const std::string& run_before) {
        const auto end = Clock::now() + std::chrono::seconds(arguments_.node_timeout_s + arguments_.drain_s);
        bool is_back = false;
        std::string last = "it did not come back";
        while (Clock::now() < end) {
            std::this_thread::sleep_for(kLook);
            const auto status = ask_cluster_status(folder_);
            if (!status) continue;  // it is this machine's node, or it is busy
            const NodeStatus* const node = status->find(no);
            if (node == nullptr) return stopped(no, "it was removed meanwhile");
            if (!node->is_known || node->run == run_before || node->run.empty()) continue;
            if (!std::exchange(is_back, true)) tell(no, "is back with " + node->version, "back");
            if (node->version != kVersion)
                return stopped(no, "it came back with version " + node->version + ", not " + kVersion);
            const auto problems = problems_of(*status);
            if (problems.empty()) return {};
            last = joined(problems);
        }
        return stopped(
            no, "after " + std::to_string(arguments_.node_timeout_s) + " s: " + last + ". Its log says why");
    }

    Result<ClusterStatus> healthy() const {
        const auto end = Clock::now() + kHealthyWithin;
        std::string last = "no answer";
        while (Clock::now() < end) {
            auto status = ask_cluster_status(folder_);
            const auto problems = status ? problems_of(*status) : std::vector{status.error().message};
            if (problems.empty()) return *std::move(status);
            last = joined(problems);
            std::this_thread::sleep_for(kLook);
        }
        return fail(ErrorCode::conflict,
                    "stopped before the next node, since the cluster is not well: " + last);
    }

    [[nodiscard]] Error stopped_error(std::uint64_t no, const std::string& why) const {
        std::string rest;
        for (const std::uint64_t other : left_)
            if (other != no) rest += (rest.empty() ? "" : ", ") + std::to_string(other);
        return Error{ErrorCode::conflict,
                     "stopped at node " + std::to_string(no) + ": " + why + "." +
                         (rest.empty() ? std::string()
                                       : " The others were left alone (not upgraded yet: " + rest + ").") +
                         " Called again, it goes on"};
    }
    [[nodiscard]] Result<void> stopped(std::uint64_t no, const std::string& why) const {
        return Unexpected{stopped_error(no, why)};
    }

    // What the new version can do is used from now on.
    Result<void> finish() {
        const auto end = Clock::now() + kFeaturesWithin;
        std::uint32_t active = level_before_, wanted = level_before_;
        while (Clock::now() < end) {
            if (const auto status = ask_cluster_status(folder_)) {
                active = status->feature_level;
                wanted = status->nodes.empty() ? active : UINT32_MAX;
                for (const NodeStatus& node : status->nodes) wanted = std::min(wanted, node.feature_level);
                if (active >= wanted && wanted != 0) break;
            }
            std::this_thread::sleep_for(kLook);
        }
        if (active < wanted)
            return fail(ErrorCode::timeout, "all nodes are upgraded, but feature level " +
                                                std::to_string(wanted) + " is not in use yet");
        output_.step("Done: every node runs " + std::string(kVersion) + "; feature level " +
                         std::to_string(active) +
                         (active > level_before_ ? " is in use from now on, so the older version cannot be "
                                                   "gone back to."
                                                 : " as before."),
                     Json{{"event", "upgraded"}, {"version", kVersion}, {"feature_level", active}});
        return {};
    }

    void tell(std::uint64_t no, const std::string& what, const char* state) const {
        output_.step("Node " + std::to_string(no) + " " + what + ".",
                     Json{{"event", "node"}, {"node", no}, {"state", state}, {"what", what}});
    }

    const UpgradeArguments& arguments_;
    const std::string folder_;
    const Output& output_;
    std::vector<std::uint64_t> left_;
    std::uint32_t level_before_ = 0;
};

}  // namespace

int run_upgrade(const UpgradeArguments& arguments) {
    const Output output(arguments.json);
    const auto folder = data_folder_from(arguments.data_folder, arguments.config_file, arguments.assignments);
    if (!folder) {
        std::fprintf(stderr, "kontor upgrade: %s\n", folder.error().message.c_str());
        return 2;
    }
    const auto done = Upgrade(arguments, *folder, output).run();
    if (done) return 0;
    std::fprintf(stderr, "kontor upgrade: %s\n", done.error().message.c_str());
    output.event(Json{{"event", "stopped"}, {"error", done.error().message}});
    return 1;
}

}  // namespace kontor::app
