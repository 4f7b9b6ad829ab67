#include "kontor/store/entry_hash.h"

#include <algorithm>
#include <bit>

#include "entry_hasher.h"
#include "kontor/base/byte_reader.h"
#include "kontor/base/bytes.h"
#include "kontor/store/hashing.h"

namespace kontor::store {
namespace {

constexpr std::string_view kMagic = "KENH";
constexpr std::size_t kMaxNamed = 16;
constexpr std::uint64_t kFirst = 0x9E37'79B1'85EB'CA87U;
constexpr std::uint64_t kSecond = 0xC2B2'AE3D'27D4'EB4FU;

std::string encode_parts(const EntryHash& entry) {
    std::string out;
    out.reserve(entry.previous.size() + 10 * entry.buckets.size() + 8);
    out += entry.previous;
    for (const BucketHash& bucket : entry.buckets) {
        out.push_back(static_cast<char>(bucket.table));
        out.push_back(static_cast<char>(bucket.partition));
        put_le(out, bucket.hash);
    }
    put_le(out, entry.index);
    return out;
}

// The bytes that one entry takes in the ring, about.
std::size_t size_of(const EntryHash& entry) {
    return sizeof(EntryHash) + 64 + entry.buckets.capacity() * sizeof(BucketHash);
}

std::string name_of(TableId table, std::span<const TableSpec> tables) {
    const auto found =
        std::find_if(tables.begin(), tables.end(), [&](const TableSpec& spec) { return spec.id == table; });
    return "table " + (found == tables.end() ? "unknown" : std::string(found->name)) + " (" +
           std::to_string(table) + ")";
}

std::string name_keys(const std::optional<KeyRange>& range) {
    if (!range) return "";
    if (range->rows == 1) return ", key " + to_hex(range->first);
    return ", keys " + to_hex(range->first) + " to " + to_hex(range->last) + " (" +
           std::to_string(range->rows) + " rows)";
}

}  // namespace

void EntryHasher::change(const Place& place, std::uint64_t op, std::string_view key, std::string_view value) {
    const std::size_t at = std::size_t{place.slot} * tables_.partitions() + place.partition;
    Bucket& bucket = buckets_[at];
    if (!bucket.touched) {
        bucket.touched = true;
        touched_.push_back(static_cast<std::uint32_t>(at));
    }
    // The place of a row that is not ordered knows the hash of its key already.
    const std::uint64_t key_hash = place.ordered ? hash64(key) : place.hash;
    const std::uint64_t row = hash64(value, key_hash + op * kSecond);
    bucket.hash = std::rotl(bucket.hash ^ row, 29) * kFirst + kSecond;
    const std::size_t bytes = kRowHeadBytes + key.size() + kRowHashBytes;
    if (rows_.size() + bytes > kMaxEntryRowBytes) return;
    static_assert(kMaxKeyBytes <= 255);
    const char head[kRowHeadBytes] = {static_cast<char>(tables_.spec(place.slot).id),
                                      static_cast<char>(place.partition), static_cast<char>(key.size())};
    rows_.append(head, kRowHeadBytes);
    rows_.append(key);
    put_le(rows_, static_cast<std::uint32_t>(row));
}

EntryHash EntryHasher::finish(std::uint64_t index) {
    EntryHash entry;
    entry.index = index;
    entry.previous = previous_;
    std::sort(touched_.begin(), touched_.end());
    entry.buckets.reserve(touched_.size());
    for (const std::uint32_t at : touched_) {
        entry.buckets.push_back({tables_.spec(at / tables_.partitions()).id,
                                 static_cast<std::uint8_t>(at % tables_.partitions()), buckets_[at].hash});
        buckets_[at] = {};
    }
    touched_.clear();
    entry.hash = canonical(hash128(encode_parts(entry), 0));
    return entry;
}

void EntryHashes::add(EntryHash entry) {
    const std::scoped_lock lock(mutex_);
    bytes_ += size_of(entry);
    entries_.push_back(std::move(entry));
    while (entries_.size() > kMaxEntryHashes || (bytes_ > kMaxEntryHashBytes && entries_.size() > 1)) {
        bytes_ -= size_of(entries_.front());
        entries_.pop_front();
    }
}

std::optional<EntryHash> EntryHashes::find(std::uint64_t index) const {
    const std::scoped_lock lock(mutex_);
    const auto found =
        std::lower_bound(entries_.begin(), entries_.end(), index,
                         [](const EntryHash& entry, std::uint64_t at) { return entry.index < at; });
    if (found == entries_.end() || found->index != index) return std::nullopt;
    return *found;
}

std::optional<EntryHash> EntryHashes::find_from(std::uint64_t index) const {
    const std::scoped_lock lock(mutex_);
    const auto found =
        std::lower_bound(entries_.begin(), entries_.end(), index,
                         [](const EntryHash& entry, std::uint64_t at) { return entry.index < at; });
    if (found == entries_.end()) return std::nullopt;
    return *found;
}

std::string encode_entry_hash(const EntryHash& entry) {
    std::string out(kMagic);
    put_le(out, static_cast<std::uint32_t>(entry.buckets.size()));
    out += encode_parts(entry);
    return out + entry.hash;
}

Result<EntryHash> decode_entry_hash(std::string_view bytes) {
    const auto bad = [](const char* what) {
        return fail(ErrorCode::corruption, std::string("the hash of an entry: ") + what);
    };
    ByteReader in(bytes);
    if (in.take(4) != kMagic) return bad("another version");
    const auto count = in.number<std::uint32_t>();
    if (count > kMaxEntryBuckets) return bad("too many buckets");
    EntryHash entry;
    entry.previous = in.take(kStateHashBytes);
    for (std::uint32_t i = 0; i < count && in.is_good(); ++i) {
        BucketHash bucket;
        bucket.table = in.number<std::uint8_t>();
        bucket.partition = in.number<std::uint8_t>();
        bucket.hash = in.number<std::uint64_t>();
        entry.buckets.push_back(bucket);
    }
    entry.index = in.number<std::uint64_t>();
    entry.hash = in.take(kStateHashBytes);
    if (!in.is_at_end()) return bad("another length than it says");
    if (entry.hash != canonical(hash128(encode_parts(entry), 0))) return bad("it is not that of its parts");
    return entry;
}

std::string name_difference(const EntryHash& mine, const EntryHash& theirs, std::span<const TableSpec> tables,
                            const KeysOfBucket& keys) {
    if (mine == theirs) return "";
    const std::string entry = "entry " + std::to_string(mine.index) + ": ";
    if (mine.index != theirs.index) return entry + "compared with entry " + std::to_string(theirs.index);
    const auto order = [](const BucketHash& bucket) { return bucket.table << 8U | bucket.partition; };
    std::string found;
    std::size_t named = 0;
    const auto differs = [&](const BucketHash& bucket, const char* how) {
        if (++named > kMaxNamed) return;
        found += (found.empty() ? "" : "; ") + name_of(bucket.table, tables) + ", partition " +
                 (bucket.partition < 10 ? "0" : "") + std::to_string(bucket.partition) +
                 (keys ? name_keys(keys(bucket.table, bucket.partition)) : "") + how;
    };
    auto a = mine.buckets.begin(), b = theirs.buckets.begin();
    while (a != mine.buckets.end() || b != theirs.buckets.end()) {
        if (b == theirs.buckets.end() || (a != mine.buckets.end() && order(*a) < order(*b))) {
            differs(*a++, " (changed here only)");
        } else if (a == mine.buckets.end() || order(*b) < order(*a)) {
            differs(*b++, " (changed there only)");
        } else {
            if (a->hash != b->hash) differs(*a, "");
            ++a;
            ++b;
        }
    }
    if (named > kMaxNamed) found += "; and " + std::to_string(named - kMaxNamed) + " more";
    if (!found.empty()) return entry + found;
    return entry + "it did the same on both nodes, an entry before it did not";
}

}  // namespace kontor::store
