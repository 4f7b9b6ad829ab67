#include "kept_redo.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <limits>

#include "files.h"
#include "kontor/base/log.h"
#include "redo_file.h"

namespace kontor::store {
namespace {

constexpr std::size_t kMaxRemembered = 64;  // ended leases, whose sinks may ask why

std::uint64_t now_ms() {  // for durations only
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

}  // namespace

KeptRedo::KeptRedo(std::string folder, std::uint64_t index, std::uint64_t needed_from, Limits limits)
    : folder_(std::move(folder)), limits_(limits), newest_complete_(index), old_below_(needed_from) {
    auto files = list_redo_files(folder_);
    if (!files) return;
    for (const std::uint64_t file : *files) {
        std::error_code code;
        const auto bytes = std::filesystem::file_size(redo_path(folder_, file), code);
        if (!code) files_[file] = bytes;
    }
}

Result<void> KeptRedo::note_complete(std::uint64_t index) {
    const std::string path = redo_path(folder_, index);
    std::error_code code;
    const auto bytes = std::filesystem::file_size(path, code);
    if (code) return fail(errno_error("stat " + path, code.value()));
    const std::scoped_lock lock(mutex_);
    files_[index] = bytes;
    newest_complete_ = index;
    return {};
}

Result<void> KeptRedo::remove_old(std::uint64_t index) {
    const std::scoped_lock lock(mutex_);
    old_below_ = index;
    return trim();
}

void KeptRedo::expire() {
    const std::uint64_t now = now_ms();
    for (auto& [id, held] : held_)
        if (held.ended.empty() && now - held.renewed_ms > limits_.lease_ms)
            held.ended = "it had asked for nothing in " + std::to_string(limits_.lease_ms) + " ms";
    while (kept_bytes() > limits_.kept_bytes) {
        Held* oldest = nullptr;
        for (auto& [id, held] : held_)
            if (held.ended.empty() && (oldest == nullptr || held.base < oldest->base)) oldest = &held;
        if (oldest == nullptr) break;
        oldest->ended = "redo files of " + std::to_string(kept_bytes()) +
                        " bytes were kept for it, the limit is " + std::to_string(limits_.kept_bytes) +
                        ": raise transfer_max_kept_bytes, or copy faster";
        log::warning("store", "a transfer of the state was ended: " + oldest->ended);
    }
    for (auto it = held_.begin(); held_.size() > kMaxRemembered && it != held_.end();)
        it = it->second.ended.empty() ? std::next(it) : held_.erase(it);
}

std::uint64_t KeptRedo::needed_from() const {
    std::uint64_t from = std::numeric_limits<std::uint64_t>::max();
    for (const auto& [id, held] : held_)
        if (held.ended.empty()) from = std::min(from, held.base + 1);
    return from;
}

std::uint64_t KeptRedo::kept_bytes() const {
    std::uint64_t bytes = 0;
    for (auto file = files_.lower_bound(needed_from()); file != files_.end() && file->first < old_below_;
         ++file)
        bytes += file->second;
    return bytes;
}

Result<void> KeptRedo::trim() {
    expire();
    const std::uint64_t below = std::min(old_below_, needed_from());
    bool removed = false;
    while (!files_.empty() && files_.begin()->first < below) {
        const std::string path = redo_path(folder_, files_.begin()->first);
        if (::unlink(path.c_str()) != 0) return fail(errno_error("remove " + path, errno));
        files_.erase(files_.begin());
        removed = true;
    }
    return removed ? sync_path(folder_) : Result<void>{};
}

Result<void> KeptRedo::hold(std::uint64_t id, const std::function<std::uint64_t()>& merged) {
    const std::scoped_lock lock(mutex_);
    held_.erase(id);
    expire();
    std::size_t live = 0;
    for (const auto& [other, held] : held_) live += held.ended.empty() ? 1 : 0;
    if (live >= limits_.leases)
        return fail(ErrorCode::overloaded, "the state is being copied to " + std::to_string(live) +
                                               " nodes already; try again when one is done");
    held_[id] = Held{merged(), now_ms(), ""};
    return {};
}

std::optional<std::string> KeptRedo::renew(std::uint64_t id, std::uint64_t applied) {
    const std::scoped_lock lock(mutex_);
    expire();
    const auto found = held_.find(id);
    if (found == held_.end()) return "this node does not know it (was it started again?)";
    Held& held = found->second;
    if (!held.ended.empty()) return held.ended;
    held.renewed_ms = now_ms();
    if (applied > held.base && applied <= newest_complete_) held.base = applied;
    return std::nullopt;
}

bool KeptRedo::is_held(std::uint64_t id) {
    const std::scoped_lock lock(mutex_);
    expire();
    const auto found = held_.find(id);
    return found != held_.end() && found->second.ended.empty();
}

void KeptRedo::release(std::uint64_t id) {
    const std::scoped_lock lock(mutex_);
    held_.erase(id);
    if (auto trimmed = trim(); !trimmed) log::warning("store", trimmed.error().describe());
}

std::optional<KeptRedo::Next> KeptRedo::next_after(std::uint64_t index) const {
    const std::scoped_lock lock(mutex_);
    const auto found = files_.upper_bound(index);
    if (found == files_.end()) return std::nullopt;
    Next next{found->first, found->second, newest_complete_, 0};
    for (auto file = found; file != files_.end(); ++file) next.remaining += file->second;
    return next;
}

std::uint64_t KeptRedo::bytes_above(std::uint64_t index) const {
    const std::scoped_lock lock(mutex_);
    std::uint64_t bytes = 0;
    for (auto file = files_.upper_bound(index); file != files_.end(); ++file) bytes += file->second;
    return bytes;
}

CopyStats KeptRedo::stats() const {
    const std::scoped_lock lock(mutex_);
    CopyStats stats;
    for (const auto& [id, held] : held_) stats.transfers += held.ended.empty() ? 1 : 0;
    stats.kept_redo_bytes = kept_bytes();
    return stats;
}

}  // namespace kontor::store
