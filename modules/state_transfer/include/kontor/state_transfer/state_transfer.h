#pragma once
// A copy of the whole state for another node, while the source keeps applying and checkpointing.
//
//   sink:    request = sink.next_request()      any transport, e.g. a peer connection
//   source:  response = answer(store.copy_source(), request)
//   sink:    sink.feed(response); until sink.done()
//   node:    closes its store, store::replace_store_folder(), Store::open(): it is at the source's checkpoint
//   N
//
// How it is right: rows are copied in short read transactions, each row as of some checkpoint between the
// first (B) and the last one (N); the redo files of all checkpoints above B, applied in order over that, give
// exactly checkpoint N. The argument and the bytes: docs/formats/transfer.md.
//
// Verified: every response has a checksum, every row and every redo frame its own, and at the end the content
// of each (table, partition) is compared with the source's, at one checkpoint, as a sum of row hashes over
// what lies on the sink's disk. A difference is `corruption`, names table and partition, and the copy is
// never finished.
//
// Threading: answer() on any thread but a network thread; a StateSink one thread at a time. Ownership: the
// sink owns its folder (lock file). Errors: see each function. Limits: below; both sides hold a few MiB.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/store/copy_source.h"
#include "kontor/store/store.h"

namespace kontor::state_transfer {

inline constexpr std::uint32_t kMinStateResponseBytes = 4U << 10U;
inline constexpr std::uint32_t kMaxStateResponseBytes = 1U << 20U;  // as asked for; one row may be more:
inline constexpr std::size_t kMaxStateResponseSize =
    kMaxStateResponseBytes + store::kMaxValueBytes + (64U << 10U);
inline constexpr std::size_t kMaxStateRequestSize = 512;

// The source's answer; it reads the disk. invalid_argument: no request. Everything else that is wrong is in
// the answer, for the sink: too many transfers, one that is gone (its sink starts again), a store that
// failed. Every request renews its transfer's lease (kontor/store/copy_source.h).
[[nodiscard]] Result<std::string> answer(store::CopySource& source, std::string_view request);

enum class StateTransferPhase : std::uint8_t {
    starting = 1,
    rows = 2,       // the partitions, row by row
    redo = 3,       // what changed meanwhile
    verifying = 4,  // partition by partition, at one checkpoint with the source
    finishing = 5,
    done = 6,
};
[[nodiscard]] std::string_view to_string(StateTransferPhase phase);

struct StateTransferProgress {
    StateTransferPhase phase = StateTransferPhase::starting;
    std::uint64_t bytes_done = 0;            // rows and redo files, not compressed; since the last start
    std::uint64_t bytes_total_estimate = 0;  // grows with what changes meanwhile
    std::uint64_t rows_done = 0;             // written in phase rows; since this sink was opened
    std::uint64_t base_index = 0;            // B
    std::uint64_t index = 0;                 // where the copy is, from phase redo on; N when done
    std::uint32_t partitions_verified = 0;
    std::uint32_t restarts = 0;  // since this sink was opened: it had to begin again from nothing,
    std::string restart_reason;  // the last time for this
};

struct StateSinkOptions {
    std::string folder;                    // store::incoming_folder(live): beside the store it shall replace
    std::vector<store::TableSpec> tables;  // as for Store::open
    unsigned partitions = 0;               // another number at the source is refused; 0: the source's
    std::uint64_t map_bytes = std::uint64_t{256} << 30;
    std::uint32_t max_response_bytes = 512U << 10U;  // kMin.. to kMaxStateResponseBytes
    std::uint64_t commit_bytes = 4ULL << 20;         // rows in memory before a durable commit
    // Test seam: called with a step's name after each durable step; may _exit the process.
    std::function<void(const char* step)> crash_point;
};

class StateSink {
 public:
    // Makes the folder or goes on with what is there; a copy that is finished is done() at once. conflict:
    // another sink is at it.
    static Result<std::unique_ptr<StateSink>> open(StateSinkOptions options);
    virtual ~StateSink() = default;

    // What to ask the source now; the same until feed() took its answer. "" when done().
    [[nodiscard]] virtual std::string next_request() = 0;
    // The answer to the newest next_request(). It works through what came, and may take as long as writing or
    // reading some MiB takes. On failure nothing of the answer was taken, and the same is asked again:
    //   corruption   the answer is not whole, or is to another request; or, with what it names: the source
    //                has a damaged row, or the copies differ (then all begins again from nothing)
    //   conflict, unsupported   this source cannot serve this sink: other partitions, tables or layout
    //   overloaded, unavailable, …   what the source said; later again
    //   io, no_space   this machine's disk: open the sink anew
    // A transfer that the source does not know any more begins again by itself: progress().restarts.
    [[nodiscard]] virtual Result<void> feed(std::string_view response) = 0;
    [[nodiscard]] virtual bool done() const = 0;  // the folder is a store at checkpoint progress().index
    [[nodiscard]] virtual StateTransferProgress progress() const = 0;
};

}  // namespace kontor::state_transfer
