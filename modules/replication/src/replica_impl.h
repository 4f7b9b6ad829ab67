#pragma once
// Replica: the driver on a loop thread, the log on a disk thread, the state machine on an apply thread.
// Internal; see the public header for the contract.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "apply_thread.h"
#include "disk_thread.h"
#include "driver.h"
#include "freshness.h"
#include "kontor/replication/replica.h"
#include "log.h"
#include "peer_sender.h"
#include "promise_keeper.h"
#include "state_file.h"

namespace kontor::replication {

// As Replica::open, with the file system to use. Tests let it fail.
Result<std::unique_ptr<Replica>> open_replica(ReplicaOptions options, StateMachine& machine,
                                              std::string_view checkpoint_meta, FileOps& files);

// What open() found and made in the folder.
struct OpenedFolder {
    File lock;
    std::unique_ptr<StateFile> state;
    std::unique_ptr<PromiseKeeper> promises;  // the log tells it
    std::unique_ptr<Log> log;
    StartState start;
    // The log waits for room on its disk.
    std::shared_ptr<std::atomic<bool>> waits = std::make_shared<std::atomic<bool>>(false);
};
Result<OpenedFolder> open_folder(const ReplicaOptions& options, std::string_view checkpoint_meta,
                                 FileOps& files);

// As Replica::install.
Result<void> install_folder(const ReplicaOptions& options, std::string_view checkpoint_meta,
                            const std::optional<ClusterId>& cluster, FileOps& files);

// The loop looks once a heartbeat at least; with less than that many in between the node did not stand still.
inline constexpr std::uint64_t kStallHeartbeats = 3;
inline constexpr std::size_t kMaxPendingChanges = 16;       // membership changes and hand-overs, each
inline constexpr std::size_t kPeerCacheBytes = 16U << 20U;  // newest entries in memory, for peers

class ReplicaImpl final : public Replica {
 public:
    ReplicaImpl(ReplicaOptions options, StateMachine& machine, OpenedFolder folder,
                std::unique_ptr<Driver> driver);
    ~ReplicaImpl() override;

    Result<void> start() override;
    void stop() override;
    void propose(std::string payload, Accepted done) override;
    [[nodiscard]] bool ready() const override;
    [[nodiscard]] bool log_pressure() const override;
    [[nodiscard]] bool is_log_full() const;
    [[nodiscard]] Role role() const override { return role_.load(); }
    [[nodiscard]] std::string snapshot_meta(std::uint64_t index) const override;
    void checkpointed(std::string snapshot_meta) override;
    [[nodiscard]] ReplicaStats stats() const override;
    [[nodiscard]] Promise promise() const override { return folder_.promises->now(); }
    void receive(std::uint64_t from, std::string frame) override;
    void link_changed(std::uint64_t node_id, bool is_up) override;
    [[nodiscard]] ClusterId cluster_id() const override { return folder_.state->state().cluster; }
    [[nodiscard]] ClusterView cluster_view() const override;
    [[nodiscard]] std::uint64_t leader_id() const override;
    [[nodiscard]] std::uint64_t last_leader_contact_ms() const override;
    [[nodiscard]] bool leader_caught_up() const override;
    void leader_confirmed(std::uint64_t asked_ms, std::uint64_t commit_index) override;
    void change(MembershipChange change, Changed done) override;
    void transfer(std::uint64_t node_id, std::function<void(Result<void>)> done) override;
    void hold_log(std::uint64_t index) override;
    void hold_back(std::uint64_t ms) override { hold_back_ms_.store(ms); }

 private:
    struct Proposal {
        Payload payload;
        Accepted done;
    };
    struct Frame {
        std::uint64_t from = 0;
        std::string bytes;
    };
    struct ChangeRequest {
        MembershipChange change;
        Changed done;
        std::uint64_t asked_ms = 0, give_up_ms = 0;  // 0: not looked at yet
        std::optional<Position> submitted;
    };
    struct TransferRequest {
        std::uint64_t target = 0;
        std::function<void(Result<void>)> done;
        std::uint64_t give_up_ms = 0;  // 0: not looked at yet
        bool is_started = false;
    };
    struct Confirmation {
        std::uint64_t asked_ms = 0, commit_index = 0;
    };
    struct Inbox {
        std::deque<Proposal> proposals;
        std::vector<Frame> frames;
        std::size_t frame_bytes = 0;
        std::vector<std::pair<std::uint64_t, bool>> links;
        std::vector<ChangeRequest> changes;
        std::vector<TransferRequest> transfers;
        [[nodiscard]] bool has_news() const {
            return !proposals.empty() || !frames.empty() || !links.empty() || !changes.empty() ||
                   !transfers.empty() || persisted_ticket != 0 || checkpoint || failure || drained ||
                   confirmation || stopping;
        }
        std::uint64_t persisted_ticket = 0;
        std::optional<SnapshotMeta> checkpoint;
        std::optional<Error> failure;
        bool drained = false;
        bool stopping = false;
        std::optional<Confirmation> confirmation;
    };

    void run();
    [[nodiscard]] std::uint64_t next_timeout_ms() const;
    Result<void> first_step();
    Result<void> handle(Inbox& inbox);
    Result<void> handle_disk(std::uint64_t ticket);
    Result<void> receive_frames(std::vector<Frame>& frames);
    void note_contact(const Message& message);
    static void drop_entries(Message& message);
    Result<void> prove_leadership();
    void publish_freshness();
    Result<void> work_on_changes();
    Result<void> work_on_transfers();
    Result<Configuration> wanted_after(const MembershipChange& change) const;
    [[nodiscard]] const char* not_caught_up(const MembershipChange& change) const;
    void refuse_requests(Inbox& inbox);
    void tell_leader();
    void publish_view();
    void fall_silent(const SnapshotNeeded& needed);
    Result<void> submit_proposals();
    Result<void> take_checkpoint();
    Result<void> carry_out(Actions& actions);
    Result<void> store_hard_state(HardState hard);
    void publish_commits();
    void update_counters();
    void tell_ready();
    void tell_role(Role role);
    void fatal(const Error& error);
    void refuse_all(std::deque<Proposal>& proposals);
    void post_failure(Error error);
    [[nodiscard]] bool window_open() const;

    const ReplicaOptions options_;
    OpenedFolder folder_;
    std::unique_ptr<Driver> driver_;

    // Loop thread only (start() before it runs).
    std::deque<Proposal> waiting_;                            // accepted for the queue, not yet submitted
    std::deque<std::pair<std::uint64_t, unsigned>> written_;  // ticket, entries: submitted, not yet persisted
    std::optional<SnapshotMeta> pending_checkpoint_;
    std::uint64_t published_ = 0;  // committed entries handed to the apply thread
    bool failed_ = false;
    bool was_ready_ = false;
    bool is_deaf_ = false;  // a snapshot is needed: as if crashed
    std::deque<ChangeRequest> changes_;
    std::deque<TransferRequest> transfers_;
    std::set<std::uint64_t> down_links_;
    std::uint64_t next_view_ms_ = 0;
    Freshness fresh_;
    std::uint64_t proven_term_ = 0;  // in which this leader made an entry to be known by

    std::atomic<Role> role_{Role::starting};
    std::atomic<bool> dead_{false};  // stopping or failed: nothing is accepted or applied any more
    std::atomic<std::uint64_t> unpersisted_{0};  // proposals not yet durable, queued ones included
    std::atomic<std::uint64_t> queued_bytes_{0};
    std::atomic<bool> handing_over_{false};  // proposals wait
    std::atomic<std::uint64_t> leader_id_{0}, leader_seen_ms_{kNeverMs}, elected_at_{0}, hold_after_{0};
    std::atomic<std::uint64_t> hold_back_ms_{0};
    std::uint64_t started_ms_ = 0;  // loop thread
    std::atomic<std::uint64_t> frames_received_{0}, frames_dropped_{0};
    std::atomic<std::uint64_t> stored_index_{0};
    std::atomic<std::uint64_t> last_index_{0}, commit_index_{0}, term_{0}, entries_{0};

    mutable std::mutex view_mutex_;  // guards the view
    ClusterView view_;

    std::mutex mutex_;  // guards the inbox
    std::condition_variable wake_;
    Inbox inbox_;

    std::mutex stop_mutex_;  // stop() is idempotent
    bool started_ = false, stopped_ = false;
    std::thread loop_;
    ApplyThread apply_;
    DiskThread disk_;
    PeerSender sender_;
};

}  // namespace kontor::replication
