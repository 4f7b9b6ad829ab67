#pragma once
// Keeps a node's promise (promise.h) in two places (docs/formats/marker.md): what grows seldom in the folder,
// and all of it in the marker, a file outside of the folder that stays when the folder is replaced by a copy.
//
// The folder goes first, synced; the marker may be behind it and never is ahead, so a marker that is ahead
// means an older folder. The marker is synced at each start only: on the way of an acknowledgement it costs a
// copy into the page cache. A marker that cannot be written protects nobody and stops nobody: it is told
// once.
//
// Threading: open() to begin() on one thread; then raised() and lowering() on the log's, voted() on the
// loop's, now() on any. Errors: conflict when the folder is older than the marker; io, no_space of the
// folder.

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "file_ops.h"
#include "kontor/replication/promise.h"
#include "kontor/replication/replica.h"
#include "state_file.h"

namespace kontor::replication {

class PromiseKeeper {
 public:
    // `marker`: path, "" for none.
    static Result<std::unique_ptr<PromiseKeeper>> open(const std::string& folder, const std::string& marker,
                                                       const StateFile& state, FileOps& files);
    // What the marker says from begin() on, for the day on which the folder is lost.
    void is_of_member(bool is_member) { is_member_ = is_member; }
    // Before the log is touched: is what a start needs as new as the marker says?
    [[nodiscard]] Result<void> check_start() const;
    // And its entries, which end at `last_index`? Then this start counts.
    [[nodiscard]] Result<void> begin(std::uint64_t last_index);
    // Before begin(): the folder says that a marker was kept, and there is none.
    void tell_when_lost() const;

    // Entries up to here are durable. Before they are acknowledged.
    void raised(std::uint64_t index);
    // Before entries above `index` are removed.
    [[nodiscard]] Result<void> lowering(std::uint64_t index);
    void voted(std::uint64_t sequence, std::uint64_t term);  // after it is durable, before it is told
    [[nodiscard]] Promise now() const;

    // An operator says that the older folder counts: nothing of it is older than the marker any more.
    [[nodiscard]] Result<void> accept(StateFile& state);

 private:
    PromiseKeeper(std::string folder, std::string marker, FileOps& files)
        : folder_(std::move(folder)), marker_path_(std::move(marker)), files_(files) {}
    [[nodiscard]] Result<void> load_folder();
    [[nodiscard]] Result<void> load_marker();
    [[nodiscard]] Result<void> store_folder();
    [[nodiscard]] Result<void> store_whole_marker();
    [[nodiscard]] Error older(const std::string& what) const;
    void write_marker(std::uint64_t offset, const std::string& record);
    void marker_failed(const Error& error);

    const std::string folder_, marker_path_;
    FileOps& files_;
    NodeState owner_;
    bool folder_is_unreadable_ = false, is_member_ = false;
    std::optional<Promise> marker_;  // as found at the start
    File marker_file_;
    std::atomic<bool> marker_failed_{false};
    std::atomic<std::uint64_t> generation_{0}, sequence_{0}, term_{0}, epoch_{0};
    // Until begin() nobody knows how far the log was: whatever is taken from it before counts.
    std::atomic<std::uint64_t> index_{UINT64_MAX};
};

// A folder that has no log yet and a marker that knows of one: the folder was lost. Errors: conflict.
[[nodiscard]] Result<void> check_no_marker(const ReplicaOptions& options);
// What a new folder begins with.
[[nodiscard]] Result<void> begin_promises(const std::string& folder, const Promise& promise, FileOps& files);

// Who the marker is of; nullopt: there is none, or it cannot be read.
struct MarkerOwner {
    std::uint64_t node_id = 0;
    Uuid cluster{};
    bool is_member = false;  // of a cluster; a marker of a version that did not say it: false
    Promise promise;
};
[[nodiscard]] Result<std::optional<MarkerOwner>> load_marker(const std::string& path);

}  // namespace kontor::replication
