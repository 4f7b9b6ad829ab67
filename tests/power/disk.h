#pragma once
// A disk that can lose its power: every file operation of this process below one folder goes through it,
// LMDB's own and the standard library's included (disk_calls.cc takes the place of the C library's
// functions).
//
// Operations happen on real files at once, so reads and memory maps see what was written. Beside that the
// disk keeps what a real one would promise: the bytes and names that a sync made durable, and in order all
// that came after. When the power goes, write_image() makes the folder that a machine might find: everything
// durable, and of the rest what a seed chooses: lost, kept, torn at sector borders, later writes without
// earlier ones, names without syncs.
//
// What is durable: fsync and fdatasync of a file: its bytes and size, not its name; fsync of a folder: the
// names in it; a write through O_DSYNC: that write. Stricter than any file system in use, as POSIX allows.
//
// Threading: any. Limits: one folder at a time; no links, no renames between folders, no writable maps
// (lock.mdb's content is taken for lost, which LMDB allows).

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace kontor::power {

inline constexpr std::uint64_t kSectorBytes = 512;  // written whole or not at all

enum class Kind : std::uint8_t { write, resize, name, sync, read };
struct Operation {
    Kind kind;
    std::string path;  // below the folder, "log/state"
    std::uint64_t offset = 0;
    std::string_view bytes = {};  // of a write
    bool direct = false;          // a write through O_DSYNC
};

class Disk {
 public:
    static Disk& instance();

    // Takes the folder as it is for durable, and everything below it under watch. Whatever was open is
    // forgotten.
    void watch(const std::string& folder);
    void stop_watching();

    // The power goes at the n-th operation (1: the next) that writes or syncs: it and all later ones fail
    // with EIO.
    void cut_at(std::uint64_t nth);
    [[nodiscard]] bool is_off() const;
    [[nodiscard]] std::uint64_t operations() const;  // since watch(), reads not counted
    // The folder as it may be found afterwards; `folder` must not exist.
    void write_image(const std::string& folder, std::mt19937_64& random) const;

    // Seams; set before the threads start, called with the disk's lock held.
    std::function<int(const Operation&)> fault;  // an errno: the operation fails with it; 0: it does not
    std::function<bool(const Operation&)>
        is_ignored;  // a sync (or a direct write) that only says that it is durable
    std::function<void(const Operation&)>
        on_done;  // a write that reached the disk's cache, a name that was given

    // --- for disk_calls.cc ---
    struct Node;
    struct Handle {
        std::shared_ptr<Node> node;
        std::string path;
        bool direct = false;
    };
    // The path below the folder; nullopt: not ours.
    [[nodiscard]] std::optional<std::string> ours(const std::string& path) const;
    [[nodiscard]] std::optional<Handle> handle(int fd) const;
    void opened(int fd, const std::string& path, bool created, bool truncated, bool direct);
    void closed(int fd);
    // Each runs `action` (the system call) under the lock unless the disk refuses; -1 and errno then.
    long write(const Handle& to, std::uint64_t offset, std::string_view bytes,
               const std::function<long()>& action);
    long resize(const Handle& of, std::uint64_t size, bool only_grow, const std::function<long()>& action);
    long sync(const Handle& of, bool is_folder);
    long read(const Handle& from, const std::function<long()>& action);
    long make_folder(const std::string& path, const std::function<long()>& action);
    long remove(const std::string& path, const std::function<long()>& action);
    long rename(const std::string& from, const std::string& to, const std::function<long()>& action);
    long create(const std::string& path, const std::function<long()>& action);  // an open() that makes a file
    [[nodiscard]] bool exists(const std::string& path) const;

 private:
    struct Change;
    struct NameChange;
    [[nodiscard]] int refuse(const Operation& operation, bool counts);  // an errno or 0
    [[nodiscard]] std::shared_ptr<Node> find(const std::string& path) const;
    void set_name(const std::string& path, std::shared_ptr<Node> node);

    mutable std::recursive_mutex mutex_;
    std::string folder_;
    std::shared_ptr<Node> root_;
    std::map<int, Handle> handles_;
    std::uint64_t count_ = 0, cut_at_ = 0;
    bool off_ = false;
};

}  // namespace kontor::power
