// Fail-stop and kill: whatever ends the process, what was applied is there afterwards, at the same place.

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <future>
#include <map>
#include <random>

#include "replica_impl.h"
#include "snapshot_meta.h"
#include "test_support.h"

namespace kontor::replication::test {
namespace {

struct Stopped {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Error> errors;
    void operator()(const Error& error) {
        const std::lock_guard lock(mutex);
        errors.push_back(error);
        changed.notify_all();
    }
    std::size_t count() {
        const std::lock_guard lock(mutex);
        return errors.size();
    }
    bool wait() {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, std::chrono::seconds(20), [&] { return !errors.empty(); });
    }
};

// Proposes until the replica stops. What was applied must be there after a restart; nothing may be applied
// after the failure was reported.
void expect_fail_stop(FailingFileOps& files, const std::function<void()>& arm, ErrorCode expected) {
    TempFolder folder;
    RecordingMachine machine;
    Stopped stopped;
    std::vector<Applied> applied;
    {
        auto replica = *open_replica(options_in(folder.path()), machine, "", files);
        std::atomic<std::size_t> applied_at_stop{0};
        replica->on_stop = [&](const Error& error) { stopped(error); };
        ASSERT_TRUE(replica->start().has_value());
        propose_all(*replica, {"one", "two", "three"});
        ASSERT_TRUE(machine.wait_for(3));
        arm();
        std::atomic<int> refused{0};
        for (int i = 0; i < 2000 && stopped.count() == 0; ++i) {
            replica->propose(std::string(700, 'z'), [&](Result<Position> at) { refused += !at.has_value(); });
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
        ASSERT_TRUE(stopped.wait());
        EXPECT_EQ(stopped.errors[0].code, expected) << stopped.errors[0].describe();
        applied_at_stop = machine.applied().size();
        EXPECT_FALSE(replica->ready());
        std::optional<ErrorCode> late;
        replica->propose("late", [&](Result<Position> at) { late = at.error().code; });
        EXPECT_EQ(late, ErrorCode::unavailable);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        EXPECT_LE(machine.applied().size(), applied_at_stop + 1);  // one may have been on its way
        EXPECT_EQ(stopped.count(), 1U);
        replica->stop();
        EXPECT_EQ(files.syncs_after_failure, 0);
        EXPECT_EQ(files.writes_after_failure, 0);
        applied = machine.applied();
    }
    RecordingMachine again;
    auto replica = *Replica::open(options_in(folder.path()), again, "");
    ASSERT_TRUE(replica->start().has_value());
    ASSERT_TRUE(again.wait_for(applied.size()));
    const auto replayed = again.applied();
    for (std::size_t i = 0; i < applied.size(); ++i) EXPECT_EQ(replayed[i], applied[i]);
}

TEST(ReplicaFailStop, FailedSync) {
    FailingFileOps files;
    expect_fail_stop(
        files, [&] { files.fail_sync_after = 5; }, ErrorCode::io);
}
TEST(ReplicaFailStop, FailedWriteOnAFullDisk) {
    FailingFileOps files;
    expect_fail_stop(
        files, [&] { files.fail_write_after = 5; }, ErrorCode::no_space);
}
TEST(ReplicaFailStop, NoRoomForTheNextSegment) {
    FailingFileOps files;
    expect_fail_stop(
        files, [&] { files.fail_allocate_after = 0; }, ErrorCode::no_space);
}

// A replica that may wait for room does not stop: what was proposed meanwhile is written when there is some.
TEST(ReplicaFailStop, AFullDiskCanBeWaitedFor) {
    for (const bool at_allocation : {true, false}) {
        TempFolder folder;
        FailingFileOps files;
        RecordingMachine machine;
        ReplicaOptions options = options_in(folder.path());
        std::atomic<int> waited{0};
        options.wait_for_space = [&](std::uint64_t bytes, unsigned failed) {
            EXPECT_GT(bytes, 0U);
            EXPECT_EQ(failed, static_cast<unsigned>(waited.load()) + 1);
            if (++waited < 3) {
                (at_allocation ? files.fail_allocate_after : files.fail_write_after) = 0;  // still full
            }
            return true;
        };
        auto replica = *open_replica(options, machine, "", files);
        ASSERT_TRUE(replica->start().has_value());
        const std::string payload(options.segment_bytes / 4, 'x');
        std::size_t accepted = 0;
        for (int i = 0; i < 8; ++i) {
            if (i == 4) (at_allocation ? files.fail_allocate_after : files.fail_write_after) = 0;
            std::promise<bool> done;
            replica->propose(payload, [&](Result<Position> at) { done.set_value(at.has_value()); });
            if (done.get_future().get()) ++accepted;
            ASSERT_TRUE(machine.wait_for(accepted));
        }
        EXPECT_EQ(accepted, 8U);
        EXPECT_EQ(waited.load(), 3) << at_allocation;
        replica->stop();
        replica.reset();  // it holds the folder
        RecordingMachine again;
        auto opened = Replica::open(options_in(folder.path()), again, "");
        ASSERT_TRUE(opened) << opened.error().describe();
        ASSERT_TRUE((*opened)->start().has_value());
        EXPECT_TRUE(again.wait_for(8));
    }
}

TEST(ReplicaFailStop, TermThatCannotBeMadeDurableStartsNothing) {
    TempFolder folder;
    FailingFileOps files;
    RecordingMachine machine;
    auto replica = *open_replica(options_in(folder.path()), machine, "", files);
    files.fail_sync_after = 0;
    EXPECT_FALSE(replica->start().has_value());
    EXPECT_NE(replica->role(), Role::leader);
}

TEST(ReplicaFailStop, RecordThatWentBadAfterOpenStopsTheReplay) {
    TempFolder folder;
    {
        RecordingMachine machine;
        auto replica = *Replica::open(options_in(folder.path()), machine, "");
        ASSERT_TRUE(replica->start().has_value());
        propose_all(*replica, {"aaaaaaaa", "bbbbbbbb", "cccccccc"});
        ASSERT_TRUE(machine.wait_for(3));
    }
    RecordingMachine machine;
    Stopped stopped;
    auto replica = *Replica::open(options_in(folder.path()), machine, "");
    replica->on_stop = [&](const Error& error) { stopped(error); };
    const auto path = segments_in(folder.path()).at(0);
    std::string bytes = read_file(path);
    bytes[bytes.find("bbbbbbbb")] = 'x';
    write_file(path, bytes);
    ASSERT_TRUE(replica->start().has_value());
    ASSERT_TRUE(stopped.wait());
    EXPECT_EQ(stopped.errors[0].code, ErrorCode::corruption);
    EXPECT_NE(stopped.errors[0].message.find(path), std::string::npos);
    replica->stop();
    const auto applied = machine.applied();
    ASSERT_EQ(applied.size(), 1U);
    EXPECT_EQ(applied[0].payload, "aaaaaaaa");
}

// The last record is bad, and nothing in the log says that it was durable; but the checkpoint does.
TEST(ReplicaFailStop, TailThatACheckpointStandsForIsNotCut) {
    TempFolder folder;
    std::string meta;
    {
        RecordingMachine machine;
        auto replica = *Replica::open(options_in(folder.path()), machine, "");
        ASSERT_TRUE(replica->start().has_value());
        propose_all(*replica, {"first", "last one"});
        ASSERT_TRUE(machine.wait_for(2));
        ASSERT_TRUE(machine.wait_idle());
        meta = replica->snapshot_meta(3);
    }
    const auto path = segments_in(folder.path()).at(0);
    std::string bytes = read_file(path);
    bytes[bytes.find("last one")] = 'x';
    write_file(path, bytes);
    RecordingMachine machine;
    const auto opened = Replica::open(options_in(folder.path()), machine, meta);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, ErrorCode::corruption);
    EXPECT_NE(opened.error().message.find(path), std::string::npos) << opened.error().message;
    EXPECT_EQ(read_file(path), bytes);
}

TEST(ReplicaFailStop, NothingIsAppliedBeforeItsSync) {
    TempFolder folder;
    RecordingMachine machine;
    auto options = options_in(folder.path());
    std::atomic<int> held{0};
    std::atomic<bool> hold{false};
    options.crash_point = [&](const char* step) {
        if (!hold || std::string_view(step) != "log-written") return;
        ++held;
        while (hold) std::this_thread::yield();
    };
    auto replica = *Replica::open(options, machine, "");
    ASSERT_TRUE(replica->start().has_value());
    propose_all(*replica, {"before"});
    ASSERT_TRUE(machine.wait_for(1));
    hold = true;
    propose_all(*replica, {"held"});
    while (held == 0) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(machine.applied().size(), 1U);
    EXPECT_EQ(replica->stats().commit_index, 2U);
    hold = false;
    EXPECT_TRUE(machine.wait_for(2));
}

TEST(ReplicaFailStop, LostStateFileIsNotABootstrap) {
    TempFolder folder;
    {
        RecordingMachine machine;
        auto replica = *Replica::open(options_in(folder.path()), machine, "");
        ASSERT_TRUE(replica->start().has_value());
        propose_all(*replica, {"x"});
    }
    std::filesystem::remove(folder.path() + "/state");
    RecordingMachine machine;
    EXPECT_EQ(Replica::open(options_in(folder.path()), machine, "").error().code, ErrorCode::corruption);
}

// --- killed processes ---

// One line of the child's report: an entry that was applied.
struct Report {
    std::uint64_t index, value;
};

std::string payload_of(std::uint64_t value) {
    std::string payload = std::to_string(value) + ":";
    payload.resize(payload.size() + (value * 7919) % 3000, static_cast<char>('a' + value % 26));
    return payload;
}

// Of a process that dies at any moment: what it applied is told through a pipe before it counts, and a
// checkpoint is a file.
class ChildMachine : public StateMachine {
 public:
    ChildMachine(int pipe, std::string meta_path) : pipe_(pipe), meta_path_(std::move(meta_path)) {}
    void apply(Position at, std::string_view payload) override {
        const Report report{at.index, std::stoull(std::string(payload.substr(0, payload.find(':'))))};
        if (::write(pipe_, &report, sizeof report) != sizeof report) ::_exit(3);
        ++since_checkpoint_;
        last_ = at.index;
    }
    void idle() override {
        if (since_checkpoint_ < 20 || replica == nullptr) return;
        since_checkpoint_ = 0;
        const std::string meta = replica->snapshot_meta(last_);
        write_file(meta_path_ + ".tmp", meta);
        std::filesystem::rename(meta_path_ + ".tmp", meta_path_);
        replica->checkpointed(meta);
    }
    Replica* replica = nullptr;

 private:
    int pipe_;
    std::string meta_path_;
    std::uint64_t since_checkpoint_ = 0, last_ = 0;
};

[[noreturn]] void child(const std::string& folder, int pipe, std::uint64_t first_value, int crash_after) {
    ReplicaOptions options = options_in(folder + "/log");
    options.segment_bytes = 16U << 10U;
    std::atomic<int> left{crash_after};
    options.crash_point = [&](const char*) {
        if (left.fetch_sub(1) == 0) ::_exit(9);
    };
    const std::string meta_path = folder + "/meta";
    const std::string meta = std::filesystem::exists(meta_path) ? read_file(meta_path) : "";
    ChildMachine machine(pipe, meta_path);
    auto replica = Replica::open(options, machine, meta);
    if (!replica) {
        std::fprintf(stderr, "child: %s\n", replica.error().describe().c_str());
        ::_exit(2);
    }
    machine.replica = replica->get();
    if (!(*replica)->start()) ::_exit(2);
    for (std::uint64_t value = first_value; value < first_value + 3000; ++value) {
        while (!(*replica)->ready()) std::this_thread::yield();
        (*replica)->propose(payload_of(value), [](Result<Position>) {});
    }
    std::this_thread::sleep_for(std::chrono::seconds(30));  // until killed
    ::_exit(0);
}

// Runs one child to its violent end and collects what it applied. `kill_after`: as many new entries, and then
// some microseconds; 0: the child ends itself.
void run_child(const std::string& folder, std::uint64_t first_value, int crash_after, std::size_t kill_after,
               std::chrono::microseconds and_then, std::map<std::uint64_t, std::uint64_t>& truth) {
    int fds[2];
    ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
        ::close(fds[0]);
        child(folder, fds[1], first_value, crash_after);
    }
    ::close(fds[1]);
    Report report{};
    std::size_t fresh_ones = 0;
    while (::read(fds[0], &report, sizeof report) == static_cast<ssize_t>(sizeof report)) {
        const auto [known, fresh] = truth.emplace(report.index, report.value);
        ASSERT_TRUE(fresh || known->second == report.value) << "entry " << report.index << " changed";
        fresh_ones += fresh;
        if (kill_after != 0 && fresh_ones == kill_after && fresh) {
            std::this_thread::sleep_for(and_then);
            ::kill(pid, SIGKILL);
        }
    }
    ::close(fds[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 9)
        << "child ended with " << WEXITSTATUS(status);
}

void expect_all_there(const std::string& folder, std::map<std::uint64_t, std::uint64_t>& truth) {
    const std::string meta_path = folder + "/meta";
    const std::string meta = std::filesystem::exists(meta_path) ? read_file(meta_path) : "";
    std::uint64_t checkpoint = 0;
    if (!meta.empty()) checkpoint = decode_snapshot_meta(meta)->index;
    ReplicaOptions options = options_in(folder + "/log");
    options.segment_bytes = 16U << 10U;
    RecordingMachine machine;
    auto replica = Replica::open(options, machine, meta);
    ASSERT_TRUE(replica.has_value()) << replica.error().describe();
    ASSERT_TRUE((*replica)->start().has_value());
    ASSERT_TRUE(machine.wait_idle());
    (*replica)->stop();
    std::uint64_t previous = checkpoint;
    std::map<std::uint64_t, std::uint64_t> replayed;
    for (const Applied& applied : machine.applied()) {
        ASSERT_GT(applied.at.index, previous);
        previous = applied.at.index;
        const std::uint64_t value = std::stoull(applied.payload);
        ASSERT_EQ(applied.payload, payload_of(value));
        replayed[applied.at.index] = value;
        truth.emplace(applied.at.index, value);  // committed now, if it was not before
    }
    for (auto it = truth.upper_bound(checkpoint); it != truth.end(); ++it) {
        ASSERT_TRUE(replayed.contains(it->first)) << "acknowledged entry " << it->first << " is lost";
        ASSERT_EQ(replayed[it->first], it->second) << "entry " << it->first;
    }
}

TEST(ReplicaCrash, KilledAtRandomMomentsUnderLoadLosesNothing) {
    TempFolder folder;
    std::mt19937 random(20'240'117);  // NOLINT: the same moments every run, as far as the machine lets
    std::map<std::uint64_t, std::uint64_t> truth;
    for (std::uint64_t round = 0; round < 15; ++round) {
        const std::size_t before = truth.size();
        run_child(folder.path(), 10'000 * round, -1, 1 + random() % 60,
                  std::chrono::microseconds(random() % 3'000), truth);
        if (HasFatalFailure()) return;
        ASSERT_GT(truth.size(), before) << "the child did nothing before it was killed";
        expect_all_there(folder.path(), truth);
        if (HasFatalFailure()) return;
    }
}

TEST(ReplicaCrash, EndedAtEachStepOfTheDiskLosesNothing) {
    TempFolder folder;
    std::map<std::uint64_t, std::uint64_t> truth;
    for (int step = 0; step < 25; ++step) {
        run_child(folder.path(), 10'000 * static_cast<std::uint64_t>(step), step, 0, {}, truth);
        if (HasFatalFailure()) return;
        expect_all_there(folder.path(), truth);
        if (HasFatalFailure()) return;
    }
    EXPECT_GT(truth.size(), 25U);
}

// The kernel's own refusal, not a seam: the file size limit of the process.
TEST(ReplicaCrash, FileSizeLimitStopsTheReplica) {
    TempFolder folder;
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{32U << 10U, 32U << 10U};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        ReplicaOptions options = options_in(folder.path());
        options.segment_bytes = 16U << 10U;
        RecordingMachine machine;
        auto replica = Replica::open(options, machine, "");
        if (!replica) ::_exit(2);
        std::atomic<bool> stopped{false};
        (*replica)->on_stop = [&](const Error&) { stopped = true; };
        if (!(*replica)->start()) ::_exit(2);
        while (!(*replica)->ready()) std::this_thread::yield();
        (*replica)->propose(std::string(64U << 10U, 'x'),
                            [](Result<Position>) {});  // its segment is above the limit
        for (int i = 0; i < 5000 && !stopped; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        (*replica)->stop();
        ::_exit(stopped && machine.applied().empty() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace kontor::replication::test
