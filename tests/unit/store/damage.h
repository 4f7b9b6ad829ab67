#pragma once
// A store with known rows whose files a test can damage.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>

#include "store_testing.h"

namespace kontor::store {

inline std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
inline void spit(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Flips one bit of every copy of `what` in a file (LMDB keeps older pages); returns how many there were.
inline unsigned flip(const std::string& path, const std::string& what, std::size_t offset) {
    std::string bytes = slurp(path);
    unsigned found = 0;
    for (std::size_t at = bytes.find(what); at != std::string::npos;
         at = bytes.find(what, at + what.size())) {
        bytes[at + offset] = static_cast<char>(bytes[at + offset] ^ 1);
        ++found;
    }
    spit(path, bytes);
    return found;
}

inline std::string partition_file(const std::string& folder, unsigned number) {
    return folder + "/partitions/0" + std::to_string(number) + "/data.mdb";
}

inline void fill(const std::string& folder, std::uint64_t checkpoints) {
    const auto store = open_or_die(test_options(folder));
    for (std::uint64_t index = 1; index <= checkpoints; ++index) {
        store->begin();
        store->writer().put(kPlain, "the key", "the precious value " + std::to_string(index));
        for (int i = 0; i < 50; ++i)
            store->writer().put(kSorted, "ho" + std::to_string(i), std::to_string(index));
        store->commit(index, 0);
        store->freeze("replication meta of " + std::to_string(index));
        store->wait_for_checkpoint();
    }
}

// Dies in the checkpoint of index 2 after `step`.
inline void fill_and_die(const std::string& folder, const std::string& step,
                         std::uint64_t max_pages = 40'000) {
    fill(folder, 1);
    const pid_t child = ::fork();
    if (child == 0) {
        StoreOptions options = test_options(folder);
        options.max_pages_per_commit = max_pages;
        options.crash_point = [&](const char* at) {
            if (step == at) ::_exit(42);
        };
        const auto store = open_or_die(options);
        store->begin();
        for (int i = 0; i < 50; ++i) {
            store->writer().put(kSorted, "ho" + std::to_string(i), "2");
            store->writer().put(kPlain, "plain" + std::to_string(i), "2");
        }
        store->commit(2, 0);
        store->freeze("");
        store->wait_for_checkpoint();
        ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42) << step;
}

// As a store that is too large to be checked whole when it is opened.
inline StoreOptions unchecked(const std::string& folder) {
    StoreOptions options = test_options(folder);
    options.check_up_to_bytes = 0;
    return options;
}

// Nothing is written, and no disk is waited for.
inline StoreOptions to_look_at(StoreOptions options) {
    options.read_only = true;
    return options;
}

inline std::string open_error(const std::string& folder, bool checked = false) {
    const auto store = Store::open(checked ? test_options(folder) : unchecked(folder));
    return store ? "opened at " + std::to_string((*store)->applied_index()) : store.error().describe();
}

}  // namespace kontor::store
