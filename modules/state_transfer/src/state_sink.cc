// The sink's side of a transfer: what it asks for in which phase, and what it does with the answers.

#include <algorithm>
#include <deque>
#include <random>

#include "kontor/base/log.h"
#include "kontor/state_transfer/state_transfer.h"
#include "kontor/store/copy_draft.h"
#include "sink_state.h"
#include "state_wire.h"

namespace kontor::state_transfer {
namespace {

using Phase = StateTransferPhase;

constexpr std::uint64_t kScanPerResponse = 32;     // as the source scans, so that both end together
constexpr std::size_t kRedoRowsPerCommit = 2'000;  // each may dirty a page, which LMDB holds in memory
constexpr std::size_t kRedoBytesPerCommit = 1U << 20U;
constexpr unsigned kMaxRounds = 8;
constexpr unsigned kMaxChecks = 3;  // of one partition that the source ended, before it is a failure

// One that no other transfer has.
std::uint64_t random_number() {
    std::random_device random;
    return std::uint64_t{random()} << 32U | random();
}

class StateSinkImpl final : public StateSink {
 public:
    explicit StateSinkImpl(StateSinkOptions options) : options_(std::move(options)) {}

    Result<void> open() {
        KONTOR_TRY(folder_, store::CopyDraft::open({options_.folder, options_.tables, options_.map_bytes,
                                                    options_.crash_point}));
        KONTOR_CHECK(read_state());
        if (state_.phase == Phase::rows) return open_tree();
        if (state_.phase == Phase::redo || state_.phase == Phase::verifying) {
            make_tables();
            return folder_->open_all(state_.partitions);
        }
        if (state_.phase == Phase::finishing) KONTOR_CHECK(finish());
        return {};
    }

    std::string next_request() override {
        if (done()) return "";
        if (asked_.empty()) {
            request_ = make_request();
            asked_ = encode_request(request_);
        }
        return asked_;
    }

    Result<void> feed(std::string_view response) override {
        if (asked_.empty())
            return fail(ErrorCode::invalid_argument, "a transfer of the state: nothing was asked for");
        KONTOR_TRY(const StateAnswer answer, decode_answer(asked_, response));
        if (request_.op == StateOp::end) {  // whatever it says: the copy is finished
            asked_.clear();
            state_.phase = Phase::done;
            return {};
        }
        if (answer.status == StateStatus::gone)
            return restart("the source ended the transfer: " + answer.body);
        if (answer.status == StateStatus::failed) return fail(answer.code, "the source: " + answer.body);
        KONTOR_CHECK(take(answer.body));
        asked_.clear();
        return {};
    }

    [[nodiscard]] bool done() const override { return state_.phase == Phase::done; }

    [[nodiscard]] StateTransferProgress progress() const override {
        StateTransferProgress progress;
        progress.phase = state_.phase;
        progress.bytes_done = state_.bytes_done;
        progress.bytes_total_estimate = std::max(state_.bytes_estimate, state_.bytes_done);
        progress.rows_done = rows_done_;
        progress.base_index = state_.base_index;
        progress.index = state_.phase <= Phase::rows ? 0 : state_.at.index;
        progress.partitions_verified = state_.phase >= Phase::verifying ? state_.partition : 0;
        progress.restarts = restarts_;
        progress.restart_reason = restart_reason_;
        return progress;
    }

 private:
    // Reads how far it is; whatever is no transfer that can go on is removed, and the state is `starting`.
    Result<void> read_state() {
        KONTOR_TRY(const auto bytes, folder_->read_note());
        if (!bytes) {
            KONTOR_TRY(auto finished, folder_->finished());
            if (!finished) return folder_->clear();
            state_.phase = Phase::done;
            state_.partitions = state_.partition = finished->partitions;
            state_.at = std::move(finished->at);
            return {};
        }
        const auto state = decode_state(*bytes);
        if (state && (options_.partitions == 0 || options_.partitions == state->partitions) &&
            state->tree < folder_->trees().size()) {
            state_ = *state;
            return {};
        }
        log::warning("state_transfer", "what the note in " + options_.folder +
                                           " says is not of this node: the copy begins again");
        return folder_->clear();
    }
    Result<void> note(const char* step) { return folder_->write_note(encode_state(state_), step); }
    Result<void> finish() { return folder_->finish(state_.partitions, state_.at); }

    StateRequest make_request() const {
        StateRequest request;
        request.transfer = state_.transfer;
        request.max_bytes = options_.max_response_bytes;
        request.partition = static_cast<std::uint8_t>(state_.partition);
        switch (state_.phase) {
            case Phase::starting:
                request.op = StateOp::begin;
                request.transfer = random_number();
                break;
            case Phase::rows:
                request.op = StateOp::rows;
                request.tree = folder_->trees()[state_.tree];
                request.after = after_;
                break;
            case Phase::redo:
                request.op = StateOp::redo;
                break;
            case Phase::verifying:
                request.op = check_index_ == 0 && !is_checking_ ? StateOp::check_begin
                             : !is_checking_                    ? StateOp::redo
                             : !theirs_                         ? StateOp::check_step
                                                                : StateOp::keep;
                break;
            case Phase::finishing:
            case Phase::done:
                request.op = StateOp::end;
                break;
        }
        if (state_.phase == Phase::redo || state_.phase == Phase::verifying) request.index = state_.at.index;
        if (request.op == StateOp::redo && stream_) request.offset = stream_->taken();
        return request;
    }

    Result<void> take(std::string_view body) {
        switch (request_.op) {
            case StateOp::begin:
                return take_begin(body);
            case StateOp::rows:
                return take_rows(body);
            case StateOp::redo:
                return take_redo(body);
            case StateOp::check_begin:
                return take_check_begin(body);
            case StateOp::check_step:
                return take_check(body);
            default:
                return compare();
        }
    }

    Result<void> restart(const std::string& why) {
        log::warning("state_transfer", "the copy of the state begins again from nothing: " + why);
        ++restarts_;
        restart_reason_ = why;
        return reset();
    }
    Result<void> reset() {
        drop_check();
        drop_redo();
        pending_.clear();
        pending_bytes_ = 0;
        asked_.clear();
        target_ = last_round_ = 0;
        rounds_ = checks_ended_ = 0;
        state_ = SinkState{};
        return folder_->clear();
    }
    void make_tables() { tables_ = std::make_unique<store::Tables>(options_.tables, state_.partitions); }

    // --- begin ---
    Result<void> take_begin(std::string_view body) {
        KONTOR_TRY(const BeginBody begin, decode_begin(body));
        if (begin.layout != store::kLayoutVersion)
            return fail(ErrorCode::unsupported, "the source has layout version " +
                                                    std::to_string(begin.layout) + ", this binary knows " +
                                                    std::to_string(store::kLayoutVersion));
        if (options_.partitions != 0 && begin.partitions != options_.partitions)
            return fail(ErrorCode::conflict, "the source has " + std::to_string(begin.partitions) +
                                                 " partitions, this node " +
                                                 std::to_string(options_.partitions));
        KONTOR_CHECK(check_tables(begin.tables));
        KONTOR_CHECK(folder_->clear());
        state_.phase = Phase::rows;
        state_.transfer = request_.transfer;
        state_.partitions = begin.partitions;
        state_.partition = state_.tree = 0;
        state_.base_index = begin.checkpoint.index;
        state_.bytes_done = 0;
        state_.bytes_estimate = begin.bytes_estimate;
        state_.at = begin.checkpoint;
        make_tables();
        KONTOR_CHECK(note("transfer-began"));
        return open_tree();
    }

    // A table that only one side knows has no rows at the other, or only such as the other keeps as they
    // are; one that lies or is placed elsewhere does not work.
    Result<void> check_tables(const std::vector<store::TableSpec>& theirs) const {
        for (const store::TableSpec& spec : theirs) {
            const auto mine =
                std::find_if(options_.tables.begin(), options_.tables.end(),
                             [&](const store::TableSpec& other) { return other.id == spec.id; });
            const bool fits = mine == options_.tables.end()
                                  ? !spec.appended
                                  : mine->partition_key_bytes == spec.partition_key_bytes &&
                                        mine->appended == spec.appended;
            if (!fits)
                return fail(ErrorCode::conflict, "table " + std::to_string(spec.id) +
                                                     " is another one at the source; bring both nodes to "
                                                     "one version first");
        }
        return {};
    }

    // --- rows ---
    Result<void> open_tree() {
        if (!tables_) make_tables();
        KONTOR_TRY(after_, folder_->open_tree(state_.partitions, state_.partition, state_.tree));
        return {};
    }

    Result<void> take_rows(std::string_view body) {
        KONTOR_TRY(const RowsBody rows, decode_rows(body));
        const store::TableId tree = folder_->trees()[state_.tree];
        std::string_view last = after_;
        for (const auto& row : rows.rows) {
            const auto table = static_cast<store::TableId>(row.key[0]);
            if (row.key <= last || (tree != store::kMetaTable && table != tree))
                return fail(ErrorCode::corruption, "the source's rows are out of order");
            if (!store::is_whole(row))
                return fail(ErrorCode::corruption,
                            "the source's " + tables_->describe(state_.partition, table, row.key.substr(1)) +
                                ": the row does not match its checksum; repair that node first");
            last = row.key;
        }
        if (!rows.is_last && rows.rows.empty())
            return fail(ErrorCode::corruption, "the source sent no rows and says that there are more");
        after_ = last;
        rows_done_ += rows.rows.size();
        state_.bytes_done += body.size();
        if (!rows.rows.empty()) {
            pending_.emplace_back(body);
            pending_bytes_ += body.size();
        }
        if (rows.is_last || pending_bytes_ >= options_.commit_bytes) KONTOR_CHECK(commit_rows());
        return rows.is_last ? next_tree() : Result<void>{};
    }

    Result<void> commit_rows() {
        std::vector<store::StoredRow> all;
        for (const std::string& body : pending_) {
            KONTOR_TRY(const RowsBody rows, decode_rows(body));
            all.insert(all.end(), rows.rows.begin(), rows.rows.end());
        }
        if (!all.empty()) KONTOR_CHECK(folder_->append(state_.partition, state_.tree, all));
        pending_.clear();
        pending_bytes_ = 0;
        return {};
    }

    Result<void> next_tree() {
        if (++state_.tree == folder_->trees().size()) {
            state_.tree = 0;
            ++state_.partition;
        }
        if (state_.partition == state_.partitions) {
            state_.partition = 0;
            state_.phase = Phase::redo;
            KONTOR_CHECK(note("rows-noted"));
            return folder_->open_all(state_.partitions);
        }
        KONTOR_CHECK(note("tree-noted"));
        return open_tree();
    }

    // --- redo ---
    Result<void> take_redo(std::string_view body) {
        KONTOR_TRY(const RedoBody redo, decode_redo(body));
        if (state_.phase == Phase::redo && !stream_ && is_caught_up(redo)) {
            state_.phase = Phase::verifying;
            return note("redo-phase-noted");
        }
        if (!redo.is_some || (state_.phase == Phase::verifying && redo.index > check_index_))
            return fail(ErrorCode::corruption, "the source has no redo files from checkpoint " +
                                                   std::to_string(state_.at.index) + " to " +
                                                   std::to_string(check_index_));
        if (!stream_) begin_redo(redo.index);
        auto taken = stream_->feed(redo.piece);
        if (taken && stream_->is_complete()) taken = finish_redo();
        if (!taken) {  // its rows can be written again: the whole file is asked for
            drop_redo();
            asked_.clear();
            return taken;
        }
        state_.bytes_done += redo.piece.size();
        return {};
    }

    // Checkpoints go on meanwhile. Another round as long as each has half the bytes of the one before: what
    // is left then is the log's.
    bool is_caught_up(const RedoBody& redo) {
        if (!redo.is_some) return true;
        if (state_.at.index < target_) return false;  // within a round
        if (rounds_ > 0 && (rounds_ >= kMaxRounds || redo.remaining > last_round_ / 2)) return true;
        ++rounds_;
        last_round_ = redo.remaining;
        target_ = redo.newest;
        state_.bytes_estimate = std::max(state_.bytes_estimate, state_.bytes_done + redo.remaining);
        return false;
    }

    void begin_redo(std::uint64_t index) {
        stream_ = std::make_unique<store::RedoStream>();
        stream_->on_header = [this, index](const store::RedoHeader& header) -> Result<void> {
            if (header.checkpoint.index == index && header.base_index == state_.at.index &&
                header.partitions == state_.partitions)
                return {};
            return fail(ErrorCode::corruption, "the source's redo file " + std::to_string(index) +
                                                   " does not follow checkpoint " +
                                                   std::to_string(state_.at.index));
        };
        stream_->on_row = [this](unsigned partition, const store::RedoRow& row) -> Result<void> {
            if (!redo_rows_.empty() && redo_partition_ != partition) KONTOR_CHECK(flush_redo());
            redo_partition_ = partition;
            std::string& kept = redo_bytes_.emplace_back(row.key);
            kept += row.form;
            const std::string_view bytes = kept;
            redo_rows_.push_back(
                {row.table, row.erased, bytes.substr(0, row.key.size()), bytes.substr(row.key.size())});
            redo_size_ += bytes.size();
            if (redo_rows_.size() < kRedoRowsPerCommit && redo_size_ < kRedoBytesPerCommit) return {};
            return flush_redo();
        };
    }
    Result<void> flush_redo() {
        if (!redo_rows_.empty()) KONTOR_CHECK(folder_->apply(redo_partition_, redo_rows_));
        redo_rows_.clear();
        redo_bytes_.clear();
        redo_size_ = 0;
        return {};
    }
    Result<void> finish_redo() {
        KONTOR_CHECK(flush_redo());
        state_.at = stream_->header().checkpoint;
        drop_redo();
        KONTOR_CHECK(note("redo-noted"));
        if (state_.phase == Phase::verifying && state_.at.index == check_index_) begin_check();
        return {};
    }
    void drop_redo() {
        stream_.reset();
        redo_rows_.clear();
        redo_bytes_.clear();
        redo_size_ = 0;
    }

    // --- verifying ---
    Result<void> take_check_begin(std::string_view body) {
        KONTOR_TRY(const store::CopyCheck check, decode_check(body));
        if (check.state == store::CheckState::later) return {};
        if (check.index < state_.at.index)
            return fail(ErrorCode::corruption, "the source compares at an older checkpoint");
        check_index_ = check.index;
        if (check_index_ == state_.at.index) begin_check();
        return {};
    }
    void begin_check() {
        is_checking_ = true;
        theirs_.reset();
        scan_ = folder_->scan(state_.partition, *tables_);
    }
    void drop_check() {
        is_checking_ = false;
        check_index_ = 0;
        scan_.reset();
        theirs_.reset();
    }

    Result<void> take_check(std::string_view body) {
        KONTOR_TRY(store::CopyCheck check, decode_check(body));
        if (check.state == store::CheckState::ended) {
            drop_check();  // again, at a newer checkpoint
            asked_.clear();
            if (++checks_ended_ % kMaxChecks != 0) return {};
            return fail(ErrorCode::timeout,
                        "the copy could not be compared with the source's state: " + check.why);
        }
        if (check.state == store::CheckState::done) theirs_ = std::move(check.sums);
        return compare();
    }

    Result<void> compare() {
        KONTOR_CHECK(scan_->step(std::uint64_t{options_.max_response_bytes} * kScanPerResponse));
        if (!scan_->done() || !theirs_) return {};
        const std::string differs = store::name_difference(scan_->sums(), *theirs_, *tables_);
        const std::string where = "partition " + store::partition_name(state_.partition) + ", ";
        const std::uint64_t index = check_index_;
        drop_check();
        if (!differs.empty()) {
            const std::string what = "the copy of the state differs from the source's at checkpoint " +
                                     std::to_string(index) + ": " + where + differs;
            KONTOR_CHECK(restart(what));
            return fail(ErrorCode::corruption, what + "; it was thrown away");
        }
        checks_ended_ = 0;
        if (++state_.partition < state_.partitions) return note("partition-verified");
        state_.phase = Phase::finishing;
        KONTOR_CHECK(note("finishing-noted"));
        return finish();
    }

    const StateSinkOptions options_;
    std::unique_ptr<store::CopyDraft> folder_;
    SinkState state_;
    std::unique_ptr<store::Tables> tables_;
    StateRequest request_;
    std::string asked_;  // the encoded request_; "": the next one is to be made
    std::uint64_t rows_done_ = 0;
    std::uint32_t restarts_ = 0;
    std::string restart_reason_;

    // Rows: answers that are not committed yet.
    std::string after_;
    std::vector<std::string> pending_;
    std::uint64_t pending_bytes_ = 0;

    // Redo: the file that comes, and rows that are not committed yet.
    std::unique_ptr<store::RedoStream> stream_;
    std::vector<store::RedoRow> redo_rows_;
    std::deque<std::string> redo_bytes_;
    std::size_t redo_size_ = 0;
    unsigned redo_partition_ = 0;
    std::uint64_t target_ = 0, last_round_ = 0;
    unsigned rounds_ = 0;

    // Verifying: at which checkpoint, once it is agreed; both sums.
    std::uint64_t check_index_ = 0;
    bool is_checking_ = false;
    std::unique_ptr<store::ContentScan> scan_;
    std::optional<store::ContentSums> theirs_;
    unsigned checks_ended_ = 0;
};

}  // namespace

std::string_view to_string(StateTransferPhase phase) {
    switch (phase) {
        case Phase::starting:
            return "starting";
        case Phase::rows:
            return "rows";
        case Phase::redo:
            return "redo";
        case Phase::verifying:
            return "verifying";
        case Phase::finishing:
            return "finishing";
        case Phase::done:
            return "done";
    }
    return "unknown";
}

Result<std::unique_ptr<StateSink>> StateSink::open(StateSinkOptions options) {
    const auto bad = [](const char* what) {
        return fail(ErrorCode::invalid_argument, std::string("transfer of the state: ") + what);
    };
    if (options.folder.empty()) return bad("no folder");
    if (options.partitions > store::kMaxPartitions) return bad("partitions must be 0..64");
    if (options.max_response_bytes < kMinStateResponseBytes ||
        options.max_response_bytes > kMaxStateResponseBytes)
        return bad("max_response_bytes is out of bounds");
    KONTOR_CHECK(store::Tables::check(options.tables));
    auto sink = std::make_unique<StateSinkImpl>(std::move(options));
    KONTOR_CHECK(sink->open());
    return std::unique_ptr<StateSink>(std::move(sink));
}

}  // namespace kontor::state_transfer
