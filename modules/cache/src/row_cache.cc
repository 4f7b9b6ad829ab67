#include "kontor/cache/row_cache.h"

#include <algorithm>
#include <bit>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kontor::cache {
namespace {

// What a lookup needs; never owns. `bytes` of a stored one point into its node.
struct RowName {
    std::uint64_t hash;
    std::uint8_t table;
    std::string_view bytes;
    friend bool operator==(const RowName& a, const RowName& b) {
        return a.table == b.table && a.bytes == b.bytes;
    }
};

struct RowNameHash {
    std::size_t operator()(const RowName& name) const { return name.hash; }
};

RowName name_of(std::uint8_t table, std::string_view key) {
    return RowName{XXH3_64bits_withSeed(key.data(), key.size(), table), table, key};
}

struct Node {
    std::unique_ptr<char[]> key;
    RowName name;
    std::shared_ptr<const RowCache::Entry> entry;
    std::uint64_t charge = 0;
    bool referenced = false;  // CLOCK: found since the hand passed last
};

std::uint64_t charge_of(std::string_view key, std::size_t value_bytes) {
    return key.size() + value_bytes + RowCache::kRowOverheadBytes;
}

std::size_t shard_count_for(std::uint64_t limit_bytes) {
    const std::uint64_t wanted =
        std::clamp<std::uint64_t>(limit_bytes / RowCache::kMinShardBytes, 1, RowCache::kMaxShards);
    return static_cast<std::size_t>(std::bit_floor(wanted));
}

}  // namespace

struct alignas(64) RowCache::Shard {
    std::mutex mutex;
    // Guarded by mutex. `ring` is dense: a removed node is replaced by the last one, so the hand never idles.
    std::vector<Node> ring;
    boost::unordered_flat_map<RowName, std::size_t, RowNameHash> index;
    std::size_t hand = 0;
    std::uint64_t limit_bytes = 0;
    std::uint64_t bytes = 0;
    std::uint64_t hits = 0, misses = 0, evictions = 0;

    void remove(std::size_t at) {
        index.erase(ring[at].name);
        bytes -= ring[at].charge;
        const std::size_t last = ring.size() - 1;
        if (at != last) {
            ring[at] = std::move(ring[last]);
            index[ring[at].name] = at;
        }
        ring.pop_back();
    }

    void make_room(std::uint64_t charge) {
        while (bytes + charge > limit_bytes && !ring.empty()) {
            if (hand >= ring.size()) hand = 0;
            if (ring[hand].referenced) {
                ring[hand++].referenced = false;
                continue;
            }
            remove(hand);
            ++evictions;
        }
    }

    void add(const RowName& name, std::shared_ptr<const Entry> entry, std::uint64_t charge) {
        make_room(charge);
        Node node;
        node.key = std::make_unique<char[]>(name.bytes.size());
        if (!name.bytes.empty()) std::memcpy(node.key.get(), name.bytes.data(), name.bytes.size());
        node.name = RowName{name.hash, name.table, std::string_view(node.key.get(), name.bytes.size())};
        node.entry = std::move(entry);
        node.charge = charge;
        bytes += charge;
        index.emplace(node.name, ring.size());
        ring.push_back(std::move(node));
    }
};

RowCache::RowCache(std::uint64_t limit_bytes)
    : limit_bytes_(limit_bytes),
      shard_count_(shard_count_for(limit_bytes)),
      shards_(std::make_unique<Shard[]>(shard_count_)) {
    for (std::size_t i = 0; i < shard_count_; ++i) shards_[i].limit_bytes = limit_bytes / shard_count_;
}

RowCache::~RowCache() = default;

// The top bits choose the shard; the shard's hash table mixes all of them again.
RowCache::Shard& RowCache::shard_of(std::uint64_t hash) const {
    return shards_[static_cast<std::size_t>(hash >> 56U) & (shard_count_ - 1)];
}

std::shared_ptr<const RowCache::Entry> RowCache::find(std::uint8_t table, std::string_view key) {
    const RowName name = name_of(table, key);
    Shard& shard = shard_of(name.hash);
    const std::scoped_lock lock(shard.mutex);
    const auto found = shard.index.find(name);
    if (found == shard.index.end()) {
        ++shard.misses;
        return nullptr;
    }
    ++shard.hits;
    Node& node = shard.ring[found->second];
    node.referenced = true;
    return node.entry;
}

void RowCache::insert(std::uint8_t table, std::string_view key, Entry entry) {
    const RowName name = name_of(table, key);
    Shard& shard = shard_of(name.hash);
    const std::uint64_t charge = charge_of(key, entry.value.size());
    if (charge > shard.limit_bytes) {
        erase(table, key);  // an older, smaller value must not outlive the newer one
        return;
    }
    entry.value.shrink_to_fit();
    auto shared = std::make_shared<const Entry>(std::move(entry));
    const std::scoped_lock lock(shard.mutex);
    if (const auto found = shard.index.find(name); found != shard.index.end()) shard.remove(found->second);
    shard.add(name, std::move(shared), charge);
}

void RowCache::replace(std::uint8_t table, std::string_view key, bool present, std::string_view value) {
    const RowName name = name_of(table, key);
    Shard& shard = shard_of(name.hash);
    const std::scoped_lock lock(shard.mutex);
    const auto found = shard.index.find(name);
    if (found == shard.index.end()) return;
    const std::uint64_t charge = charge_of(key, value.size());
    Node& node = shard.ring[found->second];
    if (shard.bytes - node.charge + charge > shard.limit_bytes) {  // has grown: not worth making room
        shard.remove(found->second);
        return;
    }
    node.entry = std::make_shared<const Entry>(Entry{present, std::string(value)});
    shard.bytes = shard.bytes - node.charge + charge;
    node.charge = charge;
}

void RowCache::erase(std::uint8_t table, std::string_view key) {
    const RowName name = name_of(table, key);
    Shard& shard = shard_of(name.hash);
    const std::scoped_lock lock(shard.mutex);
    if (const auto found = shard.index.find(name); found != shard.index.end()) shard.remove(found->second);
}

void RowCache::clear() {
    for (std::size_t i = 0; i < shard_count_; ++i) {
        Shard& shard = shards_[i];
        const std::scoped_lock lock(shard.mutex);
        shard.index.clear();
        shard.ring.clear();
        shard.hand = 0;
        shard.bytes = 0;
    }
}

CacheStats RowCache::stats() const {
    CacheStats sum;
    sum.limit_bytes = limit_bytes_;
    for (std::size_t i = 0; i < shard_count_; ++i) {
        Shard& shard = shards_[i];
        const std::scoped_lock lock(shard.mutex);
        sum.hits += shard.hits;
        sum.misses += shard.misses;
        sum.evictions += shard.evictions;
        sum.bytes += shard.bytes;
        sum.rows += shard.ring.size();
    }
    return sum;
}

}  // namespace kontor::cache
