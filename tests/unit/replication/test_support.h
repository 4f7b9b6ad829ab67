#pragma once
// Shared by the replication tests: a folder that goes away, a file system that fails on purpose.

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "file_ops.h"
#include "kontor/base/clock.h"
#include "kontor/replication/replica.h"
#include "support/recording_machine.h"
#include "support/temp_folder.h"

namespace kontor::replication::test {

class TempFolder : public kontor_test::TempFolder {
 public:
    TempFolder() : kontor_test::TempFolder("replication") {}
};

inline std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(out.good());
}

inline std::vector<std::string> segments_in(const std::string& folder) {
    std::vector<std::string> out;
    auto names = list_folder(folder);
    EXPECT_TRUE(names.has_value());
    for (const auto& name : *names) {
        if (name.ends_with(".seg")) out.push_back(folder + "/" + name);
    }
    return out;
}

using kontor_test::Applied;
using kontor_test::RecordingMachine;

// Lets the n-th call of a kind, or of any kind, fail; of a write that fails as "any", half arrives.
class FailingFileOps : public FileOps {
 public:
    std::atomic<int> fail_sync_after{-1}, fail_write_after{-1}, fail_allocate_after{-1}, fail_any_after{-1};
    std::atomic<int> syncs_after_failure{0}, writes_after_failure{0};
    std::atomic<bool> failed{false};

    Result<void> write_at(const File& file, std::uint64_t offset, std::string_view bytes) override {
        if (failed) ++writes_after_failure;
        if (due(fail_write_after)) return kontor::fail(errno_error("write", ENOSPC));
        if (due(fail_any_after)) {
            KONTOR_CHECK(FileOps::write_at(file, offset, bytes.substr(0, bytes.size() / 2)));
            return broken();
        }
        return FileOps::write_at(file, offset, bytes);
    }
    Result<void> sync_data(const File& file) override {
        if (failed) ++syncs_after_failure;
        if (due(fail_sync_after)) return kontor::fail(errno_error("fdatasync", EIO));
        if (due(fail_any_after)) return broken();
        return FileOps::sync_data(file);
    }
    Result<void> allocate(const File& file, std::uint64_t size) override {
        if (due(fail_allocate_after)) return kontor::fail(errno_error("allocate", ENOSPC));
        if (due(fail_any_after)) return broken();
        return FileOps::allocate(file, size);
    }
    Result<File> open(const std::string& path, int flags) override {
        if (due(fail_any_after)) return broken();
        return FileOps::open(path, flags);
    }
    Result<void> truncate(const File& file, std::uint64_t size) override {
        if (due(fail_any_after)) return broken();
        return FileOps::truncate(file, size);
    }
    Result<void> sync_folder(const std::string& folder) override {
        if (due(fail_any_after)) return broken();
        return FileOps::sync_folder(folder);
    }
    Result<void> rename(const std::string& from, const std::string& to) override {
        if (due(fail_any_after)) return broken();
        return FileOps::rename(from, to);
    }
    Result<void> remove(const std::string& path) override {
        if (due(fail_any_after)) return broken();
        return FileOps::remove(path);
    }

 private:
    static Unexpected broken() { return kontor::fail(errno_error("a disk that fails", EIO)); }
    bool due(std::atomic<int>& counter) {
        if (counter < 0) return false;
        if (counter-- > 0) return false;
        counter = -1;
        failed = true;
        return true;
    }
};

inline ReplicaOptions options_in(const std::string& folder) {
    ReplicaOptions options;
    options.folder = folder;
    options.clock = &system_clock();
    options.segment_bytes = 64U << 10U;
    options.trailing_entries = 4;
    return options;
}

// Proposes one after the other, waiting for room; returns the positions in order.
inline std::vector<Position> propose_all(Replica& replica, const std::vector<std::string>& payloads) {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Position> positions(payloads.size());
    std::size_t answered = 0;
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!replica.ready() && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
        replica.propose(payloads[i], [&, i](Result<Position> at) {
            const std::lock_guard lock(mutex);
            EXPECT_TRUE(at.has_value()) << (at ? "" : at.error().describe());
            if (at) positions[i] = *at;
            ++answered;
            changed.notify_all();
        });
    }
    std::unique_lock lock(mutex);
    EXPECT_TRUE(
        changed.wait_for(lock, std::chrono::seconds(20), [&] { return answered == payloads.size(); }));
    return positions;
}

}  // namespace kontor::replication::test
