// Death of the whole node at every named step of log and checkpoint, in particular between every two
// partition commits, and again during the recovery. Whatever the step: each acknowledged command is there and
// replays to the same answer, and the rows are exactly those of a node that never crashed or checkpointed and
// replays its whole log.
//
// One command is one entry here, and the wall clock stands still, so that two runs write the same rows. What
// is drawn at random, the key of public ids among it, comes from the seed of the run that draws it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <set>

#include "domains/all.h"
#include "domains/instance/instance.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/attempts.pb.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/crypto/public_id.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/ledger/ledger.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/node/folder.h"
#include "kontor/node/node.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "support/methods.h"
#include "support/sandbox_account.h"
#include "support/seeded_bytes.h"
#include "support/temp_folder.h"
#include "support/test_clock.h"

#if defined(__SANITIZE_THREAD__)
// The child of a fork starts a node of its own, and ends with it; the thread sanitizer would rather not.
extern "C" const char* __tsan_default_options() {  // NOLINT: its name
    return "die_after_fork=0";
}
#endif

namespace kontor::node {
namespace {

constexpr int kDied = 42;
constexpr unsigned kPartitions = 4;
constexpr std::size_t kCommands = 90;
constexpr std::uint64_t kNever = 1ULL << 40U;
constexpr std::uint32_t kEur = 978;

class TempFolder {
 public:
    [[nodiscard]] std::string data() const { return own_.path() + "/data"; }
    [[nodiscard]] std::string acks() const { return own_.path() + "/acks"; }
    [[nodiscard]] std::string steps() const { return own_.path() + "/steps"; }

 private:
    const kontor_test::TempFolder own_{"node-crash"};
};

// What a command came to, as far as later commands and the test need it.
struct Ack {
    int outcome = 0;
    std::uint64_t object = 0;      // number of the object it made
    std::uint64_t waiting_on = 0;  // the channel attempt it started
    bool replayed = false;
};
bool same(const Ack& a, const Ack& b) {
    return a.outcome == b.outcome && a.object == b.object;
}

// The load: command k follows from the answers of those before it.
class Load {
 public:
    std::vector<Ack> acks;

    pb::Command next() const {
        const std::size_t k = acks.size();
        pb::Command command;
        command.set_version(machine::kCommandVersion);
        if (k == 0) {
            mutable_body(command, pb::create_merchant)->set_name("Shop");
            return command;
        }
        command.set_merchant_no(acks[0].object);
        if (acks[k - 1].waiting_on != 0) return answered(std::move(command), acks[k - 1].waiting_on);
        command.set_idempotency_key("key-" + std::to_string(k));
        command.set_params_hash(crypto::sha256(command.idempotency_key()));
        if (k < 4) {
            mutable_body(command, pb::create_customer)->set_name("Customer " + std::to_string(k));
        } else if (k < 7) {
            auto& top_up = *mutable_body(command, pb::top_up_wallet);
            top_up.set_customer_no(acks[k - 3].object);
            top_up.set_amount(50'000);
            top_up.set_currency(kEur);
        } else if (k == 7) {
            *mutable_body(command, pb::open_channel_account) =
                body(kontor_test::open_sandbox(), pb::open_channel_account);
        } else if (k % 4 == 3 && last_paid(k) != 0) {
            mutable_body(command, pb::create_refund)->set_intent_no(last_paid(k));
            mutable_body(command, pb::create_refund)->set_amount(1 + static_cast<std::int64_t>(k));
        } else {
            pay(command, k);
        }
        return command;
    }

 private:
    static pb::Command answered(pb::Command command, std::uint64_t attempt) {
        command.clear_merchant_no();
        auto& answer = *mutable_body(command, pb::channel_answered);
        answer.set_attempt_no(attempt);
        answer.set_state(pb::ATTEMPT_SUCCEEDED);
        answer.set_channel_reference("sbx_" + std::to_string(attempt));
        return command;
    }
    void pay(pb::Command& command, std::size_t k) const {
        auto& create = *mutable_body(command, pb::create_payment_intent);
        create.set_amount(400 + static_cast<std::int64_t>(k));
        create.set_currency(kEur);
        create.set_customer_no(acks[1 + k % 3].object);
        create.set_confirm(true);
        create.set_client_secret_suffix("s");
        create.set_description(std::string(700, 'd'));  // so that the memtable fills quickly
        create.add_payment_method_types(is_wallet(k) ? "wallet" : "card");
        *create.mutable_payment_method() = kontor_test::method(is_wallet(k) ? "pm_wallet" : "pm_card_visa");
    }
    static bool is_wallet(std::size_t k) { return k % 3 != 0; }
    // The newest wallet payment before k; 0: none.
    std::uint64_t last_paid(std::size_t k) const {
        for (std::size_t at = k - 1; at >= 7; --at)
            if (at % 4 != 3 && is_wallet(at) && acks[at].outcome == 0 && acks[at - 1].waiting_on == 0)
                return acks[at].object;
        return 0;
    }
};

struct Case {
    std::string step;         // "" : run to the end
    unsigned occurrence = 0;  // 1 is the first
    bool checkpoints = true;
    std::size_t commands = kCommands;
    std::uint64_t seed = 1;  // of its random bytes, and its day
};

class Run {
 public:
    Run(const TempFolder& folder, const Case& wanted)
        : wanted_(wanted),
          clock_(1'800'000'000'000 + static_cast<std::int64_t>(wanted.seed) * 86'400'000, 1'000),
          steps_(folder.steps(), std::ios::app) {
        options_.folder = folder.data();
        options_.partitions = kPartitions;
        options_.cache_bytes = 64U << 10U;
        options_.map_bytes = 64U << 20U;
        options_.memtable_bytes = wanted.checkpoints ? 24U << 10U : kNever;
        options_.checkpoint_interval_ms = kNever;
        options_.log_segment_bytes = wanted.checkpoints ? 4U << 10U : 1U << 20U;
        options_.max_log_bytes = wanted.checkpoints ? 16U << 10U : 16U << 20U;
        options_.tick_ms = 1;
        options_.channel_wait_ms = 0;  // the interim answer is the answer: the channel's comes as a command
        options_.clock = &clock_;
        options_.random_bytes = kontor_test::seeded_bytes(wanted.seed);
        options_.metrics = &metrics_;
        options_.on_fatal = [](const Error& error) { std::cerr << error.describe() << std::endl; };
        options_.crash_point = [this](const char* step) { at(step); };
    }
    Result<void> start() {
        KONTOR_TRY(node_, Node::start(options_));
        return {};
    }
    Node& node() { return *node_; }

    Ack run(pb::Command command) {
        Ack ack;
        const auto done = node_->submit_and_wait(std::move(command), [&](const machine::Answer& answer) {
            const pb::Result& result = answer.result;
            ack.outcome = result.outcome();
            ack.waiting_on = result.waiting_on();
            ack.replayed = result.replayed();
            ack.object = has_object(result, pb::payment_intent) ? object_in(result, pb::payment_intent).no()
                         : has_object(result, pb::refund)       ? object_in(result, pb::refund).no()
                         : has_object(result, pb::customer)     ? object_in(result, pb::customer).no()
                         : has_object(result, pb::merchant)     ? object_in(result, pb::merchant).no()
                                                                : result.command_no();
        });
        EXPECT_TRUE(done) << done.error().describe();
        return ack;
    }

    using Rows = std::map<std::pair<store::TableId, std::string>, std::string>;
    Rows rows() {
        Rows found;
        node_->read([&](const store::Reader& reader, std::uint64_t) {
            for (const auto& table : domains::registry().tables()) {
                node_->for_each(reader, table.id, [&](std::string_view key, std::string_view value) {
                    found.emplace(std::pair(table.id, std::string(key)), value);
                    return true;
                });
            }
        });
        return found;
    }
    std::string id_key() {
        std::string key;
        node_->read([&](const store::Reader& reader, std::uint64_t) {
            key = instance::find_instance(reader).value_or(pb::Instance()).id_key();
        });
        return key;
    }
    ledger::VerifyReport verify() {
        ledger::VerifyReport report;
        node_->read([&](const store::Reader& reader, std::uint64_t) {
            report = ledger::verify([&](store::TableId table, const store::Reader::Visitor& visit) {
                node_->for_each(reader, table, visit);
            });
        });
        return report;
    }

 private:
    void at(const char* step) {
        const std::lock_guard lock(mutex_);
        steps_ << step << std::endl;
        if (wanted_.step == step && ++seen_ == wanted_.occurrence) ::_exit(kDied);
    }

    Case wanted_;
    kontor_test::TestClock clock_;
    telemetry::Registry metrics_;
    NodeOptions options_;
    std::mutex mutex_;
    std::ofstream steps_;
    unsigned seen_ = 0;
    std::unique_ptr<Node> node_;
};

// In a child, since it dies: at the wanted step, or right after the last acknowledgement. No clean stop
// anywhere.
int run_in_child(const TempFolder& folder, const Case& wanted) {
    const pid_t child = ::fork();
    if (child != 0) {
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    Run run(folder, wanted);
    if (auto started = run.start(); !started) {
        std::cerr << started.error().describe() << std::endl;
        ::_exit(1);
    }
    std::ofstream acks(folder.acks(), std::ios::app);
    Load load;
    for (std::size_t k = 0; k < wanted.commands; ++k) {
        const Ack ack = run.run(load.next());
        load.acks.push_back(ack);
        acks << ack.outcome << ' ' << ack.object << ' ' << ack.waiting_on << std::endl;
    }
    ::_exit(wanted.step.empty() ? 0 : 2);
}

std::vector<Ack> read_acks(const TempFolder& folder) {
    std::vector<Ack> acks;
    std::ifstream in(folder.acks());
    for (Ack ack; in >> ack.outcome >> ack.object >> ack.waiting_on;) acks.push_back(ack);
    return acks;
}

std::map<std::string, unsigned> count_steps(const TempFolder& folder) {
    std::map<std::string, unsigned> counts;
    std::ifstream in(folder.steps());
    for (std::string step; std::getline(in, step);) ++counts[step];
    return counts;
}

// The rows of a node that had no checkpoint and replays its log of `commands` commands.
const Run::Rows& replayed_rows(std::size_t commands) {
    static std::map<std::size_t, Run::Rows> known;
    const auto found = known.find(commands);
    if (found != known.end()) return found->second;
    const TempFolder folder;
    std::filesystem::create_directories(folder.data());
    const Case reference{"", 0, false, commands};
    EXPECT_EQ(run_in_child(folder, reference), 0);
    EXPECT_EQ(count_steps(folder)["redo-synced"], 0U) << "a reference has no checkpoint";
    Run run(folder, reference);
    EXPECT_TRUE(run.start());
    return known.emplace(commands, run.rows()).first->second;
}

void expect_holds(Run& run) {
    const auto report = run.verify();
    EXPECT_TRUE(report.holds()) << (report.problems.empty() ? "" : report.problems.front());
}

// Recovers, checks, and then finishes the load as if nothing had happened.
void expect_recovered(const TempFolder& folder, const std::vector<Ack>& acked) {
#if defined(KONTOR_SANITIZED)  // where a child of a process with threads hangs as soon as it allocates
    for (const std::size_t more : {0U, 1U}) replayed_rows(std::min(acked.size() + more, kCommands));
#endif
    Run run(folder, Case{});
    const auto started = run.start();
    ASSERT_TRUE(started) << started.error().describe();
    const auto rows = run.rows();
    // Of the command that was under way when it died, all is there or nothing.
    const bool before = rows == replayed_rows(acked.size());
    const bool after = acked.size() < kCommands && rows == replayed_rows(acked.size() + 1);
    EXPECT_TRUE(before || after) << acked.size() << " acknowledged, " << rows.size() << " rows";
    expect_holds(run);

    Load load;
    for (std::size_t k = 0; k < kCommands; ++k) {
        pb::Command command = load.next();
        const bool has_key = !command.idempotency_key().empty();
        if (k < acked.size() && !has_key) {
            load.acks.push_back(acked[k]);  // cannot be retried
            continue;
        }
        if (k >= acked.size() && !has_key && k == 0 && after)
            return;  // the merchant is there; its number is not known
        Ack ack = run.run(std::move(command));
        if (k < acked.size()) {
            EXPECT_TRUE(ack.replayed || acked[k].waiting_on != 0) << k;
            EXPECT_TRUE(same(ack, acked[k]) || acked[k].waiting_on != 0) << k;
            ack = acked[k];
        } else if (k == acked.size() && has_key) {
            EXPECT_EQ(ack.replayed, after && ack.outcome == machine::outcome::ok) << k;
        }
        load.acks.push_back(ack);
    }
    expect_holds(run);
}

// The checkpoint thread runs beside the load, so a run may have fewer checkpoints than another, but never
// none.
void die_at(const TempFolder& folder, const std::string& step, unsigned occurrence) {
    for (;; occurrence = (occurrence + 1) / 2) {
        std::filesystem::remove_all(folder.data());
        std::filesystem::remove(folder.acks());
        std::filesystem::remove(folder.steps());
        std::filesystem::create_directories(folder.data());
        const int code = run_in_child(folder, Case{step, occurrence});
        if (code != kDied && occurrence > 1) continue;
        ASSERT_EQ(code, kDied) << step;
        return;
    }
}

TEST(NodeCrash, AtEveryStepOfLogAndCheckpoint) {
    const TempFolder whole;
    std::filesystem::create_directories(whole.data());
    ASSERT_EQ(run_in_child(whole, Case{}), 0);
    const auto counts = count_steps(whole);
    const auto acks = read_acks(whole);
    ASSERT_EQ(acks.size(), kCommands);
    EXPECT_TRUE(std::all_of(acks.begin(), acks.end(), [](const Ack& ack) { return ack.outcome == 0; }));
    for (unsigned partition = 0; partition < kPartitions; ++partition)
        ASSERT_GE(counts.at("partition-" + std::to_string(partition) + "-committed"), 3U);
    for (const char* step :
         {"bootstrap-logged", "log-written", "log-synced", "segment-written", "segment-named", "redo-written",
          "redo-synced", "redo-removed", "segment-dropped"})
        EXPECT_TRUE(counts.contains(step)) << step;

    for (const auto& [step, count] : counts) {
        for (const unsigned occurrence : std::set<unsigned>{1, 2, count / 2}) {
            if (occurrence == 0 || occurrence > count) continue;
            SCOPED_TRACE(step + " #" + std::to_string(occurrence) + " of " + std::to_string(count));
            const TempFolder folder;
            die_at(folder, step, occurrence);
            expect_recovered(folder, read_acks(folder));
        }
    }
}

TEST(NodeCrash, AtEveryStepOfARecovery) {
    for (unsigned died_at = 0; died_at + 1 < kPartitions; ++died_at) {
        // What a start after that must do: the partitions that are behind, then the first command of its own.
        std::vector<std::string> steps{"log-written", "log-synced"};
        for (unsigned behind = died_at + 1; behind < kPartitions; ++behind)
            steps.push_back("partition-" + std::to_string(behind) + "-committed");
        for (const std::string& step : steps) {
            SCOPED_TRACE("partition " + std::to_string(died_at) + " was the last, then in the recovery " +
                         step);
            const TempFolder folder;
            die_at(folder, "partition-" + std::to_string(died_at) + "-committed", 2);
            const auto acked = read_acks(folder);
            ASSERT_EQ(run_in_child(folder, Case{step, 1, true, 0}), kDied);
            expect_recovered(folder, acked);
        }
    }
}

// What a first start draws: the instance's id, then the key.
std::string first_key_of(std::uint64_t seed) {
    const auto draw = kontor_test::seeded_bytes(seed);
    (void)draw(16);
    return draw(kIdKeyBytes);
}

// A start of another day, with other random bytes. The key that the rows have then.
std::string key_at_start(const TempFolder& folder, std::uint64_t seed) {
    set_id_key(std::string(kIdKeyBytes, 'x'));
    Run run(folder, Case{"", 0, false, 0, seed});
    const auto started = run.start();
    EXPECT_TRUE(started) << started.error().describe();
    if (!started) return {};
    const std::string key = run.id_key();
    const std::string shown = format_id("pi", 77);
    set_id_key(key);
    EXPECT_EQ(shown, format_id("pi", 77)) << "who opens the state shows ids by its key";
    return key;
}

TEST(NodeCrash, TheKeyOfIdsIsDrawnOnceAndComesWithTheLogAndTheRows) {
    ASSERT_NE(first_key_of(1), first_key_of(2));
    for (const bool checkpoints : {false, true}) {
        const TempFolder folder;
        std::filesystem::create_directories(folder.data());
        ASSERT_EQ(run_in_child(folder, Case{"", 0, checkpoints}), 0);
        EXPECT_EQ(count_steps(folder)["redo-synced"] != 0, checkpoints);
        EXPECT_EQ(key_at_start(folder, 2),
                  first_key_of(1));  // from the log alone, or from rows and the rest of the log
        EXPECT_EQ(key_at_start(folder, 3), first_key_of(1));  // the stop before made a checkpoint
        if (checkpoints) continue;
        std::filesystem::remove_all(store_folder(folder.data()));  // from the log alone, again
        EXPECT_EQ(key_at_start(folder, 4), first_key_of(1));
    }
    const TempFolder other;
    std::filesystem::create_directories(other.data());
    EXPECT_EQ(key_at_start(other, 5), first_key_of(5));
}

// A first start that dies leaves a key in the log or none: the next start takes what is there, and it stays.
TEST(NodeCrash, AFirstStartThatDiesLeavesItsKeyOrNone) {
    std::set<std::string> left;
    for (const char* step : {"bootstrap-logged", "log-written", "log-synced"}) {
        for (const unsigned occurrence : {1U, 2U, 3U}) {
            SCOPED_TRACE(std::string(step) + " #" + std::to_string(occurrence));
            const TempFolder folder;
            die_at(folder, step, occurrence);
            const std::string key = key_at_start(folder, 2);
            EXPECT_TRUE(key == first_key_of(1) || key == first_key_of(2));
            EXPECT_EQ(key_at_start(folder, 3), key);
            left.insert(key);
        }
    }
    EXPECT_EQ(left.size(), 2U) << "deaths before and after the key was in the log";
}

}  // namespace
}  // namespace kontor::node
