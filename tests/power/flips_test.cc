// One flipped bit, anywhere in a data folder. The node either says which file is damaged, at the start or
// when it meets the place, or the bit does not matter: every row is as it was, now and after more work and
// checkpoints.
//
// KONTOR_SEED=n repeats a run, KONTOR_FLIPS=n is how many bits a file.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "children.h"
#include "domains/all.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/service.h"
#include "world.h"

namespace kontor::power {
namespace {
namespace fs = std::filesystem;

using Rows = std::map<std::pair<store::TableId, std::string>, std::string>;
struct State {
    Rows rows;
    std::string hash;
    friend bool operator==(const State&, const State&) = default;
};

enum Outcome : int { harmless = 0, refused = 10, stopped = 11, unnamed = 12, served = 20, lost_tail = 21 };

State state_of(node::Node& node) {
    State state;
    node.read([&](const store::Reader& reader, std::uint64_t) {
        state.hash = node.state_hash();
        for (const auto& table : domains::registry().tables())
            node.for_each(reader, table.id, [&](std::string_view key, std::string_view value) {
                state.rows.emplace(std::pair(table.id, std::string(key)), value);
                return true;
            });
    });
    return state;
}

// By search instead of by visit: the way of every command.
bool finds_all(node::Node& node, const Rows& rows) {
    bool found = true;
    node.read([&](const store::Reader& reader, std::uint64_t) {
        for (const auto& [key, value] : rows) found = found && reader.get(key.first, key.second) == value;
    });
    return found;
}

// The same commands each time, over checkpoints, so that pages are freed and used again.
void work_on(node::Node& node, std::uint64_t merchant) {
    for (int i = 0; i < 30; ++i) {
        pb::Command command;
        command.set_version(machine::kCommandVersion);
        command.set_merchant_no(merchant);
        mutable_body(command, pb::create_customer)->set_name("Later " + std::to_string(i));
        mutable_body(command, pb::create_customer)->set_description(std::string(800, 'd'));
        static_cast<void>(node.submit_and_wait(std::move(command), [](const machine::Answer&) {}));
        if (i % 10 == 9) static_cast<void>(node.checkpoint());
    }
}

struct Life {
    State first, last;
    std::string error;    // of the start
    std::string failure;  // why it stopped
    bool found_all = true;
};
Life run(const std::string& folder, std::uint64_t merchant, const State* expected) {
    Life run;
    kontor_test::TestClock clock(kWallMs, kBootMs);
    telemetry::Registry metrics;
    std::mutex mutex;
    auto options = small_node(folder, clock, metrics);
    options.on_fatal = [&](const Error& error) {
        const std::lock_guard lock(mutex);
        run.failure = error.describe();
    };
    auto node = node::Node::start(std::move(options));
    if (!node) {
        run.error = node.error().describe();
        return run;
    }
    try {
        run.first = state_of(**node);
        if (expected != nullptr) run.found_all = finds_all(**node, expected->rows);
        work_on(**node, merchant);
        run.last = state_of(**node);
    } catch (const store::StoreFailure&) {
    }
    (*node)->stop();
    const std::lock_guard lock(mutex);
    return run;
}

void flip(const std::string& path, std::uint64_t bit) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(bit / 8));
    const auto byte = static_cast<char>(file.get() ^ (1 << (bit % 8)));
    file.seekp(static_cast<std::streamoff>(bit / 8));
    file.put(byte);
}

// "partitions/01/data.mdb" is named by its folder, or by "partition 01".
bool names(const std::string& text, const std::string& relative) {
    if (text.find(relative) != std::string::npos) return true;
    const fs::path folder = fs::path(relative).parent_path();
    if (relative.ends_with(".mdb"))
        return text.find("partition " + folder.filename().string()) != std::string::npos;
    return relative.find("/log/") != std::string::npos && text.find("/log") != std::string::npos;
}

class Flips : public ::testing::Test {
 protected:
    Flips() : seed_(from_environment("KONTOR_SEED", 20'261'121)), world_(place_of(seed_), seed_) {
        world_.live(0, 40);
        world_.live(450, 80);
        EXPECT_TRUE(world_.problems().empty());
        kill_after(7);
        const std::string copy = world_.data() + ".expected";
        fs::copy(world_.data(), copy, fs::copy_options::recursive);
        expected_ = run(copy, world_.merchant(), nullptr);
        EXPECT_TRUE(expected_.error.empty()) << expected_.error;
        std::cout << "KONTOR_SEED=" << seed_ << ", " << expected_.first.rows.size() << " rows" << std::endl;
    }

    // A process that is killed: it leaves a log that goes on after the checkpoint.
    void kill_after(int commands) {
        std::cout << std::flush;
        const pid_t child = ::fork();
        if (child != 0) {
            ::waitpid(child, nullptr, 0);
            return;
        }
        kontor_test::TestClock clock(kWallMs, kBootMs);
        telemetry::Registry metrics;
        auto node = node::Node::start(small_node(world_.data(), clock, metrics));
        if (!node) ::_exit(1);
        for (int i = 0; i < commands; ++i) {
            pb::Command command;
            command.set_version(machine::kCommandVersion);
            command.set_merchant_no(world_.merchant());
            mutable_body(command, pb::create_customer)->set_name("Last " + std::to_string(i));
            static_cast<void>((*node)->submit_and_wait(std::move(command), [](const machine::Answer&) {}));
        }
        ::_exit(0);
    }

    int try_flip(const std::string& relative, std::uint64_t bit, std::string& said) {
        const std::string copy = world_.data() + ".flipped", log = copy + ".log";
        fs::remove_all(copy);
        fs::copy(world_.data(), copy, fs::copy_options::recursive);
        flip(copy + "/" + relative, bit);
        std::cout << std::flush;
        const pid_t child = ::fork();
        if (child == 0) {
            if (std::freopen(log.c_str(), "w", stderr) == nullptr) ::_exit(1);
            const Life found = run(copy, world_.merchant(), &expected_.first);
            const std::string why = found.error.empty() ? found.failure : found.error;
            std::cerr << why << std::endl;
            if (!why.empty())
                ::_exit(!names(why, relative) ? unnamed : found.error.empty() ? stopped : refused);
            if (found.first == expected_.first && found.found_all && found.last == expected_.last)
                ::_exit(harmless);
            std::cerr << "rows " << found.first.rows.size() << (found.found_all ? "" : ", not all found")
                      << (found.first.hash == expected_.first.hash ? "" : ", other history") << std::endl;
            ::_exit(found.first.hash == expected_.first.hash ? served : lost_tail);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        std::ifstream in(log);
        said.assign(std::istreambuf_iterator<char>(in), {});
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

    const std::uint64_t seed_;
    World world_;
    Life expected_;
};

TEST_F(Flips, AreNamedOrDoNotMatter) {
    std::map<std::string, std::map<int, unsigned>> outcomes;
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(world_.data()))
        if (entry.is_regular_file() && entry.file_size() > 0 && entry.path().filename() != "lock.mdb")
            files.push_back(fs::relative(entry.path(), world_.data()).string());
    for (const std::string& file : files) {
        const std::uint64_t bits = 8 * fs::file_size(world_.data() + "/" + file);
        for (std::uint64_t i = 0; i < from_environment("KONTOR_FLIPS", 8); ++i) {
            const std::uint64_t bit = world_.random()() % bits;
            std::string said;
            const int outcome = try_flip(file, bit, said);
            ++outcomes[file][outcome];
            EXPECT_TRUE(outcome == harmless || outcome == refused || outcome == stopped)
                << file << " bit " << bit << ": " << outcome
                << " (20, 21: wrong rows; 12: not named; below 0: a signal) " << said;
        }
    }
    for (const auto& [file, counts] : outcomes) {
        std::cout << file << ":";
        for (const auto& [outcome, n] : counts) std::cout << "  " << outcome << " x" << n;
        std::cout << std::endl;
    }
    // The test does find something: most bits of a partition hold rows.
    unsigned named = 0;
    for (const auto& [file, counts] : outcomes)
        for (const auto& [outcome, n] : counts) named += outcome == refused || outcome == stopped ? n : 0;
    EXPECT_GT(named, 0U);
}

}  // namespace
}  // namespace kontor::power
