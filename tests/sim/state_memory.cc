// A state in memory; its checkpoint is a copy.

#include "domains/all.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "support/memory_rows.h"
#include "watching_writer.h"

namespace kontor::sim {

namespace {

class MemoryState final : public State {
 public:
    Result<void> open() override {
        rows_ = testing::MemoryRows(domains::registry().tables());
        pending_.reset();
        applied_ = 0;
        hash_ = 0;
        if (durable_) {
            rows_.rows() = durable_->rows;
            applied_ = durable_->info.index;
            hash_ = durable_->hash;
        }
        recount();
        return {};
    }
    void crash() override {
        rows_ = testing::MemoryRows(domains::registry().tables());
        pending_.reset();
    }
    CheckpointInfo checkpoint() const override { return durable_ ? durable_->info : CheckpointInfo{}; }

    std::uint64_t applied() const override { return applied_; }
    std::string hash() const override { return std::to_string(hash_); }
    void apply(std::uint64_t index, const pb::Batch& batch, machine::Effects& effects) override {
        WatchingWriter writer(rows_, watch_, hash_);
        machine_.apply(writer, index, batch, effects);
        hash_ = hash_ * 31 + index;
        applied_ = index;
    }
    void read(const std::function<void(const store::Reader&)>& body) const override { body(rows_); }
    void for_each(store::TableId table, const store::Reader::Visitor& visit) const override {
        rows_.visit_table(table, visit);
    }

    void freeze(const std::string& meta) override {
        pending_ = std::make_shared<Checkpoint>(Checkpoint{{applied_, meta}, rows_.rows(), hash_});
    }
    bool finish() override {
        if (pending_) durable_ = std::move(pending_);
        pending_.reset();
        return true;
    }

    Result<bool> copy_step(State& source) override {
        copy_ = static_cast<MemoryState&>(source).durable_;
        if (!copy_) return fail(ErrorCode::unavailable, "no checkpoint yet");
        return true;
    }
    void drop_copy() override { copy_.reset(); }
    Result<CheckpointInfo> copied() override { return copy_->info; }
    Result<void> take_copy(bool die) override {
        if (die) return fail(ErrorCode::io, "power cut");
        durable_ = std::move(copy_);
        copy_.reset();
        return {};
    }

    void back_up() override { kept_ = durable_; }
    void put_back() override { durable_ = kept_; }

 private:
    struct Checkpoint {
        CheckpointInfo info;
        AllRows rows;
        std::uint64_t hash = 0;
    };
    testing::MemoryRows rows_{domains::registry().tables()};
    std::uint64_t applied_ = 0, hash_ = 0;
    std::shared_ptr<const Checkpoint> pending_, durable_, copy_, kept_;
};

}  // namespace

std::unique_ptr<State> memory_state() {
    return std::make_unique<MemoryState>();
}

}  // namespace kontor::sim
