#pragma once
// Sees to it that a disk which fills up finds a node that writes nothing any more, instead of one in the
// middle of a write: below a reserve new commands are refused, what is under way has room, and reads go on. A
// file of a quarter of the reserve (16 MiB at most) is given up when somebody else takes the rest, so that a
// checkpoint can be finished and a node can start. With room again, it all comes back by itself
// (docs/operating.md, "A full disk").
//
// Threading: look() on one thread; all else anywhere, cheap. Errors: none; a folder that cannot be looked at
// is the disk thread's to report. Limits: kMostReserveBytes.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace kontor::node {

// When the settings do not say it: what one log segment and the checkpoints of two memtables may take, but no
// more than an eighth of a small disk.
inline constexpr std::uint64_t kMostReserveBytes = 1ULL << 30, kLeastReserveBytes = 8ULL << 20;
inline constexpr std::uint64_t kReserveShareOfDisk = 8;
inline constexpr std::uint64_t kLeastFreeFiles = 64;  // inodes
inline constexpr std::uint64_t kBelievedMs = 1'000;   // who waits tries again more often than that
[[nodiscard]] std::uint64_t default_reserve(std::uint64_t segment_bytes, std::uint64_t memtable_bytes,
                                            std::uint64_t disk_bytes);

class SpaceGuard {
 public:
    // `folders`: where this node writes; the first one holds the file. reserve_bytes 0: default_reserve().
    SpaceGuard(std::vector<std::string> folders, std::uint64_t reserve_bytes, std::uint64_t segment_bytes,
               std::uint64_t memtable_bytes);
    void look(std::uint64_t now_ms);  // of a clock that does not go back
    // Somebody met an error of a full disk although there seemed to be room (a quota): believed for
    // kBelievedMs, and from then on until the file can be made again. Who tries again and meets it again says
    // so.
    void note_full(std::uint64_t now_ms) { met_full_ms_.store(std::max<std::uint64_t>(1, now_ms)); }
    [[nodiscard]] bool refuses() const { return refuses_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool has_room(std::uint64_t bytes) const;
    [[nodiscard]] std::string text() const;  // "" while there is room
    [[nodiscard]] std::uint64_t free_bytes() const { return free_bytes_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t reserve_bytes() const { return reserve_bytes_; }
    [[nodiscard]] std::uint64_t again_bytes() const;  // what has to be free before writes are taken again

 private:
    [[nodiscard]] std::string lacks(std::uint64_t wanted_bytes);
    void keep_file();
    void give_up_file();

    const std::vector<std::string> folders_;
    const std::string file_;
    std::uint64_t reserve_bytes_, file_bytes_;
    bool has_file_ = false;
    std::atomic<bool> refuses_{false};
    std::atomic<std::uint64_t> met_full_ms_{0};  // 0: there is room as far as anybody knows
    std::atomic<std::uint64_t> free_bytes_{0};
    mutable std::mutex mutex_;
    std::string text_;  // guarded by mutex_
};

}  // namespace kontor::node
