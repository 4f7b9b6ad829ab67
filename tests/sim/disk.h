#pragma once
// The disk under one simulated server's log: real files that every reader sees as written, and beside them
// what a sync made durable. When the power goes, everything else is lost, kept, torn at sector borders or
// kept out of order, as the seed says.
//
// What is durable: sync_data of a file: its bytes and size, not its name; sync_folder: the names in it.
// Threading: one thread. Errors: EIO from the operation on at which the power went; EMFILE of open.

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "file_ops.h"

namespace kontor::sim {

class Disk final : public replication::FileOps {
 public:
    Disk(std::string folder, std::mt19937_64& random) : folder_(std::move(folder)), random_(random) {}

    // The power goes at the n-th operation from now (1: the next).
    void cut_at(std::uint64_t nth) { cut_in_ = nth; }
    [[nodiscard]] bool is_off() const { return off_; }
    // After lose_power(): what the files are, and later are again; but for one that stays as it is.
    using Image = std::map<std::string, std::string>;
    [[nodiscard]] Image image() const;
    void put_back(const Image& image, const std::string& but);
    // Nothing holds a file open: the folder becomes what a machine would find, and the power is back.
    void lose_power();
    // While true no file can be opened; was_refused(): since the process started.
    bool has_no_descriptors = false;
    [[nodiscard]] bool was_refused() const { return refused_; }
    bool lies = false;  // says "durable" and does nothing (tests of the tests)

    Result<replication::File> open(const std::string& path, int flags) override;
    Result<void> write_at(const replication::File& file, std::uint64_t offset,
                          std::string_view bytes) override;
    Result<void> allocate(const replication::File& file, std::uint64_t size) override;
    Result<void> truncate(const replication::File& file, std::uint64_t size) override;
    Result<void> sync_data(const replication::File& file) override;
    Result<void> sync_folder(const std::string& folder) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;

    std::uint64_t lost_writes = 0, torn_writes = 0;  // unsynced when the power went

 private:
    enum class Mode { nothing, everything, prefix, any };
    struct Change {
        bool is_resize = false;
        std::uint64_t offset = 0;  // or the size
        std::string bytes;
        bool only_grow = false;
    };
    struct Node {
        std::string durable;
        std::vector<Change> pending;
    };
    struct NameChange {
        std::string from, to;  // "" none: made, or removed
        std::shared_ptr<Node> node;
    };
    using Names = std::map<std::string, std::shared_ptr<Node>>;

    [[nodiscard]] Result<void> operate(const std::string& path);
    [[nodiscard]] Node& node_of(const replication::File& file) { return *open_.at(file.fd()); }
    static void apply(std::string& content, const Change& change);
    static void apply(Names& names, const NameChange& change);
    void apply_torn(std::string& content, const Change& change);
    [[nodiscard]] std::string found(const Node& node, Mode mode);

    const std::string folder_;
    std::mt19937_64& random_;
    Names names_, durable_names_;
    std::vector<NameChange> pending_names_;
    std::map<int, std::shared_ptr<Node>> open_;  // by descriptor; stale ones are replaced when used again
    std::uint64_t cut_in_ = 0;
    bool off_ = false, refused_ = false;
};

}  // namespace kontor::sim
