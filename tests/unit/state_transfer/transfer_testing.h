#pragma once
// A source under continuous changes and a sink that copies it, in one process, step by step.

#include <gtest/gtest.h>

#include "kontor/state_transfer/state_transfer.h"
#include "kontor/store/copy_source.h"
#include "kontor/store/replace_folder.h"
#include "store_testing.h"

namespace kontor::state_transfer {

using namespace store;

inline StateSinkOptions sink_options(const std::string& live) {
    StateSinkOptions options;
    options.folder = incoming_folder(live);
    options.tables = test_options(live).tables;
    options.partitions = 4;
    options.map_bytes = 64ULL << 20;
    options.max_response_bytes = kMinStateResponseBytes;
    options.commit_bytes = 3 * kMinStateResponseBytes;
    return options;
}

inline std::unique_ptr<StateSink> open_sink(StateSinkOptions options) {
    auto sink = StateSink::open(std::move(options));
    if (!sink) {
        std::cerr << "StateSink::open: " << sink.error().describe() << std::endl;
        std::abort();
    }
    return *std::move(sink);
}

// A store that changes, and what it held at each checkpoint.
class ChangingStore {
 public:
    ChangingStore(std::uint64_t seed, StoreOptions options) : options_(std::move(options)), workload_(seed) {
        store_ = open_or_die(options_);
        models_[0] = {};
    }
    [[nodiscard]] Store& store() { return *store_; }
    [[nodiscard]] CopySource& source() { return store_->copy_source(); }
    [[nodiscard]] Workload& workload() { return workload_; }
    [[nodiscard]] const Model& model_at(std::uint64_t index) { return models_.at(index); }
    [[nodiscard]] std::uint64_t index() const { return index_; }
    [[nodiscard]] std::string hash_at(std::uint64_t index) { return hashes_.at(index); }

    void apply(unsigned entries, unsigned changes) {
        for (unsigned i = 0; i < entries; ++i) workload_.apply(*store_, ++index_, model_, changes);
    }
    // Goes on beside what follows.
    void start_checkpoint() {
        models_[index_] = model_;
        hashes_[index_] = store_->state_hash();
        store_->freeze("meta " + std::to_string(index_));
    }
    void checkpoint() {
        start_checkpoint();
        store_->wait_for_checkpoint();
    }
    // Some changes, now and then a checkpoint that then runs beside the copy.
    void change_a_little() {
        const std::uint64_t kind = workload_.below(6);
        if (kind < 3) apply(1, static_cast<unsigned>(workload_.below(12)));
        if (kind == 3 && index_ > 0) start_checkpoint();
    }
    // What no checkpoint holds is lost, as if its log replayed nothing.
    void reopen() {
        checkpoint();
        store_.reset();
        store_ = open_or_die(options_);
    }

 private:
    StoreOptions options_;
    Workload workload_;
    std::unique_ptr<Store> store_;
    std::uint64_t index_ = 0;
    Model model_;
    std::map<std::uint64_t, Model> models_;
    std::map<std::uint64_t, std::string> hashes_;
};

inline std::string must_answer(CopySource& source, const std::string& request) {
    auto answer = state_transfer::answer(source, request);
    if (!answer) {
        std::cerr << "answer: " << answer.error().describe() << std::endl;
        std::abort();
    }
    EXPECT_LE(answer->size(), kMaxStateResponseSize);
    return *std::move(answer);
}

// One question and its answer.
inline Result<void> exchange(CopySource& source, StateSink& sink) {
    return sink.feed(must_answer(source, sink.next_request()));
}

// The copy takes its place and is opened: it must be the source's checkpoint.
inline void expect_copy(const std::string& live, ChangingStore& source, std::uint64_t index) {
    const auto replaced = replace_store_folder(live, incoming_folder(live));
    ASSERT_TRUE(replaced) << replaced.error().describe();
    StoreOptions options = test_options(live);
    const auto opened = Store::open(options);
    ASSERT_TRUE(opened) << opened.error().describe();
    const Store& copy = **opened;
    EXPECT_EQ(copy.applied_index(), index);
    EXPECT_EQ(contents(copy), source.model_at(index));
    EXPECT_EQ(copy.checkpoint().time_ms, static_cast<std::int64_t>(index * 10));
    if (index == 0) return;
    EXPECT_EQ(copy.state_hash(), source.hash_at(index));
    EXPECT_EQ(copy.checkpoint().replication_meta, "meta " + std::to_string(index));
}

}  // namespace kontor::state_transfer
