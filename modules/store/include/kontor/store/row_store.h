#pragma once
// The row-store interface that deterministic modules see: an ordered map (table, key) -> bytes.
//
// The partition key of a row is the first `partition_key_bytes` of its key (0: the whole key), declared per
// table; all rows of a partition key live in one partition. A scan stays within one partition key, so it
// never merges partitions.
//
// Threading: a Reader belongs to the thread that got it. Ownership: views returned by get() and scan() are
// valid until the next call on the same Reader or Writer. Errors: reading stored state that does not match
// its checksum, or an I/O error, throws StoreFailure: the node stops (fail-stop), it never guesses.
// Limits: key 1..kMaxKeyBytes, value up to kMaxValueBytes.

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kontor::store {

using TableId = std::uint8_t;

inline constexpr std::size_t kMaxKeyBytes = 255;          // LMDB allows 511; table byte and room to grow
inline constexpr std::size_t kMaxValueBytes = 1U << 20U;  // 1 MiB

// What a table is. Every module that owns tables exports them; app/ hands the union to Store::open.
struct TableSpec {
    TableId id;
    std::string_view name;             // for verify, metrics and dumps
    std::uint8_t partition_key_bytes;  // leading key bytes that choose the partition; 0: the whole key
    bool ordered;  // false: point reads only (the memtable may hash it); scan() is then a bug
    // Rows that mostly come in key order and are seldom read again (transfers). They lie in a tree of their
    // own, whose pages are filled to the end, are not cached, and a key above the greatest one is known to be
    // new without a look.
    bool appended = false;
    // Many small rows that change often, anywhere (accounts): point reads only. What changed stays in memory
    // over several checkpoints, durable in their redo files, and is merged into the partitions now and then
    // (docs/adr/0009-write-back-rows.md).
    bool written_back = false;
};

// Thrown by reads when the stored bytes cannot be trusted. Caught once, at the node, which stops.
class StoreFailure : public std::runtime_error {
 public:
    using std::runtime_error::runtime_error;
};

enum class Direction : std::uint8_t { ascending, descending };

// What prefetch() brings into the processor's caches: where the row is noted, or the row, for which that must
// have arrived.
enum class Fetch : std::uint8_t { index, row };

class Reader {
 public:
    virtual ~Reader() = default;
    [[nodiscard]] virtual std::optional<std::string_view> get(TableId table, std::string_view key) const = 0;

    // The row is going to be read soon: a hint, without any effect on what is read. A caller that knows its
    // next look-ups asks for the index some ten look-ups ahead and for the row half of that.
    virtual void prefetch(TableId /*table*/, std::string_view /*key*/, Fetch /*what*/) const {}

    // Visits rows with low <= key < high in the given order until `visit` returns false.
    // low and high must share the table's partition key (partition_key_bytes > 0). `high` empty, or past the
    // partition key: to the end of the partition key. The visitor may read and write: a row behind the
    // current one is not visited again, a row ahead is visited as written (or not, if erased), the same on
    // every node.
    using Visitor = std::function<bool(std::string_view key, std::string_view value)>;
    virtual void scan(TableId table, std::string_view low, std::string_view high, Direction direction,
                      const Visitor& visit) const = 0;
};

class Writer : public Reader {
 public:
    virtual void put(TableId table, std::string_view key, std::string_view value) = 0;
    virtual void erase(TableId table, std::string_view key) = 0;  // no row: no effect
};

}  // namespace kontor::store
