#include "cluster_of_replicas.h"

#include <algorithm>
#include <chrono>
#include <future>

#include "support/environment.h"

namespace kontor::replication::test {

Cluster::~Cluster() {
    stop_load();
    for (auto& [id, node] : nodes_) close(*node);
}

ReplicaOptions Cluster::options_of(Node& node) {
    ReplicaOptions options = options_in(node.folder.path());
    options.node_id = node.id;
    options.transport = &switch_.port(node.id);
    options.election_timeout_ms = 300;
    options.heartbeat_ms = 40;
    options.install_snapshot_timeout_ms = 500;
    options.segment_bytes = 256U << 10U;
    options.trailing_entries = 10;
    options.peer_window_entries = 8;
    options.max_append_bytes = 200'000;
    return options;
}

void Cluster::open(Node& node) {
    const Copy none;
    const Copy& from = node.checkpoint ? *node.checkpoint : none;
    auto machine = std::make_unique<RecordingMachine>(from.applied);
    auto replica = Replica::open(options_of(node), *machine, from.meta);
    ASSERT_TRUE(replica.has_value()) << node.id << ": " << replica.error().describe();
    (*replica)->on_stop = [id = node.id](const Error& error) {
        ADD_FAILURE() << id << ": " << error.describe();
    };
    (*replica)->on_snapshot_needed = [&node](SnapshotNeeded) { node.needs_snapshot = true; };
    machine->replica = replica->get();
    ASSERT_TRUE((*replica)->start().has_value());
    node.machine = std::move(machine);
    node.replica = *std::move(replica);
    switch_.plug_in(node.id, [replica = node.replica.get()](std::uint64_t sender, std::string frame) {
        replica->receive(sender, std::move(frame));
    });
}

void Cluster::close(Node& node) {
    switch_.pull_out(node.id);
    if (!node.replica) return;
    node.replica->stop();
    node.machine->replica = nullptr;
    node.replica.reset();
}

void Cluster::found(std::uint64_t id) {
    auto node = std::make_unique<Node>();
    node->id = id;
    Node& made = *node;
    nodes_[id] = std::move(node);
    open(made);
    ASSERT_TRUE(wait([&] { return made.replica->role() == Role::leader; }));
}

void Cluster::found_three() {
    found(1);
    for (const std::uint64_t id : {2U, 3U}) {
        join(id);
        ASSERT_TRUE(change(MembershipChange::Kind::add_standby, id).has_value());
        ASSERT_TRUE(change(MembershipChange::Kind::promote, id).has_value());
    }
    submit(5);
}

void Cluster::join(std::uint64_t id, bool from_checkpoint) {
    auto node = std::make_unique<Node>();
    node->id = id;
    Node& first = this->node(leader());
    if (from_checkpoint) node->checkpoint = first.checkpoint;
    const std::string meta = node->checkpoint ? node->checkpoint->meta : "";
    const auto done = Replica::install(options_of(*node), meta, first.replica->cluster_id());
    ASSERT_TRUE(done.has_value()) << done.error().describe();
    Node& made = *node;
    nodes_[id] = std::move(node);
    open(made);
}

void Cluster::start(std::uint64_t id) {
    open(node(id));
}

void Cluster::kill(std::uint64_t id) {
    close(node(id));
}

Result<Position> Cluster::take_over(std::uint64_t id) {
    Node& where = node(id);
    return Replica::take_over(options_of(where), where.checkpoint ? where.checkpoint->meta : "");
}

void Cluster::cut_off(std::uint64_t id) {
    switch_.cut_off(id);
}

void Cluster::heal() {
    switch_.heal();
}

void Cluster::checkpoint(std::uint64_t id) {
    Node& where = node(id);
    where.machine->ask_for_copy();
    submit(1);
    ASSERT_TRUE(wait([&] { return where.machine->copy().has_value(); }));
    where.checkpoint = where.machine->copy();
    where.replica->checkpointed(where.checkpoint->meta);
}

// What the node does when it is told that a snapshot is needed.
void Cluster::install(Node& node) {
    close(node);
    const std::uint64_t donor = leader();
    if (donor == 0 || !this->node(donor).checkpoint) {
        open(node);
        return;
    }
    const Copy copy = *this->node(donor).checkpoint;
    const auto done = Replica::install(options_of(node), copy.meta);
    ASSERT_TRUE(done.has_value()) << done.error().describe();
    node.checkpoint = copy;
    ++installs;
    open(node);
}

std::uint64_t Cluster::leader() {
    std::uint64_t found = 0;
    std::uint64_t best = 0;
    for (const std::uint64_t id : switch_.plugged_in()) {
        const Replica& replica = *node(id).replica;
        if (replica.role() != Role::leader) continue;
        const std::uint64_t term = replica.stats().term;
        if (term > best) {
            best = term;
            found = id;
        }
    }
    return found;
}

bool Cluster::wait(const std::function<bool()>& condition) {
    const auto give_up =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(kontor_test::patient_ms(60'000));
    while (std::chrono::steady_clock::now() < give_up) {
        if (!loading_) {
            for (const std::uint64_t id : switch_.plugged_in()) {
                if (node(id).needs_snapshot.exchange(false)) install(node(id));
            }
        }
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
}

bool Cluster::submit_one(const std::string& payload) {
    const std::uint64_t chief = leader();
    if (chief == 0) return false;
    Node& at = node(chief);
    std::promise<Result<Position>> answered;
    at.replica->propose(payload,
                        [&answered](Result<Position> position) { answered.set_value(std::move(position)); });
    const Result<Position> position = answered.get_future().get();
    if (!position) return false;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < give_up) {
        if (at.replica->stats().applied_index >= position->index) {
            return at.machine->contains(*position);  // unless a later leader's entry took its place
        }
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return false;
}

void Cluster::submit(int count, const std::string& padding) {
    for (int i = 0; i < count; ++i) {
        const std::string payload = "value " + std::to_string(++value_) + padding;
        ASSERT_TRUE(wait([&] { return submit_one(payload); }));
        acknowledged_.push_back(payload);
    }
}

void Cluster::start_load() {
    loading_ = true;
    load_ = std::thread([this] {
        while (loading_) {
            const std::string payload = "value " + std::to_string(++value_);
            if (submit_one(payload)) acknowledged_.push_back(payload);
        }
    });
}

void Cluster::stop_load() {
    loading_ = false;
    if (load_.joinable()) load_.join();
}

Result<Position> Cluster::change(MembershipChange::Kind kind, std::uint64_t id, int attempts) {
    Result<Position> last = fail(ErrorCode::unavailable, "no leader");
    for (int attempt = 0; attempt < attempts; ++attempt) {
        if (!wait([&] { return leader() != 0; })) break;
        std::promise<Result<Position>> answered;
        node(leader()).replica->change(
            {kind, id}, [&answered](Result<Position> done) { answered.set_value(std::move(done)); });
        last = answered.get_future().get();
        if (last || last.error().code != ErrorCode::unavailable) break;
    }
    return last;
}

Result<void> Cluster::transfer(std::uint64_t id) {
    Result<void> last = fail(ErrorCode::unavailable, "no leader");
    for (int attempt = 0; attempt < 10; ++attempt) {
        if (!wait([&] { return leader() != 0; })) break;
        std::promise<Result<void>> answered;
        node(leader()).replica->transfer(
            id, [&answered](Result<void> done) { answered.set_value(std::move(done)); });
        last = answered.get_future().get();
        if (last || last.error().code != ErrorCode::unavailable) break;
    }
    return last;
}

void Cluster::expect_same_everywhere() {
    ASSERT_TRUE(wait([&] {
        const std::uint64_t chief = leader();
        if (chief == 0) return false;
        const std::uint64_t last = node(chief).replica->stats().last_index;
        const auto ids = switch_.plugged_in();
        return std::all_of(ids.begin(), ids.end(),
                           [&](std::uint64_t id) { return node(id).replica->stats().applied_index == last; });
    })) << "not everybody caught up";
    const auto expected = node(leader()).machine->applied();
    for (const std::uint64_t id : switch_.plugged_in())
        EXPECT_EQ(node(id).machine->applied() == expected, true) << id;
    std::size_t next = 0;
    for (const Applied& applied : expected) {
        if (next < acknowledged_.size() && applied.payload == acknowledged_[next]) ++next;
    }
    EXPECT_EQ(next, acknowledged_.size())
        << "acknowledged and lost: " << acknowledged_[std::min(next, acknowledged_.size() - 1)].substr(0, 40);
}

}  // namespace kontor::replication::test
