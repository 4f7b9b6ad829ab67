#pragma once
// The customers of the simulated cluster: shops, banks, bookkeepers, the channel's answers and the operators.
// They propose to the leader, and ask again when they do not know what became of a command that can be
// asked twice.
//
// Checked: an answer that was kept is given again, word for word; nothing keyed is carried out twice; and at
// the end every wallet that only takes keyed payments, and every account of the book that only takes simple
// transfers, holds exactly what was acknowledged.

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster.h"
#include "kontor/carriers.pb.h"
#include "kontor/ledger/ledger.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "support/seeded_bytes.h"

namespace kontor::sim {

class Shop {
 public:
    explicit Shop(Cluster& cluster) : cluster_(cluster) {}

    void step();  // some commands to the leader
    void tidy();  // no new ones: only what is not known yet
    [[nodiscard]] bool has_unknown() const;
    void check_totals();  // everybody is up and has everything
    // All faults have ended. From now on the leader's workers do everything that is due, and customers pay.
    void faults_ended();
    void work();
    // What was asked or begun before `since_ms`, and what is asked now, has an answer within `stuck_ms`.
    void check_not_stuck(std::uint64_t since_ms, std::uint64_t stuck_ms);
    void check_time_outs();  // reservations of before have run out

    std::uint64_t acknowledged = 0, retried = 0, replayed = 0, unknown = 0, refused = 0;

 private:
    enum class Kind { plain, keyed, bank, book };
    struct Wish {
        pb::Command command;
        Kind kind = Kind::plain;
        std::uint64_t due_ms = 0;    // not before
        std::uint64_t asked_ms = 0;  // first
        unsigned jumps = 0;          // that machine time had made then
        // bank, book
        std::uint64_t account = 0, amount = 0;
    };
    struct Known {
        std::string result;
        bool is_kept = false;  // for ever; a refusal may be not, when the object was busy
        std::uint64_t index = 0;
    };
    using Batch = std::shared_ptr<std::vector<Wish>>;

    void send(std::size_t leader, std::vector<Wish> wishes);
    void answered(const Batch& wishes, std::uint64_t index, const machine::Effects* effects);
    void note_jumps(const Wish& wish);
    void learn(const Wish& wish, std::uint64_t index, const pb::Result& result);
    void check_replay(const Wish& wish, std::uint64_t index, const pb::Result& result);
    void again(Wish wish);
    [[nodiscard]] std::vector<Wish> due_wishes();
    // shop_peace.cc
    [[nodiscard]] std::vector<Wish> due_chores(std::size_t leader);
    [[nodiscard]] Wish card_payment();
    // shop_commands.cc
    [[nodiscard]] Wish random_wish(std::size_t leader);
    [[nodiscard]] Wish bank_wish();
    [[nodiscard]] Wish book_wish();
    [[nodiscard]] pb::Command first_command();
    [[nodiscard]] pb::Command intent();
    [[nodiscard]] pb::Command change_intent();
    [[nodiscard]] pb::Command refund();
    [[nodiscard]] pb::Command customer();
    [[nodiscard]] pb::Command accounts();
    [[nodiscard]] pb::Command transfers();
    [[nodiscard]] pb::Command admin();
    [[nodiscard]] pb::Command webhook();
    [[nodiscard]] std::optional<pb::Command> chore(std::size_t leader);
    [[nodiscard]] pb::Command command();
    [[nodiscard]] std::uint64_t below(std::uint64_t n) { return cluster_.rng()() % n; }
    [[nodiscard]] bool percent(std::uint64_t p) { return below(100) < p; }
    [[nodiscard]] std::uint64_t pick(const std::vector<std::uint64_t>& all);
    [[nodiscard]] std::string random_bytes(std::size_t size);

    Cluster& cluster_;
    std::function<std::string(std::size_t)> salts_ = kontor_test::seeded_bytes(1);
    std::uint64_t merchant_ = 0, keys_ = 0, transfers_ = 0, pending_batches_ = 0;
    std::vector<std::uint64_t> customers_, intents_, charges_, endpoints_, pending_ids_;
    std::vector<std::uint64_t> banks_;  // customers that only take keyed top-ups
    std::vector<std::string> tokens_, api_keys_;
    bool has_book_ = false, has_sandbox_ = false;
    std::vector<std::uint64_t> timed_, old_timed_;  // reservations with a time-out; those of before the peace
    std::uint64_t next_payment_ms_ = 0;
    std::map<std::string, std::uint64_t> paying_;  // key of a card payment in peace: when it was asked for
    std::map<std::uint64_t, std::uint64_t> processing_;  // intent: when it was asked for
    std::deque<Wish> open_;                              // to be asked again
    std::deque<Wish> done_;               // keyed ones that have an answer: some ask again all the same
    std::map<std::string, Known> known_;  // by key
    std::map<std::uint64_t, std::int64_t> in_wallet_;  // by bank customer
    std::map<std::uint64_t, std::int64_t> maybe_;      // asked again when its key may have run out
    std::map<std::uint64_t, std::uint64_t> in_book_;   // credits by account
    std::map<std::string, bool> counted_;              // by key or transfer
};

}  // namespace kontor::sim
