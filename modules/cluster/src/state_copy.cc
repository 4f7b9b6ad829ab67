#include "state_copy.h"

#include <chrono>
#include <thread>

#include "domains/all.h"
#include "kontor/base/disk_space.h"
#include "kontor/base/log.h"
#include "kontor/state_transfer/state_transfer.h"
#include "kontor/store/replace_folder.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kRoomBytes = 32ULL << 20;  // for the answers under way
constexpr std::uint64_t kTellMs = 2'000;
constexpr std::uint64_t kGiveUpMs = 600'000;  // without any progress
constexpr unsigned kFailuresBeforeNext = 3;   // of one source in a row
constexpr std::uint64_t kStayMs =
    8'000;  // with one that gave something: a slow line takes its time to return
constexpr auto kPause = std::chrono::milliseconds(300);

std::string line_of(const state_transfer::StateTransferProgress& progress, std::uint64_t from) {
    std::string line = "copying the state from node " + std::to_string(from) + ": " +
                       std::string(state_transfer::to_string(progress.phase)) + ", " +
                       std::to_string(progress.bytes_done >> 20U) + " of about " +
                       std::to_string(progress.bytes_total_estimate >> 20U) + " MiB";
    if (progress.restarts != 0)
        line +=
            " (began again " + std::to_string(progress.restarts) + " times: " + progress.restart_reason + ")";
    return line;
}

// What another source, or the same one later, may do better.
bool may_pass(ErrorCode code) {
    return code == ErrorCode::unavailable || code == ErrorCode::overloaded || code == ErrorCode::timeout ||
           code == ErrorCode::corruption || code == ErrorCode::conflict;
}

}  // namespace

Result<void> copy_state(const StateCopy& copy) {
    state_transfer::StateSinkOptions options;
    options.folder = store::incoming_folder(copy.store_folder);
    const auto tables = domains::registry().tables();
    options.tables.assign(tables.begin(), tables.end());
    options.partitions = copy.partitions;
    KONTOR_TRY(auto sink, state_transfer::StateSink::open(std::move(options)));
    std::vector<std::uint64_t> sources;
    unsigned failures = 0;
    std::uint64_t progress_ms = copy.clock->monotonic_ms();
    std::uint64_t told_ms = 0;
    Error last{ErrorCode::unavailable, "no other node can be reached"};
    bool has_given = false;  // the first source, before the failures
    const auto failed = [&](Error error) {
        last = std::move(error);
        const bool stays = has_given && copy.clock->monotonic_ms() < progress_ms + kStayMs;
        if (++failures >= kFailuresBeforeNext && !stays) {
            failures = 0;
            has_given = false;
            if (!sources.empty()) sources.erase(sources.begin());
        }
        std::this_thread::sleep_for(kPause);
    };
    while (!sink->done()) {
        if (copy.is_stopping()) return fail(ErrorCode::unavailable, "this node is stopping");
        const std::uint64_t now = copy.clock->monotonic_ms();
        if (now > progress_ms + kGiveUpMs) return fail(last);
        if (sources.empty()) sources = copy.sources();
        // Nothing is begun that would fill the disk; it waits as long as it must.
        const auto space = disk_space(copy.store_folder);
        if (space && space->free_bytes < kRoomBytes) {
            if (now >= told_ms + kTellMs) copy.tell("no space left on the disk of " + copy.store_folder);
            told_ms = now >= told_ms + kTellMs ? now : told_ms;
            progress_ms = now;
            std::this_thread::sleep_for(kPause);
            continue;
        }
        if (now >= told_ms + kTellMs) {
            told_ms = now;
            copy.tell(sources.empty() ? "waiting for a node that has the state: " + last.message
                                      : line_of(sink->progress(), sources.front()));
        }
        if (sources.empty()) {
            std::this_thread::sleep_for(kPause);
            continue;
        }
        const auto answer = copy.ask(sources.front(), sink->next_request());
        if (!answer) {
            failed(answer.error());
            continue;
        }
        if (auto fed = sink->feed(*answer); !fed) {
            if (!may_pass(fed.error().code)) return fed;
            log::warning("cluster", "state from node " + std::to_string(sources.front()) + ": " +
                                        fed.error().describe());
            failed(fed.error());
            continue;
        }
        failures = 0;
        has_given = true;
        progress_ms = copy.clock->monotonic_ms();
        if (copy.progress) copy.progress(sources.front(), sink->progress());
    }
    copy.tell("the state is here, at log index " + std::to_string(sink->progress().index));
    return {};
}

}  // namespace kontor::cluster
