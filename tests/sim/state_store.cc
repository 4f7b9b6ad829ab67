// The real store. A crash leaves the folder as it was, or as it was at one of the steps of a checkpoint.

#include <filesystem>

#include "domains/all.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/state_transfer/state_transfer.h"
#include "kontor/store/replace_folder.h"
#include "kontor/store/store.h"
#include "watching_writer.h"

namespace kontor::sim {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMapBytes = 64U << 20U;
constexpr std::uint64_t kSteps = 12;  // about what a checkpoint of two partitions has
constexpr int kRequestsAStep = 4;

class Died : public std::exception {};  // in a crash point on this thread

class StoreState final : public State {
 public:
    StoreState(std::string folder, std::mt19937_64& random) : folder_(std::move(folder)), random_(random) {}
    ~StoreState() override { StoreState::crash(); }

    Result<void> open() override {
        KONTOR_TRY(store_, store::Store::open(options()));
        recount();
        return {};
    }
    void crash() override {
        sink_.reset();
        if (store_) store_->wait_for_checkpoint();
        store_.reset();
        steps_left_ = 0;
        if (!fs::exists(image_folder())) return;
        fs::remove_all(folder_);
        fs::rename(image_folder(), folder_);
    }
    CheckpointInfo checkpoint() const override {
        return {store_->checkpoint().index, store_->checkpoint().replication_meta};
    }

    std::uint64_t applied() const override { return store_->applied_index(); }
    std::string hash() const override { return store_->state_hash(); }
    void apply(std::uint64_t index, const pb::Batch& batch, machine::Effects& effects) override {
        std::uint64_t unused = 0;
        store_->begin();
        WatchingWriter writer(store_->writer(), watch_, unused);
        machine_.apply(writer, index, batch, effects);
        store_->commit(index, effects.now.utc_ms);
    }
    void read(const std::function<void(const store::Reader&)>& body) const override {
        store_->read([&](const store::Reader& rows, std::uint64_t) { body(rows); });
    }
    void for_each(store::TableId table, const store::Reader::Visitor& visit) const override {
        store_->read([&](const store::Reader& rows, std::uint64_t) { store_->for_each(rows, table, visit); });
    }

    void freeze(const std::string& meta) override {
        dies_ = false;
        steps_left_ = random_() % 4 == 0 ? 1 + random_() % kSteps : 0;
        store_->freeze(meta);
        store_->wait_for_checkpoint();
        steps_left_ = 0;
    }
    bool finish() override { return !dies_; }

    Result<bool> copy_step(State& source) override {
        if (!sink_) {
            state_transfer::StateSinkOptions options;
            options.folder = store::incoming_folder(folder_);
            options.tables = tables();
            options.map_bytes = kMapBytes;
            options.max_response_bytes = state_transfer::kMinStateResponseBytes;
            KONTOR_TRY(sink_, state_transfer::StateSink::open(std::move(options)));
        }
        auto& from = static_cast<StoreState&>(source);
        if (from.store_->checkpoint().index == 0) return fail(ErrorCode::unavailable, "no checkpoint yet");
        for (int i = 0; i < kRequestsAStep && !sink_->done(); ++i) {
            KONTOR_TRY(const std::string response,
                       state_transfer::answer(from.store_->copy_source(), sink_->next_request()));
            KONTOR_CHECK(sink_->feed(response));
        }
        return sink_->done();
    }
    void drop_copy() override {
        sink_.reset();
        if (random_() % 2 == 0) fs::remove_all(store::incoming_folder(folder_));  // else it goes on there
    }
    Result<CheckpointInfo> copied() override {
        sink_.reset();
        auto opened = options();
        opened.folder = store::incoming_folder(folder_);
        opened.crash_point = nullptr;
        KONTOR_TRY(const auto copy, store::Store::open(std::move(opened)));
        return CheckpointInfo{copy->checkpoint().index, copy->checkpoint().replication_meta};
    }
    Result<void> take_copy(bool die) override {
        std::uint64_t left = die ? 1 + random_() % 4 : 0;
        try {
            return store::replace_store_folder(folder_, store::incoming_folder(folder_), [&](const char*) {
                if (left != 0 && --left == 0) throw Died();
            });
        } catch (const Died&) {
            return fail(ErrorCode::io, "power cut");
        }
    }

    void back_up() override { copy_folder(folder_, folder_ + ".kept"); }
    void put_back() override { copy_folder(folder_ + ".kept", folder_); }

 private:
    static void copy_folder(const std::string& from, const std::string& to) {
        fs::remove_all(to);
        if (fs::exists(from)) fs::copy(from, to, fs::copy_options::recursive);
    }
    static std::vector<store::TableSpec> tables() {
        const auto all = domains::registry().tables();
        return {all.begin(), all.end()};
    }
    [[nodiscard]] std::string image_folder() const { return folder_ + ".image"; }
    [[nodiscard]] store::StoreOptions options() {
        store::StoreOptions options;
        options.folder = folder_;
        options.tables = tables();
        options.partitions = 2;
        options.map_bytes = kMapBytes;
        options.redo_bytes = 256U << 10U;  // some checkpoints merge, most do not
        options.merge_bytes = 4U << 10U;   // and in pieces
        options.crash_point = [this](const char*) {
            if (steps_left_ == 0 || --steps_left_ != 0) return;
            dies_ = true;
            fs::remove_all(image_folder());
            fs::copy(folder_, image_folder(), fs::copy_options::recursive);
        };
        return options;
    }

    const std::string folder_;
    std::mt19937_64& random_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<state_transfer::StateSink> sink_;
    std::uint64_t steps_left_ = 0;  // of the checkpoint's thread while it runs
    bool dies_ = false;
};

}  // namespace

std::unique_ptr<State> store_state(std::string folder, std::mt19937_64& random) {
    return std::make_unique<StoreState>(std::move(folder), random);
}

}  // namespace kontor::sim
