#include "space_guard.h"

#include <unistd.h>

#include <algorithm>
#include <limits>

#include "kontor/base/disk_space.h"
#include "kontor/base/files.h"
#include "kontor/base/log.h"

namespace kontor::node {
namespace {

constexpr std::uint64_t kFileShare = 4;  // of the reserve
constexpr std::uint64_t kAgainShare =
    4;  // so much of the reserve more must be free before writes are taken again
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kMostFileBytes = 16 * kMiB;

}  // namespace

std::uint64_t default_reserve(std::uint64_t segment_bytes, std::uint64_t memtable_bytes,
                              std::uint64_t disk_bytes) {
    // Of each memtable the redo file, and about as much again in the partitions.
    const std::uint64_t wanted = segment_bytes + 4 * memtable_bytes;
    return std::clamp(std::min(wanted, disk_bytes / kReserveShareOfDisk), kLeastReserveBytes,
                      kMostReserveBytes);
}

SpaceGuard::SpaceGuard(std::vector<std::string> folders, std::uint64_t reserve_bytes,
                       std::uint64_t segment_bytes, std::uint64_t memtable_bytes)
    : folders_(std::move(folders)),
      file_(folders_.front() + "/reserve"),
      reserve_bytes_(reserve_bytes),
      has_file_(file_exists(file_)) {
    if (reserve_bytes_ == 0) {
        const auto space = disk_space(folders_.front());
        reserve_bytes_ =
            default_reserve(segment_bytes, memtable_bytes,
                            space ? space->total_bytes : std::numeric_limits<std::uint64_t>::max());
    }
    file_bytes_ = std::min(reserve_bytes_ / kFileShare, kMostFileBytes);
}

std::uint64_t SpaceGuard::again_bytes() const {
    return reserve_bytes_ + reserve_bytes_ / kAgainShare;
}

std::string SpaceGuard::lacks(std::uint64_t wanted_bytes) {
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    std::string text;
    for (const std::string& folder : folders_) {
        const auto space = disk_space(folder);
        if (!space) continue;
        least = std::min(least, space->free_bytes);
        const bool no_files = space->has_file_limit && space->free_files < kLeastFreeFiles;
        if (!text.empty() || (space->free_bytes >= wanted_bytes && !no_files)) continue;
        text = "no space left on the disk of " + folder + ": " +
               (no_files ? std::to_string(space->free_files) + " more files are possible"
                         : std::to_string(space->free_bytes / kMiB) + " MiB are free, " +
                               std::to_string(reserve_bytes_ / kMiB) + " are kept in reserve") +
               "; writes are refused" +
               (no_files ? "" : " until " + std::to_string(again_bytes() / kMiB) + " MiB are free") +
               ", reads go on";
    }
    free_bytes_.store(least, std::memory_order_relaxed);
    return text;
}

// Given up when less than its own size is left beside it; made again once there is twice as much.
void SpaceGuard::keep_file() {
    const std::uint64_t free = free_bytes();
    if (has_file_ && free < file_bytes_) {
        give_up_file();
    } else if (!has_file_ && free > reserve_bytes_ + file_bytes_) {
        has_file_ = reserve_file(file_, file_bytes_).has_value();
    }
}

void SpaceGuard::give_up_file() {
    (void)::unlink(file_.c_str());
    has_file_ = false;
    log::warning("node", "event=reserve_given_up file=" + file_);
}

void SpaceGuard::look(std::uint64_t now_ms) {
    const bool refused = refuses();
    std::string text = lacks(refused ? again_bytes() : reserve_bytes_);
    std::uint64_t met_ms = met_full_ms_.load();
    if (met_ms != 0 && now_ms < met_ms + kBelievedMs) {
        // The write that met it tries again with this room. To make the file again before no write has met it
        // for a while would take that room away.
        if (has_file_) give_up_file();
    } else {
        keep_file();
        if (met_ms != 0 && has_file_) met_full_ms_.compare_exchange_strong(met_ms, 0);
    }
    if (text.empty() && met_full_ms_.load() != 0)
        text = "no space left on the disk of " + folders_.front() +
               " although it has room: is there a quota?; writes are refused, reads go on";
    if (text.empty() != refused) {
        const std::lock_guard lock(mutex_);
        text_ = text;
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        text_ = text;
    }
    refuses_.store(!text.empty());
    if (text.empty())
        log::info("node", "event=disk_has_room free_mib=" + std::to_string(free_bytes() / kMiB));
    else
        log::error("node", "event=disk_full reason=\"" + text + "\"");
}

bool SpaceGuard::has_room(std::uint64_t bytes) const {
    return std::all_of(folders_.begin(), folders_.end(), [bytes](const std::string& folder) {
        const auto space = disk_space(folder);
        return !space || space->free_bytes >= bytes;
    });
}

std::string SpaceGuard::text() const {
    const std::lock_guard lock(mutex_);
    return text_;
}

}  // namespace kontor::node
