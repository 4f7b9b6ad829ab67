#pragma once
// Where the storm takes place: the nodes, the rows they share, and the network between them and the model
// channel, which loses, delays and overtakes. Here are the rules that hold at every single moment; the storm
// moves it.
//
// Threading: the storm's and the workers' threads; everything is guarded by one mutex, so that who was cut
// off does nothing more from that moment on. Reads of the rows take the world's alone.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "storm_node.h"
#include "support/test_clock.h"
#include "world.h"

namespace kontor::outbox::testing {

class Stage {
 public:
    explicit Stage(std::uint64_t seed)
        : sealer(crypto::Secret(std::string(32, 'k'))),
          connectors{kModels[seed % 4 == 3 ? 2 : seed % 2]},
          channel(seed, seed % 3 != 0),
          seed_(seed) {
        for (std::size_t i = 0; i < nodes.size(); ++i) put_node(i);
    }
    ~Stage() {
        for (std::size_t i = 0; i < nodes.size(); ++i) cut_off(i);
        for (std::thread& one : burials_) one.join();
    }

    kontor_test::TestClock clock{kStart};  // standing
    World world{clock};
    const crypto::Sealer sealer;
    const std::array<const connectors::Connector*, 1> connectors;

    mutable std::recursive_mutex mutex;
    std::condition_variable_any changed;  // what it guards
    // Guarded by it.
    ModelChannel channel;
    std::vector<Letter> letters;
    std::set<std::uint64_t> open;                  // attempts
    std::map<std::uint64_t, std::uint64_t> ended;  // others, and at which entry
    bool is_peaceful = false;                      // nothing is lost or late from now on
    std::vector<std::string> problems;
    Seen seen;

    // The storm's thread only.
    std::array<std::unique_ptr<Node>, 2> nodes;
    std::optional<std::size_t> leader;

    // ---- what is said of a run that failed ----

    void say(std::uint64_t no, std::string what) {
        const std::lock_guard lock(mutex);
        story_.emplace_back(no, std::move(what));
    }
    void problem(std::uint64_t no, const std::string& what) {
        const std::lock_guard lock(mutex);
        say(no, "PROBLEM: " + what);
        problems.push_back(std::to_string(no) + " " + what);
        wrong_.insert(no);
        changed.notify_all();
    }
    // Of those attempts, from where the first of them begins.
    std::string story() const {
        std::string all;
        for (const auto& [no, what] : story_) {
            if (wrong_.contains(no)) all += std::to_string(no) + " " + what + "\n";
            if (no == 0 && !all.empty()) all += "--- " + what + "\n";
        }
        return all;
    }

    // ---- the rows ----

    pb::Result apply(const pb::Command& command) {
        const std::lock_guard lock(mutex);
        pb::Result result = world.run(command);
        std::set<std::uint64_t> now;
        for (const machine::Due& due : due_until(kForever)) now.insert(due.no);
        for (const std::uint64_t no : open) {
            if (now.contains(no)) continue;
            ended[no] = world.index;
            say(no, "ends in the rows, at entry " + std::to_string(world.index));
        }
        open = std::move(now);
        changed.notify_all();
        return result;
    }
    std::vector<machine::Due> due_until(std::int64_t until_ms) const {
        std::vector<machine::Due> due;
        world.read([&](const store::Reader& rows, std::uint64_t) {
            due = attempts::due_attempts(rows, until_ms, 10'000);
        });
        return due;
    }
    // The rows know that there is news of it.
    void was_told_of(std::uint64_t no) {
        const std::lock_guard lock(mutex);
        news_[no] = {++moment_, world.index};
    }
    // Until the workers have read their mail and begun all that is due: what they never begin is found here.
    // No time passes but theirs.
    void settle() {
        std::unique_lock lock(mutex);
        const auto give_up = std::chrono::steady_clock::now() + kontor_test::kEventually;
        while (problems.empty()) {
            const bool have_read = have_read_mail();
            if (have_read && nothing_is_due()) return;
            if (std::chrono::steady_clock::now() > give_up)
                return problem(0, "something is due and not begun");
            if (leader && have_read) nodes[*leader]->pass(kPutOffMs);
            for (const auto& node : nodes)
                if (node && (have_read ? node->leads : !node->has_read_mail())) node->poke();
            changed.wait_for(lock, std::chrono::milliseconds(1));  // whatever a worker does
        }
    }

    // ---- who leads ----

    void gain(std::size_t i) {
        {
            const std::lock_guard lock(mutex);
            nodes[i]->pass(kPutOffMs);
            nodes[i]->leads = true;
            nodes[i]->term = ++term_;
            say(0, "node " + std::to_string(i) + " leads");
        }
        leader = i;
        has_mail(*nodes[i]);
    }
    // Nobody else leads before it knows: that is what its lease is for.
    void lose() {
        if (!leader) return;
        {
            const std::lock_guard lock(mutex);
            nodes[*leader]->leads = false;
            say(0, "nobody leads");
            ++seen.lost_leadership;
        }
        has_mail(*nodes[*std::exchange(leader, std::nullopt)]);
        settle();
    }
    void crash(std::size_t i) {
        if (leader == i) leader.reset();
        cut_off(i);
        put_node(i);
    }
    // The process dies: nothing of it gets anywhere from now on, and what its worker believes meanwhile is of
    // no interest to anybody.
    void cut_off(std::size_t i) {
        if (!nodes[i]) return;
        std::vector<Answered> cut;
        {
            const std::lock_guard lock(mutex);
            say(0, "node " + std::to_string(i) + " dies");
            nodes[i]->is_alive = nodes[i]->leads = false;
            nodes[i]->pass(kPutOffMs);
            for (Letter& letter : letters) {
                if (letter.from != nodes[i].get()) continue;
                letter.from = nullptr;
                cut.push_back(std::move(letter.done));
            }
            std::erase_if(letters, [](const Letter& one) {
                return one.from == nullptr && (one.has_arrived || one.asks);
            });
            seen.cut += cut.size();
        }
        for (const Answered& done : cut) done(lost());
        dead_.push_back(std::move(nodes[i]));
        burials_.emplace_back([node = dead_.back().get()] { node->worker.reset(); });
    }

    // ---- the network ----

    // On the worker's thread. What comes at once comes within it.
    void send(Node& from, const http::ClientRequest& request, Answered done) {
        Letter letter{.from = &from,
                      .order = Wanted(request.body),
                      .asks = request.url == kQueries,
                      .done = std::move(done)};
        std::unique_lock lock(mutex);
        if (!from.is_alive) {
            lock.unlock();
            return letter.done(lost());
        }
        const std::uint64_t no = letter.order.no;
        if (letter.asks) {
            ++seen.asked;
            from.words.erase(no);
        } else {
            ++seen.sent;
            look_at(from, letter.order);
        }
        const auto at_once = post(letter);
        changed.notify_all();
        lock.unlock();
        if (at_once) letter.done(*at_once);
    }
    // Something becomes of a letter: it arrives, is answered, is lost, or the sender waits no longer.
    void move_letter(std::size_t which, std::uint64_t chance) {
        Answered done;
        Node* to = nullptr;
        Result<http::ClientResponse> with = lost();
        {
            const std::lock_guard lock(mutex);
            if (letters.empty()) return;
            const auto at = letters.begin() + static_cast<std::ptrdiff_t>(which % letters.size());
            to = at->from;
            const bool is_new = !at->has_arrived, waits = to != nullptr;
            if (is_new && waits && chance < 25) return arrive(*at);  // and the answer is late
            if (is_new && chance < 90) {
                if (waits && !at->asks && chance < 45) {
                    say(at->order.no, "is waited for no longer, and on its way");
                    at->from = nullptr;
                    done = std::exchange(at->done, nullptr);
                } else {
                    arrive(*at);
                }
            }
            if (at->from != nullptr || !waits) {
                if (at->has_arrived && waits && chance < 80) with = answer(*at);
                if (waits)
                    say(at->order.no, with ? "gets its late answer" : "is lost, or its late answer is");
                if (waits) done = std::move(at->done);
                letters.erase(at);
            }
            changed.notify_all();
        }
        if (!done) return;
        done(with);
        has_mail(*to);
    }

    [[nodiscard]] bool can_be_asked(connectors::Operation operation) const {
        return connectors[0]->query_of(operation) != nullptr;
    }

 private:
    std::uint64_t term_ = 0;
    static Result<http::ClientResponse> lost() { return fail(ErrorCode::io, "the connection was lost"); }
    void has_mail(Node& node) {
        const std::lock_guard lock(mutex);
        node.gets_mail();
        node.poke();
    }
    void put_node(std::size_t i) {
        nodes[i] = std::make_unique<Node>(*this, i);
        nodes[i]->start();
    }
    [[nodiscard]] bool have_read_mail() const {
        return std::all_of(nodes.begin(), nodes.end(),
                           [](const auto& node) { return !node || node->has_read_mail(); });
    }
    [[nodiscard]] bool nothing_is_due() const {
        if (!leader) return true;
        const Node& node = *nodes[*leader];
        const auto due = due_until(clock.wall_ms());
        return node.turned_away.empty() && std::all_of(due.begin(), due.end(), [&](const machine::Due& one) {
                   return std::any_of(letters.begin(), letters.end(), [&](const Letter& letter) {
                       return letter.from == &node && letter.order.no == one.no;
                   });
               });
    }

    // What the network does with it depends on the order, and how often it came.
    std::optional<Result<http::ClientResponse>> post(Letter& letter) {
        const std::uint64_t no = letter.order.no, times = ++calls_[no];
        const std::uint64_t chance = is_peaceful ? 0 : mixed(~seed_, no + times) % 100;
        // Questions more often have late answers, so that something may happen meanwhile.
        const bool is_late = chance >= (letter.asks ? 45 : 60);
        const bool arrives = is_late ? chance < 80 : chance < 40;
        if (arrives) arrive(letter);
        if (chance < 30) return answer(letter);
        if (!is_late) {
            say(no, arrives ? "loses its answer" : "is lost");
            return lost();
        }
        say(no, arrives ? "has a late answer" : "is late");
        if (!letter.asks && !arrives) overtaken_.insert(no);
        letters.push_back(std::move(letter));
        return std::nullopt;
    }
    void arrive(Letter& letter) {
        const Wanted& order = letter.order;
        letter.has_arrived = true;
        if (letter.asks) {
            letter.asked_at = ++moment_;
            letter.reply = channel.asked(order.reference);
        } else {
            const bool is_second = channel.find(order.reference) != nullptr;
            // What the network delayed may come behind the question about it: that is what references are
            // for.
            if (is_second && can_be_asked(order.operation) && !overtaken_.contains(order.no))
                problem(order.no, "is ordered a second time: its reference alone saved the money");
            seen.second_orders += is_second ? 1 : 0;
            letter.reply = channel.take(order, clock.wall_ms());
        }
        say(order.no, (letter.asks ? "is asked about: " : "arrives: ") + letter.reply);
    }
    Result<http::ClientResponse> answer(const Letter& letter) {
        const std::uint64_t no = letter.order.no;
        if (letter.asks && letter.reply[0] == kNone) {
            letter.from->words[no] = {letter.asked_at, world.index, letter.from->looks};
            seen.ended_meanwhile += ended.contains(no) ? 1 : 0;
        }
        return http::ClientResponse{200, {}, letter.reply};
    }

    // An order leaves the node: on what did it look before?
    void look_at(Node& from, const Wanted& order) {
        const std::uint64_t no = order.no;
        const auto known = from.words.find(no);
        const Node::Word* word = known == from.words.end() ? nullptr : &known->second;
        say(no, "is sent by node " + std::to_string(from.number) +
                    (word != nullptr ? " on the channel's word" : ""));
        if (!from.may_work || (word != nullptr && word->looks == from.looks))
            problem(no, "is sent by a node that does not know whether it leads");
        // The rows may change between look and call: then its look was before the end.
        const auto end = ended.find(no);
        const std::uint64_t looked_at =
            std::max(from.saw_index.load(), word != nullptr ? word->log_index : 0);
        if (end != ended.end() && end->second <= looked_at) problem(no, "is sent after its end in the rows");
        if (const auto news = news_.find(no); word != nullptr && news != news_.end() &&
                                              word->asked_at < news->second.first &&
                                              news->second.second <= looked_at)
            problem(no, "is sent on the channel's word, and there is news since then");
        std::uint64_t& last = sent_[no];
        if (last != 0 && can_be_asked(order.operation) && (word == nullptr || word->asked_at < last))
            problem(no, "is sent again, and the channel did not say since then that it has no such order");
        last = ++moment_;
        seen.sent_on_word += word != nullptr ? 1 : 0;
        from.words.erase(no);
    }

    static constexpr std::uint64_t kPutOffMs = 100;  // for what a worker proposes again

    const std::uint64_t seed_;
    std::uint64_t moment_ = 0;                      // counts what happened at the channel
    std::map<std::uint64_t, std::uint64_t> sent_;   // attempt: moment of its last order
    std::map<std::uint64_t, std::uint64_t> calls_;  // attempt: orders and questions
    std::map<std::uint64_t, std::pair<std::uint64_t, std::uint64_t>> news_;  // attempt: moment, entry
    std::set<std::uint64_t> overtaken_;                                      // one of its orders was
    std::vector<std::pair<std::uint64_t, std::string>> story_;
    std::set<std::uint64_t> wrong_;
    std::vector<std::unique_ptr<Node>> dead_;
    std::vector<std::thread> burials_;
};

// ---- a node ----

inline void Node::start() {
    WorkerOptions options;
    options.service = this;
    options.client = options.channel_client = this;
    options.sealer = &stage_.sealer;
    options.clock = this;
    options.metrics = &metrics_;
    options.connectors = stage_.connectors;
    options.leadership = [this] { return leadership(); };
    options.poll_ms = 20;
    worker = Worker::start(std::move(options));
}
inline void Node::submit(pb::Command command, machine::Service::Done done) {
    const std::lock_guard lock(stage_.mutex);
    // Its worker need not wait for anything any more.
    if (!is_alive) return done(machine::Answer{pb::Result(), stage_.world.index});
    const std::uint64_t no = body(command, pb::channel_answered).attempt_no();
    if (!leads || refuses != 0) {
        if (leads) --refuses;
        if (turned_away.insert(no).second) {
            ++stage_.seen.refused;
            stage_.say(no, "has an answer that the node does not take");
        }
        return done(fail(ErrorCode::unavailable, "not now"));
    }
    turned_away.erase(no);
    stage_.say(no, "is answered, state " + std::to_string(body(command, pb::channel_answered).state()));
    const pb::Result result = stage_.apply(command);
    done(machine::Answer{result, stage_.world.index});
}
inline void Node::read(const ReadBody& body) const {
    stage_.world.read([&](const store::Reader& rows, std::uint64_t index) {
        saw_index = index;
        body(rows, index);
    });
}
inline std::int64_t Node::machine_now_ms() const {
    return stage_.clock.wall_ms();
}
inline std::uint64_t Node::subscribe(OnEntry on_entry) {
    on_entry_ = on_entry;
    return stage_.world.subscribe(std::move(on_entry));
}
inline void Node::unsubscribe(std::uint64_t id) {
    stage_.world.unsubscribe(id);
}
inline void Node::send(http::ClientRequest request, Answered done) {
    stage_.send(*this, request, std::move(done));
}
inline std::uint64_t Node::leadership() {
    const std::lock_guard lock(stage_.mutex);
    ++looks;
    may_work = is_alive && leads;
    stage_.changed.notify_all();
    return may_work ? term : 0;
}

}  // namespace kontor::outbox::testing
