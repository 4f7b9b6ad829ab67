// How a node starts: its rows, its log, and the first command of the run.

#include "domains/all.h"
#include "domains/instance/instance.h"
#include "domains/members/members.h"
#include "kontor/base/log.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/instance_bodies.pb.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/times.h"
#include "kontor/node/folder.h"
#include "node_impl.h"

namespace kontor::node {
namespace {

// A node that was away for so many entries goes on from the log; else it copies the whole state. Some
// seconds.
constexpr std::uint64_t kTrailingEntries = 16'384;

}  // namespace

Result<void> NodeImpl::open() {
    is_member_.store(options_.membership.is_member);
    waits_for_take_over_.store(options_.membership.waits_for_take_over);
    cache_ = std::make_unique<cache::RowCache>(row_cache_bytes());
    look_at_space();  // what recovery may need is given up before
    KONTOR_CHECK(open_store());
    KONTOR_CHECK(open_log());
    register_metrics();
    KONTOR_CHECK(replica_->start());
    proposer_ = std::thread([this] { run_proposer(); });
    // A member of a cluster is ready when its role says so.
    if (!is_member_.load()) KONTOR_CHECK(first_command());
    has_started_.store(true);
    return {};
}

store::StoreOptions NodeImpl::store_options() {
    store::StoreOptions store_options;
    store_options.folder = store_folder(options_.folder);
    const auto tables = domains::registry().tables();
    store_options.tables.assign(tables.begin(), tables.end());
    store_options.partitions = options_.partitions;
    store_options.map_bytes = options_.map_bytes;
    store_options.memtable_bytes = options_.memtable_bytes;
    store_options.check_up_to_bytes = options_.check_up_to_bytes;
    store_options.checkpoint_interval_ms = options_.checkpoint_interval_ms;
    store_options.write_back_bytes = options_.cache_bytes - row_cache_bytes();
    store_options.redo_bytes = options_.redo_bytes;
    store_options.cache = cache_.get();
    store_options.read_only = options_.read_only;
    store_options.crash_point = options_.crash_point;
    store_options.wait_for_space = [this](std::uint64_t bytes, unsigned failed) {
        return wait_for_space(bytes, failed);
    };
    return store_options;
}

Result<void> NodeImpl::open_store() {
    KONTOR_TRY(store_, store::Store::open(store_options()));
    std::uint32_t level = 0;
    machine::LogTimes times;
    try {
        store_->read([&](const store::Reader& rows, std::uint64_t) {
            instance::use_id_key(rows);
            level = members::active_feature_level(rows);
            times = machine::last_times(rows);
        });
    } catch (const store::StoreFailure& failure) {
        return fail(store_failure(failure));
    }
    machine_time_.at_least(times.machine_ms);
    wall_watch_.log_has(times.highest_utc_ms);
    index_room_.look(store_->applied_index());
    KONTOR_CHECK(check_features(level));
    store_->on_checkpoint = [this](const store::CheckpointMeta& meta) {
        if (replica_) replica_->checkpointed(meta.replication_meta);
    };
    return {};
}

replication::ReplicaOptions NodeImpl::replica_options() {
    replication::ReplicaOptions log_options;
    log_options.folder = log_folder(options_.folder);
    log_options.segment_bytes = options_.log_segment_bytes;
    log_options.max_log_bytes = options_.max_log_bytes;
    log_options.trailing_entries = kTrailingEntries;
    log_options.clock = options_.clock;
    log_options.crash_point = options_.crash_point;
    log_options.node_id = options_.membership.node_id;
    log_options.transport = options_.membership.transport;
    log_options.marker = options_.marker;
    log_options.renewed = options_.membership.renewed;
    log_options.is_alone = !is_member_.load();
    log_options.election_timeout_ms = options_.membership.election_timeout_ms;
    log_options.heartbeat_ms = options_.membership.heartbeat_ms;
    log_options.known_at_ms = &known_at_ms_;
    log_options.known_by_own_lead = &known_by_own_lead_;
    log_options.read_only = options_.read_only;
    log_options.takes_no_entries = &takes_no_entries_;
    log_options.wait_for_space = [this](std::uint64_t bytes, unsigned failed) {
        return wait_for_space(bytes, failed);
    };
    return log_options;
}

Result<void> NodeImpl::open_log() {
    // A node that has joined has a copy of the state and no log yet.
    KONTOR_TRY(const auto known, replication::Replica::identity(log_folder(options_.folder)));
    if (!known && is_member_.load()) {
        if (options_.membership.has_log)
            return fail(ErrorCode::conflict, log_folder(options_.folder) +
                                                 " is missing, and with it what this node "
                                                 "has voted");
        if (store_->checkpoint().replication_meta.empty())
            return fail(ErrorCode::corruption, options_.folder + " has neither a log nor a copied state");
        KONTOR_CHECK(replication::Replica::install(replica_options(), store_->checkpoint().replication_meta,
                                                   options_.membership.cluster));
    }
    KONTOR_TRY(replica_,
               replication::Replica::open(replica_options(), *this, store_->checkpoint().replication_meta));
    replica_->on_ready = [this] { wake(); };
    replica_->on_role = [this](replication::Role) { wake(); };
    replica_->on_leader = [this](std::uint64_t leader) {
        if (leader != 0) last_leader_.store(leader);
    };
    replica_->on_written = [this](std::uint64_t us) { log_write_time_.record_us(us); };
    replica_->on_stop = [this](const Error& error) { fatal(error); };
    replica_->on_snapshot_needed = [this](const replication::SnapshotNeeded& needed) {
        installing_.store(true);
        if (options_.membership.on_state_needed) options_.membership.on_state_needed(needed);
    };
    return {};
}

// The first command of a run is applied after everything that the log already had: then the node is ready.
Result<void> NodeImpl::first_command() {
    if (options_.read_only || space_.refuses() || index_room_.refuses()) {
        KONTOR_CHECK(wait_for_old_entries());
        if (store_->applied_index() != 0 || options_.read_only) return {};
        return fail(ErrorCode::no_space, space_.text());  // for a new folder
    }
    bool fresh = false;
    pb::Command command = tick_command();
    if (store_->applied_index() == 0) {
        fresh = true;
        mutable_body(command, pb::init_instance)->set_instance_id(options_.random_bytes(16));
        mutable_body(command, pb::init_instance)->set_dev(options_.dev);
        mutable_body(command, pb::init_instance)->set_id_key(options_.random_bytes(kIdKeyBytes));
    }
    // A log that was never checkpointed may hold the instance already: apply() then answers ALREADY_EXISTS.
    bool is_known = false;
    const auto done = submit_and_wait(std::move(command), [&](const machine::Answer& answer) {
        is_known = answer.result.outcome() == machine::outcome::already_exists;
    });
    if (failed_.load(std::memory_order_acquire)) return fail(fatal_error());
    if (!done) return done;
    if (fresh && is_known)
        log::warning("node", "event=state_rebuilt there was no state in " + store_folder(options_.folder) +
                                 ": it was made again from the log");
    else if (fresh)
        log::info("node", "a new data folder was made at " + options_.folder);
    ready_.store(true, std::memory_order_release);
    return {};
}

// A disk without room takes no command; what the log has is applied all the same.
Result<void> NodeImpl::wait_for_old_entries() {
    while (!replica_->leader_caught_up()) {
        if (failed_.load(std::memory_order_acquire)) return fail(fatal_error());
        std::this_thread::sleep_for(std::chrono::milliseconds(kFailureLookMs));
    }
    ready_.store(true, std::memory_order_release);
    return {};
}

}  // namespace kontor::node
