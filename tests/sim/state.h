#pragma once
// The state of one simulated server: the real state machine over rows that survive a crash as their last
// complete checkpoint. Two kinds: in memory, which is quick, and the real store with its folder.
//
// Whatever is written passes a watch, which keeps the sums of debits and credits of every book's ledgers and,
// where the store does not, a hash chained over all changes.
//
// Threading: one thread. Errors: StoreFailure passes through.

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "domains/all.h"
#include "kontor/base/result.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/store/row_store.h"

namespace kontor::sim {

using AllRows = std::map<std::pair<store::TableId, std::string>, std::string>;

// Of one ledger of one book; sums modulo 2^64.
struct Sums {
    std::uint64_t debits_posted = 0, credits_posted = 0, debits_pending = 0, credits_pending = 0;
    [[nodiscard]] bool balance() const {
        return debits_posted == credits_posted && debits_pending == credits_pending;
    }
    friend bool operator==(const Sums&, const Sums&) = default;
};
using AllSums = std::map<std::pair<std::string, std::uint32_t>, Sums>;  // by book's key bytes and ledger

class Watch {
 public:
    void account_changes(std::string_view key, std::optional<std::string_view> before,
                         std::string_view after);
    void count(std::string_view key, std::string_view row);  // an account found at the start
    [[nodiscard]] std::string unbalanced() const;            // "" if all balance
    [[nodiscard]] const AllSums& sums() const { return sums_; }
    void clear() { sums_.clear(); }

    // What the next entry shall lose: tests of the tests.
    bool lose_a_posting = false;

 private:
    void add(std::string_view key, std::string_view row, bool negative);
    AllSums sums_;
};

struct CheckpointInfo {
    std::uint64_t index = 0;
    std::string meta;  // the log's; "": no checkpoint
};

class State {
 public:
    virtual ~State() = default;

    // From the last complete checkpoint.
    [[nodiscard]] virtual Result<void> open() = 0;
    virtual void crash() = 0;  // or closed; what is not in a complete checkpoint is lost
    [[nodiscard]] virtual CheckpointInfo checkpoint() const = 0;

    [[nodiscard]] virtual std::uint64_t applied() const = 0;
    [[nodiscard]] virtual std::string hash() const = 0;
    virtual void apply(std::uint64_t index, const pb::Batch& batch, machine::Effects& effects) = 0;
    virtual void read(const std::function<void(const store::Reader&)>& body) const = 0;
    virtual void for_each(store::TableId table, const store::Reader::Visitor& visit) const = 0;

    // A checkpoint of what is applied now. finish(): it is complete; false: the machine died in it (crash()
    // is next).
    virtual void freeze(const std::string& meta) = 0;
    [[nodiscard]] virtual bool finish() = 0;

    // Copies the other's checkpoint beside the own state, step by step. True: the copy is whole.
    [[nodiscard]] virtual Result<bool> copy_step(State& source) = 0;
    virtual void drop_copy() = 0;
    [[nodiscard]] virtual Result<CheckpointInfo> copied() = 0;  // of a whole copy
    // The copy takes the place of the closed state. `die`: the machine does so somewhere in it.
    [[nodiscard]] virtual Result<void> take_copy(bool die) = 0;

    // Of the closed state: a backup, and putting it back.
    virtual void back_up() = 0;
    virtual void put_back() = 0;

    [[nodiscard]] std::string unbalanced() const { return watch_.unbalanced(); }
    [[nodiscard]] Watch& watch() { return watch_; }
    [[nodiscard]] AllRows all_rows() const;
    // The sums as the rows have them, against those that were kept; the ledger's own proof, and every
    // domain's invariants. "" if right.
    [[nodiscard]] std::string whole_check() const;

 protected:
    void recount();
    Watch watch_;
    domains::Machine machine_;
};

[[nodiscard]] std::unique_ptr<State> memory_state();
// `random` decides at which steps of a checkpoint the machine dies when it does.
[[nodiscard]] std::unique_ptr<State> store_state(std::string folder, std::mt19937_64& random);

}  // namespace kontor::sim
