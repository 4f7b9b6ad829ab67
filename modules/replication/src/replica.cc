#include <algorithm>
#include <chrono>
#include <random>

#include "kontor/base/log.h"
#include "replica_impl.h"

namespace kontor::replication {

Result<std::unique_ptr<Replica>> Replica::open(ReplicaOptions options, StateMachine& machine,
                                               std::string_view checkpoint_meta) {
    FileOps& files = options.read_only ? read_only_file_ops() : real_file_ops();
    return open_replica(std::move(options), machine, checkpoint_meta, files);
}

Result<std::unique_ptr<Replica>> open_replica(ReplicaOptions options, StateMachine& machine,
                                              std::string_view checkpoint_meta, FileOps& files) {
    KONTOR_TRY(OpenedFolder folder, open_folder(options, checkpoint_meta, files));
    DriverOptions driver_options;
    driver_options.node_id = options.node_id;
    driver_options.address = options.address;
    driver_options.seed = std::random_device{}();
    driver_options.election_timeout_ms = static_cast<unsigned>(options.election_timeout_ms);
    driver_options.heartbeat_ms = static_cast<unsigned>(options.heartbeat_ms);
    driver_options.install_snapshot_timeout_ms = static_cast<unsigned>(options.install_snapshot_timeout_ms);
    driver_options.max_inflight_entries = options.peer_window_entries;
    KONTOR_TRY(auto driver, Driver::create(std::move(driver_options)));
    return std::unique_ptr<Replica>(
        std::make_unique<ReplicaImpl>(std::move(options), machine, std::move(folder), std::move(driver)));
}

ReplicaImpl::ReplicaImpl(ReplicaOptions options, StateMachine& machine, OpenedFolder folder,
                         std::unique_ptr<Driver> driver)
    : options_(std::move(options)),
      folder_(std::move(folder)),
      driver_(std::move(driver)),
      published_(folder_.start.snapshot ? folder_.start.snapshot->index : 0),
      fresh_(std::max(kStallHeartbeats * options_.heartbeat_ms, options_.election_timeout_ms / 2)),
      apply_(*folder_.log, machine, folder_.start.snapshot.value_or(SnapshotMeta{}),
             {[this] {
                  {
                      const std::lock_guard lock(mutex_);
                      inbox_.drained = true;
                  }
                  wake_.notify_one();
              },
              [this](Error error) { post_failure(std::move(error)); }}),
      disk_(*folder_.log, *options_.clock,
            {[this](std::uint64_t ticket) {
                 {
                     const std::lock_guard lock(mutex_);
                     inbox_.persisted_ticket = ticket;
                 }
                 wake_.notify_one();
             },
             [this](Error error) { post_failure(std::move(error)); },
             [this](std::uint64_t us) {
                 if (on_written) on_written(us);
             }}),
      sender_(*folder_.log, options_.transport, folder_.state->state().cluster, options_.max_append_bytes,
              [this](Error error) { post_failure(std::move(error)); }) {}

ReplicaImpl::~ReplicaImpl() {
    ReplicaImpl::stop();
}

Result<void> ReplicaImpl::start() {
    const std::lock_guard lock(stop_mutex_);
    if (started_ || stopped_) return fail(ErrorCode::invalid_argument, "replica: started before");
    started_ = true;
    // Guard 2, before START and before any thread.
    if (const auto raised = driver_->before_start(folder_.start)) {
        KONTOR_CHECK(store_hard_state(*raised));
        folder_.start.hard = *raised;
    }
    apply_.start();
    disk_.start();
    sender_.start();
    loop_ = std::thread([this] { run(); });
    return {};
}

// Start order reversed: nothing new comes in, the disk finishes what it has, then the apply thread goes.
void ReplicaImpl::stop() {
    const std::lock_guard lock(stop_mutex_);
    if (stopped_) return;
    stopped_ = true;
    dead_.store(true);
    {
        const std::lock_guard inbox_lock(mutex_);
        inbox_.stopping = true;
    }
    wake_.notify_one();
    if (loop_.joinable()) loop_.join();
    sender_.stop();
    disk_.stop();
    apply_.stop();
    role_.store(Role::stopped);
    // Something may have come between the loop's last look and its end.
    Inbox late;
    {
        const std::lock_guard inbox_lock(mutex_);
        std::swap(late, inbox_);
        inbox_.stopping = true;
    }
    refuse_all(late.proposals);
    refuse_requests(late);
}

void ReplicaImpl::post_failure(Error error) {
    dead_.store(true);
    {
        const std::lock_guard lock(mutex_);
        if (!inbox_.failure) inbox_.failure = std::move(error);
    }
    wake_.notify_one();
}

void ReplicaImpl::propose(std::string payload, Accepted done) {
    if (payload.size() > kMaxEntryBytes) {
        done(fail(ErrorCode::too_large, "entry above kMaxEntryBytes"));
        return;
    }
    const std::size_t size = payload.size();
    auto shared = std::make_shared<const std::string>(std::move(payload));
    std::optional<Error> refused;
    {
        const std::lock_guard lock(mutex_);
        if (dead_.load() || inbox_.stopping) {
            refused = Error{ErrorCode::unavailable, "the replica is stopping"};
        } else if (unpersisted_.load() >= options_.max_inflight_entries + kMaxQueuedProposals ||
                   queued_bytes_.load() + size > kMaxQueuedProposalBytes) {
            refused = Error{ErrorCode::overloaded, "too many entries wait for the disk"};
        } else {
            ++unpersisted_;
            queued_bytes_ += size;
            inbox_.proposals.push_back({std::move(shared), std::move(done)});
        }
    }
    if (refused) {
        done(fail(*std::move(refused)));
        return;
    }
    wake_.notify_one();
}

// Entries that apply cannot take, because a checkpoint stands still, must not fill the disk with log.
bool ReplicaImpl::is_log_full() const {
    return apply_.backlog() > 0 &&
           folder_.log->bytes() > options_.max_log_bytes + options_.max_log_bytes / kLogOverrunShare;
}

bool ReplicaImpl::ready() const {
    return !dead_.load() && !is_log_full() && role_.load() == Role::leader && !handing_over_.load() &&
           unpersisted_.load() < options_.max_inflight_entries && apply_.backlog() <= kMaxBacklogEntries;
}

bool ReplicaImpl::log_pressure() const {
    const std::uint64_t first = folder_.log->first_index();
    const std::uint64_t last = folder_.log->last_index();
    return folder_.log->bytes() > options_.max_log_bytes || last + 1 - first > kMaxLogEntries;
}

std::string ReplicaImpl::snapshot_meta(std::uint64_t index) const {
    return encode_snapshot_meta(apply_.snapshot_meta(index));
}

void ReplicaImpl::checkpointed(std::string snapshot_meta) {
    auto meta = decode_snapshot_meta(snapshot_meta);
    KONTOR_ASSERT(meta.has_value(), "checkpointed() gets what snapshot_meta() returned");
    {
        const std::lock_guard lock(mutex_);
        if (!inbox_.checkpoint || inbox_.checkpoint->index < meta->index)
            inbox_.checkpoint = *std::move(meta);
    }
    wake_.notify_one();
}

ReplicaStats ReplicaImpl::stats() const {
    ReplicaStats out;
    out.last_index = last_index_.load();
    out.commit_index = commit_index_.load();
    out.stored_index = stored_index_.load();
    out.applied_index = apply_.applied();
    out.term = term_.load();
    out.log_bytes = folder_.log->bytes();
    out.syncs = folder_.log->syncs();
    out.appended_bytes = folder_.log->appended_bytes();
    out.entries = entries_.load();
    out.first_index = folder_.log->first_index();
    out.frames_sent = sender_.frames();
    out.bytes_sent = sender_.bytes();
    out.frames_received = frames_received_.load();
    out.frames_dropped = frames_dropped_.load() + sender_.dropped();
    return out;
}

}  // namespace kontor::replication
