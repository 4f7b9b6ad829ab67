#include "world.h"

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include "../../modules/node/src/entry.h"
#include "../../modules/replication/src/log_format.h"
#include "domains/all.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/ledger/ledger.h"
#include "kontor/log.pb.h"
#include "kontor/machine/audit.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "support/methods.h"
#include "support/seeded_bytes.h"

namespace kontor::power {
namespace fs = std::filesystem;
namespace {

constexpr std::uint32_t kEur = 978;
constexpr std::size_t kCustomers = 4;
constexpr std::uint64_t kAtTheEnd = 1ULL << 40U;  // more operations than a life has

std::uint64_t object_of(const pb::Result& result) {
    return has_object(result, pb::payment_intent) ? object_in(result, pb::payment_intent).no()
           : has_object(result, pb::refund)       ? object_in(result, pb::refund).no()
           : has_object(result, pb::customer)     ? object_in(result, pb::customer).no()
           : has_object(result, pb::merchant)     ? object_in(result, pb::merchant).no()
                                                  : result.command_no();
}

}  // namespace

void Archive::note(const Operation& operation) {
    namespace rep = replication;
    if (operation.kind != Kind::write || operation.path.find("/log/log-") == std::string::npos) return;
    std::string path = operation.path;
    if (path.ends_with(".tmp")) path.resize(path.size() - 4);
    std::string_view bytes = operation.bytes;
    if (const auto header = rep::decode_segment_header(bytes); header && operation.offset == 0) {
        salts_[path] = header->salt;
        return;
    }
    while (const auto header = rep::decode_record_header(salts_[path], bytes)) {
        const std::size_t size = rep::record_bytes(header->payload_bytes);
        if (bytes.size() < size) return;
        entries_[header->index] = {header->type == rep::EntryType::command,
                                   std::string(bytes.substr(rep::kRecordHeaderBytes, header->payload_bytes))};
        bytes.remove_prefix(size);
    }
}

std::string Archive::replayed_hash(std::uint64_t last, const std::string& folder) const {
    store::StoreOptions options;
    options.folder = folder;
    const auto tables = domains::registry().tables();
    options.tables.assign(tables.begin(), tables.end());
    options.partitions = Sizes().partitions;  // hashes are by partition
    options.map_bytes = 16U << 20U;
    options.memtable_bytes = 1U << 30U;
    auto store = store::Store::open(std::move(options));
    if (!store) return "no store: " + store.error().describe();
    domains::Machine machine;
    for (const auto& [index, entry] : entries_) {
        if (index > last) break;
        if (!entry.is_command) continue;
        pb::Batch batch;
        if (auto decoded = node::decode_entry(entry.payload, batch); !decoded)
            return decoded.error().describe();
        machine::Effects effects;
        (*store)->begin();
        machine.apply((*store)->writer(), index, batch, effects);
        (*store)->commit(index, effects.now.utc_ms);
    }
    std::string hash = (*store)->state_hash();
    store->reset();
    fs::remove_all(folder);
    return hash;
}

node::NodeOptions small_node(const std::string& folder, const Clock& clock, telemetry::Registry& metrics,
                             const Sizes& sizes) {
    node::NodeOptions options;
    options.folder = folder;
    options.partitions = sizes.partitions;
    options.cache_bytes = 32U << 10U;
    options.redo_bytes = sizes.redo_bytes;
    options.map_bytes = 32U << 20U;
    options.memtable_bytes = sizes.memtable_bytes;
    options.checkpoint_interval_ms = 1ULL << 40U;
    options.log_segment_bytes = sizes.segment_bytes;
    options.max_log_bytes = sizes.max_log_bytes;
    options.tick_ms = 1;
    options.channel_wait_ms = 0;
    options.clock = &clock;
    options.random_bytes = kontor_test::seeded_bytes(1);
    options.metrics = &metrics;
    return options;
}

World::World(std::string folder, std::uint64_t seed)
    : folder_(std::move(folder)), random_(seed), salt_seed_(seed * 1'000) {
    fs::create_directories(place());
    // The first start makes its folder, or an installer has made it.
    if (below(2) == 0) fs::create_directory(data());
}

World::~World() {
    Disk::instance().stop_watching();
    std::error_code ignored;
    if (problems_.empty()) fs::remove_all(folder_, ignored);
}

void World::problem(std::string what) {
    problems_.push_back("life " + std::to_string(life_) + " (" + place() + "): " + std::move(what));
}

void World::check_replay() {
    check_replay_ = true;
}

void World::live(std::uint64_t cut_at, unsigned commands) {
    faulty_paths_.clear();
    is_faulty_.store(false);
    run_life(cut_at, commands);
}

void World::live_with(const Fault& fault, unsigned commands) {
    faulty_paths_.clear();
    is_faulty_.store(false);
    may_go_on_ = fault.lasts_ms != 0;
    std::uint64_t seen = 0, over_ms = 0;
    Disk::instance().fault = [this, fault, seen, over_ms](const Operation& operation) mutable {
        if (operation.kind != fault.kind || ++seen < fault.nth) return 0;
        const std::uint64_t now_ms = clock_.monotonic_ms();
        if (seen == fault.nth) over_ms = now_ms + fault.lasts_ms;
        if (seen > fault.nth && now_ms >= over_ms) return 0;
        faulty_paths_.insert("/" + operation.path);
        is_faulty_.store(true);
        return fault.error;
    };
    run_life(kAtTheEnd, commands);
    Disk::instance().fault = nullptr;
    may_go_on_ = false;
}

void World::run_life(std::uint64_t cut_at, unsigned commands) {
    Disk& disk = Disk::instance();
    const std::string before = place() + ".before";  // what this life found: to look at, after a problem
    fs::copy(place(), before, fs::copy_options::recursive);
    disk.is_ignored = is_ignored;
    disk.on_done = [this](const Operation& operation) { archive_.note(operation); };
    disk.watch(place());
    if (cut_at != 0) disk.cut_at(cut_at);
    telemetry::Registry metrics;
    std::mutex mutex;
    std::string why;
    const auto reason = [&] {
        const std::lock_guard lock(mutex);
        return why;
    };
    auto options = small_node(data(), clock_, metrics);
    options.random_bytes = kontor_test::seeded_bytes(salt_seed_ + life_);
    options.on_fatal = [&](const Error& error) {
        const std::lock_guard lock(mutex);
        why = error.describe();
    };
    auto node = node::Node::start(std::move(options));
    if (node) {
        if (!disk.is_off()) keep_promises(**node);
        if (!disk.is_off() && check_replay_) compare_with_replay(**node);
        if (!disk.is_off()) work(**node, commands);
        checkpoints_ += (*node)->stats().store.checkpoints;
        if (was_faulty() && may_go_on_) {
            if (!takes_commands_again(**node, reason)) expect_named(reason());
        } else if (was_faulty()) {
            for (int i = 0; i < 500 && reason().empty(); ++i)
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
            expect_named(reason());
        }
        if (cut_at == 0) (*node)->stop();
        if (!disk.is_off() && cut_at != 0)
            disk.cut_at(1);  // the load was over before: it goes now, in the clean stop
        if (!was_faulty() && !disk.is_off() && !reason().empty()) problem("stopped: " + reason());
        node->reset();
    } else if (was_faulty()) {
        expect_named(node.error().describe());
    } else if (!disk.is_off()) {
        problem("does not start: " + node.error().describe());
    }
    operations_ = disk.operations();
    const std::string after = folder_ + "/" + std::to_string(life_ + 1);
    if (cut_at != 0) disk.write_image(after, random_);
    disk.stop_watching();
    if (cut_at == 0) fs::copy(place(), after, fs::copy_options::recursive);
    if (!problems_.empty()) return;
    fs::remove_all(before);
    fs::remove_all(place());
    ++life_;
}

// False: it ended meanwhile.
bool World::takes_commands_again(node::Node& node, const std::function<std::string()>& reason) {
    constexpr std::uint64_t kWithinMs = 60'000;  // of a machine that has other things to do, too
    const std::uint64_t end_ms = clock_.monotonic_ms() + kWithinMs;
    while (clock_.monotonic_ms() < end_ms) {
        if (!reason().empty()) return false;
        if (submit(node, {next_command()})) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (!reason().empty()) return false;
    problem("no command is taken although the disk has room again: \"" + node.full_disk() + "\"");
    return true;
}

// The file, or its folder: LMDB does not say which of its two files. Of a draft that is taken away, the
// draft.
void World::expect_named(const std::string& why) {
    for (const std::string& faulty : faulty_paths_) {
        const std::string path = place() + faulty.substr(0, faulty.find(".tmp"));
        if (why.find(path) != std::string::npos) return;
        if (why.find(fs::path(path).parent_path().string()) != std::string::npos) return;
        const std::size_t draft = path.find(".new/");
        if (draft != std::string::npos && why.find(path.substr(0, draft + 4)) != std::string::npos) return;
    }
    problem("after a failure at " + *faulty_paths_.begin() + " it said: \"" + why + "\"");
}

// Each acknowledged command is known: asked again, it answers as it did, from its record.
void World::keep_promises(node::Node& node) {
    std::uint64_t index = 0;
    ledger::VerifyReport report;
    machine::AuditReport audited;
    try {
        node.read([&](const store::Reader& rows, std::uint64_t applied) {
            index = applied;
            const machine::EachRow each_row = [&](store::TableId table, const store::Reader::Visitor& visit) {
                node.for_each(rows, table, visit);
            };
            report = ledger::verify(each_row);
            audited = machine::audit(domains::registry(), rows, each_row);
        });
    } catch (const store::StoreFailure& failure) {  // the power went meanwhile, or the fault came
        if (!Disk::instance().is_off() && !was_faulty())
            problem(std::string("the rows cannot be read: ") + failure.what());
        return;
    }
    for (const machine::Break& one : audited.breaks)
        problem(std::string(one.invariant) + " does not hold: " + one.first);
    if (!report.holds())
        problem("the ledger does not hold: " + (report.problems.empty()
                                                    ? std::to_string(report.differences) + " differ"
                                                    : report.problems.front()));
    for (const Promise& promise : acknowledged_) {
        if (promise.log_index > index)
            problem("acknowledged at entry " + std::to_string(promise.log_index) + ", the log ends at " +
                    std::to_string(index));
        if (promise.command.idempotency_key().empty()) continue;
        bool kept = false;
        std::string got;
        const auto done = node.submit_and_wait(promise.command, [&](const machine::Answer& answer) {
            kept = answer.result.replayed() && answer.result.outcome() == machine::outcome::ok &&
                   object_of(answer.result) == promise.object;
            got = "outcome " + std::to_string(answer.result.outcome()) +
                  (answer.result.replayed() ? ", replayed" : "") + ", object " +
                  std::to_string(object_of(answer.result)) + ", of entry " +
                  std::to_string(promise.log_index) + ", now " + std::to_string(answer.log_index);
        });
        if (Disk::instance().is_off() || (was_faulty() && !done)) return;
        if (!done || !kept)
            problem("lost: " + promise.command.idempotency_key() + ", object " +
                    std::to_string(promise.object) + ": " + (done ? got : done.error().describe()));
        if (!problems_.empty()) return;
    }
}

void World::compare_with_replay(node::Node& node) {
    std::uint64_t index = 0;
    std::string hash;
    node.read([&](const store::Reader&, std::uint64_t applied) {
        index = applied;
        hash = node.state_hash();
    });
    if (archive_.replayed_hash(index, folder_ + "/replay") != hash)
        problem("the state at entry " + std::to_string(index) + " is not that of a replay of the log");
}

void World::work(node::Node& node, unsigned commands) {
    // After a fault it must end, at the latest with the next checkpoint.
    constexpr unsigned kFaultSeenWithin = 200;
    bool extended = false;
    while (commands > 0) {
        if (was_faulty() && !std::exchange(extended, true)) commands = kFaultSeenWithin;
        std::vector<pb::Command> together;
        const std::uint64_t n = merchant_ == 0 || customers_.size() < kCustomers ? 1 : 1 + below(6);
        for (std::uint64_t i = 0; i < n; ++i) together.push_back(next_command());
        commands -= static_cast<unsigned>(std::min<std::uint64_t>(n, commands));
        if (!submit(node, std::move(together))) return;
    }
}

bool World::submit(node::Node& node, std::vector<pb::Command> commands) {
    struct Shared {
        std::mutex mutex;
        std::condition_variable changed;
        std::size_t left;
        bool refused = false;
    };
    const auto shared = std::make_shared<Shared>();
    shared->left = commands.size();
    for (pb::Command& command : commands) {
        node.submit(command, [this, shared, command](Result<machine::Answer> answer) {
            const std::lock_guard lock(shared->mutex);
            if (answer)
                note(command, answer->result, answer->log_index);
            else
                shared->refused = true;
            --shared->left;
            shared->changed.notify_all();
        });
    }
    std::unique_lock lock(shared->mutex);
    shared->changed.wait(lock, [&] { return shared->left == 0; });
    return !shared->refused;
}

void World::note(const pb::Command& command, const pb::Result& result, std::uint64_t log_index) {
    if (result.outcome() != machine::outcome::ok) return;
    const std::uint64_t object = object_of(result);
    if (has_body(command, pb::create_merchant)) merchant_ = object;
    if (has_body(command, pb::create_customer)) customers_.push_back(object);
    if (has_body(command, pb::create_payment_intent)) payments_.push_back(object);
    acknowledged_.push_back({command, object, log_index});
}

pb::Command World::next_command() {
    pb::Command command;
    command.set_version(machine::kCommandVersion);
    if (merchant_ == 0) {
        mutable_body(command, pb::create_merchant)->set_name("Shop");
        return command;
    }
    command.set_merchant_no(merchant_);
    command.set_idempotency_key("key-" + std::to_string(next_key_++));
    command.set_params_hash(crypto::sha256(command.idempotency_key()));
    const std::uint64_t kind = customers_.size() < kCustomers ? 0 : below(20);
    if (kind == 0) {
        mutable_body(command, pb::create_customer)->set_name("Customer " + command.idempotency_key());
        return command;
    }
    if (kind < 6) {
        auto& top_up = *mutable_body(command, pb::top_up_wallet);
        top_up.set_customer_no(customers_[below(customers_.size())]);
        top_up.set_amount(1 + static_cast<std::int64_t>(below(50'000)));
        top_up.set_currency(kEur);
    } else if (kind < 10 && !payments_.empty()) {
        mutable_body(command, pb::create_refund)->set_intent_no(payments_[below(payments_.size())]);
        mutable_body(command, pb::create_refund)->set_amount(1 + static_cast<std::int64_t>(below(300)));
    } else if (kind < 12 && !payments_.empty()) {
        mutable_body(command, pb::capture_payment_intent)->set_no(payments_[below(payments_.size())]);
    } else {
        auto& create = *mutable_body(command, pb::create_payment_intent);
        create.set_amount(100 + static_cast<std::int64_t>(below(900)));
        create.set_currency(kEur);
        create.set_customer_no(customers_[below(customers_.size())]);
        create.set_confirm(true);
        create.set_manual_capture(below(4) == 0);
        create.set_client_secret_suffix("s");
        create.set_description(std::string(below(900), static_cast<char>('a' + below(26))));
        create.add_payment_method_types("wallet");
        *create.mutable_payment_method() = kontor_test::method("pm_wallet");
    }
    return command;
}

}  // namespace kontor::power
