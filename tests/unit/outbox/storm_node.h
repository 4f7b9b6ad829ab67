#pragma once
// A node in the storm, with its worker: all that the worker sees of the world, until it is cut off from it.
// Its worker may survive that it leads no more, as one does whose machine stood still meanwhile.
//
// Threading: the worker's thread, and the storm's; Stage::mutex guards what they share.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "kontor/http/client.h"
#include "kontor/machine/service.h"
#include "kontor/outbox/worker.h"
#include "kontor/telemetry/metrics.h"
#include "model_channel.h"

namespace kontor::outbox::testing {

using Answered = std::function<void(Result<http::ClientResponse>)>;

class Stage;

class Node final : public machine::Service, public http::Client, public Clock {
 public:
    Node(Stage& stage, std::size_t number_in) : number(number_in), stage_(stage) {}
    void start();

    void submit(pb::Command command, machine::Service::Done done) override;
    void read(const ReadBody& body) const override;
    [[nodiscard]] std::int64_t machine_now_ms() const override;
    std::uint64_t subscribe(OnEntry on_entry) override;
    void unsubscribe(std::uint64_t id) override;
    void send(http::ClientRequest request, Answered done) override;
    [[nodiscard]] std::int64_t wall_ms() const override { return machine_now_ms(); }
    [[nodiscard]] std::uint64_t monotonic_ms() const override {
        ++looks_at_clock_;
        return system_clock().monotonic_ms() + ahead_ms_;
    }
    std::uint64_t leadership();

    // To any thread but the worker's: something is due. It wakes the worker, and that is all.
    void poke() const { on_entry_({0, nullptr, true}); }
    // What the worker put off is due sooner.
    void pass(std::uint64_t ms) { ahead_ms_ += ms; }
    // A worker looks at the clock when it has read its mail, when it begins a round and when it looks for
    // what is due: within six looks it has read the mail of before, and has done what followed.
    void gets_mail() { reads_until_ = looks_at_clock_ + 6; }
    [[nodiscard]] bool has_read_mail() const { return looks_at_clock_ >= reads_until_; }

    // What the channel said to it of an order that it does not have.
    struct Word {
        std::uint64_t asked_at = 0;              // moment of the channel
        std::uint64_t log_index = 0, looks = 0;  // when it got to the node
    };
    const std::size_t number;
    mutable std::atomic<std::uint64_t> saw_index{0};  // of the rows at its worker's last look
    // Guarded by Stage::mutex.
    bool is_alive = true, leads = false;
    std::uint64_t term = 0;  // that it led in last
    bool may_work = false;   // what it heard last
    std::uint64_t looks = 0;
    unsigned refuses = 0;  // so many results
    std::map<std::uint64_t, Word> words;
    std::set<std::uint64_t> turned_away;  // attempts whose answer it did not take yet

    std::unique_ptr<Worker> worker;

 private:
    Stage& stage_;
    OnEntry on_entry_;
    telemetry::Registry metrics_;
    mutable std::atomic<std::uint64_t> looks_at_clock_{0};
    std::uint64_t reads_until_ = 0;  // so many
    std::atomic<std::uint64_t> ahead_ms_{0};
};

// On its way to the channel, or its answer back.
struct Letter {
    Node* from = nullptr;  // null: nobody waits for it any more
    Wanted order;
    bool asks = false, has_arrived = false;
    std::string reply = {};
    std::uint64_t asked_at = 0;
    Answered done;
};

// Whether the storm gets to what it is there for.
struct Seen {
    std::size_t sent = 0, asked = 0, sent_on_word = 0, ended_meanwhile = 0, second_orders = 0, cut = 0;
    std::size_t lost_leadership = 0, refused = 0, late = 0, given_back = 0;

    using Count = std::pair<const char*, std::size_t Seen::*>;
    static constexpr std::array<Count, 10> kCounts = {{
        {"orders", &Seen::sent},
        {"questions", &Seen::asked},
        {"orders that the channel did not have", &Seen::sent_on_word},
        {"such words about what had ended meanwhile", &Seen::ended_meanwhile},
        {"second orders that a reference caught", &Seen::second_orders},
        {"calls that a crash cut off", &Seen::cut},
        {"losses of leadership", &Seen::lost_leadership},
        {"results that were refused", &Seen::refused},
        {"late successes", &Seen::late},
        {"late successes that were given back", &Seen::given_back},
    }};
    void add(const Seen& other) {
        for (const auto& [name, count] : kCounts) this->*count += other.*count;
    }
};

}  // namespace kontor::outbox::testing
