#include "failed_ids.h"

#include <algorithm>

#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"

namespace kontor::ledger {
namespace {

constexpr std::size_t kSumBytes = 8;
constexpr std::size_t kSlotsBytes = kGenerations * sizeof(FailedGeneration);

void put_ids(std::string& out, const Id128* ids, std::size_t count) {
    const std::size_t at = out.size();
    out.resize(at + count * kIdBytes);
    char* to = out.data() + at;
    for (std::size_t i = 0; i < count; ++i) to = write_be64(write_be64(to, ids[i].high), ids[i].low);
}
void put_sum(std::string& out) {
    const std::uint64_t sum = checksum_of_bytes(out);
    out.append(reinterpret_cast<const char*>(&sum), sizeof sum);
}
// Without the checksum; nullopt: it is another one.
std::optional<std::string_view> summed(std::string_view bytes) {
    if (bytes.size() < kSumBytes) return std::nullopt;
    const std::string_view body = bytes.substr(0, bytes.size() - kSumBytes);
    std::uint64_t sum = 0;
    std::memcpy(&sum, bytes.data() + body.size(), sizeof sum);
    if (sum != checksum_of_bytes(body)) return std::nullopt;
    return body;
}
std::optional<std::vector<Id128>> sorted_ids(std::string_view bytes) {
    if (bytes.size() % kIdBytes != 0 || bytes.size() > kRunIds * kIdBytes) return std::nullopt;
    std::vector<Id128> ids(bytes.size() / kIdBytes);
    const char* from = bytes.data();
    for (std::size_t i = 0; i < ids.size(); ++i, from += kIdBytes) {
        std::uint64_t words[2];
        std::memcpy(words, from, sizeof words);
        ids[i] = {__builtin_bswap64(words[0]), __builtin_bswap64(words[1])};
        if (i != 0 && ids[i] <= ids[i - 1]) return std::nullopt;
    }
    return ids;
}

Id128 after(Id128 id) {
    return id.low == ~0ULL ? Id128{id.high + 1, 0} : Id128{id.high, id.low + 1};
}

struct Found {
    Id128 first;
    FailedRun ids;
};
// The run that `id` lies in, or would lie in.
std::optional<Found> run_of(const store::Reader& rows, Book book, std::uint64_t generation, Id128 id) {
    std::optional<Found> found;
    rows.scan(kFailedRunTable, FailedRunKey(book, generation, {}).view(),
              FailedRunKey(book, generation, after(id)).view(), store::Direction::descending,
              [&](std::string_view key, std::string_view value) {
                  const auto place = parse_run_key(key);
                  auto ids = decode_run(value);
                  if (!place || !ids || ids->front() != place->first)
                      row_failure("a run of failed ids does not match its checksum", id);
                  found = Found{place->first, *std::move(ids)};
                  return false;
              });
    return found;
}
// Where the next run begins; the greatest id when there is none.
Id128 next_run(const store::Reader& rows, Book book, std::uint64_t generation, Id128 id) {
    Id128 next{~0ULL, ~0ULL};
    rows.scan(kFailedRunTable, FailedRunKey(book, generation, after(id)).view(), {},
              store::Direction::ascending, [&](std::string_view key, std::string_view) {
                  const auto place = parse_run_key(key);
                  if (!place) row_failure("a run of failed ids has a key of another shape", id);
                  next = place->first;
                  return false;
              });
    return next;
}

void store_run(store::Writer& rows, Book book, std::uint64_t generation, const Id128* ids,
               std::size_t count) {
    std::string value;
    value.reserve(count * kIdBytes + kSumBytes);
    put_ids(value, ids, count);
    put_sum(value);
    rows.put(kFailedRunTable, FailedRunKey(book, generation, ids[0]).view(), value);
}

}  // namespace

FailedRunKey::FailedRunKey(Book book, std::uint64_t generation, Id128 first) {
    bytes_[0] = static_cast<char>(book.kind);
    char* out = write_be64(write_be64(bytes_.data() + 1, book.owner), generation);
    write_be64(write_be64(out, first.high), first.low);
}
FailedHeadKey::FailedHeadKey(Book book) {
    bytes_[0] = static_cast<char>(book.kind);
    write_be64(bytes_.data() + 1, book.owner);
}

std::optional<Book> parse_head_key(std::string_view key) {
    if (key.size() != kBookPartitionBytes) return std::nullopt;
    return Book{static_cast<Book::Kind>(key[0]), get_be64(key.substr(1))};
}
std::optional<FailedRunPlace> parse_run_key(std::string_view key) {
    if (key.size() != kRunPartitionBytes + kIdBytes) return std::nullopt;
    return FailedRunPlace{*parse_head_key(key.substr(0, kBookPartitionBytes)),
                          get_be64(key.substr(kBookPartitionBytes)),
                          *parse_id(key.substr(kRunPartitionBytes))};
}

std::optional<FailedHead> decode_head(std::string_view bytes) {
    const auto body = summed(bytes);
    if (!body || body->size() < kSlotsBytes) return std::nullopt;
    FailedHead head;
    std::memcpy(head.generations.data(), body->data(), kSlotsBytes);
    auto recent = sorted_ids(body->substr(kSlotsBytes));
    if (!recent || recent->size() > std::min<std::uint64_t>(kRecentIds, head.generations[0].count))
        return std::nullopt;
    head.recent = *std::move(recent);
    return head;
}
std::string encode_head(const FailedHead& head) {
    std::string out;
    out.reserve(kSlotsBytes + head.recent.size() * kIdBytes + kSumBytes);
    out.assign(reinterpret_cast<const char*>(head.generations.data()), kSlotsBytes);
    put_ids(out, head.recent.data(), head.recent.size());
    put_sum(out);
    return out;
}
std::optional<FailedRun> decode_run(std::string_view bytes) {
    const auto body = summed(bytes);
    if (!body || body->empty()) return std::nullopt;
    return sorted_ids(*body);
}

FailedIds::FailedIds(store::Writer& rows, Book book, std::uint64_t running_ms)
    : rows_(rows), book_(book), now_(generation_of(running_ms)) {
    const auto bytes = rows.get(kFailedHeadTable, FailedHeadKey(book).view());
    if (!bytes) return;
    auto head = decode_head(*bytes);
    if (!head) row_failure("the head of the failed ids does not match its checksum", Id128{0, book.owner});
    head_ = *std::move(head);
    exists_ = true;
}

bool FailedIds::contains(Id128 id) const {
    if (!added_.empty() && id <= added_.back() &&
        (std::binary_search(added_.begin(), added_.end(), id) || added_between_.contains(id)))
        return true;
    for (std::size_t slot = 0; slot < kGenerations; ++slot) {
        const FailedGeneration& generation = head_.generations[slot];
        if (generation.count == 0 || id > generation.greatest || is_over(generation)) continue;
        if (slot == 0 && std::binary_search(head_.recent.begin(), head_.recent.end(), id)) return true;
        if (in_runs(slot, id)) return true;
    }
    return false;
}

bool FailedIds::in_runs(std::size_t slot, Id128 id) const {
    Gap& gap = gaps_[slot];
    if (gap.low < id && id < gap.high) return false;
    const std::uint64_t generation = head_.generations[slot].number;
    const auto run = run_of(rows_, book_, generation, id);
    Id128 low{}, high{};
    if (run) {
        const auto at = std::lower_bound(run->ids.begin(), run->ids.end(), id);
        if (at != run->ids.end() && *at == id) return true;
        low = *std::prev(at);  // its first id is not above
        if (at != run->ids.end()) high = *at;
    }
    if (high.is_zero()) high = next_run(rows_, book_, generation, id);
    gap = {low, high};
    return false;
}

void FailedIds::add(Id128 id) {
    if (added_.empty() || id > added_.back())
        added_.push_back(id);
    else
        added_between_.insert(id);
}

std::uint64_t FailedIds::count() const {
    std::uint64_t sum = 0;
    for (const FailedGeneration& generation : head_.generations) {
        if (!is_over(generation)) sum += generation.count;
    }
    return sum;
}

// The newest generation becomes a complete one, with all its ids in runs.
void FailedIds::advance() {
    FailedGeneration& newest = head_.generations[0];
    if (newest.count != 0) {
        if (newest.number >= now_) return;
        merge(newest.number, head_.recent);
        head_.recent.clear();
        std::copy_backward(head_.generations.begin(), std::prev(head_.generations.end()),
                           head_.generations.end());
    }
    newest = FailedGeneration{};
    newest.number = now_;
}

std::optional<std::uint64_t> FailedIds::flush() {
    if (added_.empty()) {
        if (!exists_) rows_.put(kFailedHeadTable, FailedHeadKey(book_).view(), encode_head(head_));
        exists_ = true;
        return std::nullopt;
    }
    if (!added_between_.empty()) {
        const auto ascending = static_cast<std::ptrdiff_t>(added_.size());
        added_.insert(added_.end(), added_between_.begin(), added_between_.end());
        std::inplace_merge(added_.begin(), added_.begin() + ascending, added_.end());
        added_between_.clear();
    }
    advance();
    FailedGeneration& newest = head_.generations[0];
    const bool is_first = newest.count == 0;
    newest.count += added_.size();
    newest.greatest = std::max(newest.greatest, added_.back());
    std::vector<Id128> all;
    all.reserve(head_.recent.size() + added_.size());
    std::merge(head_.recent.begin(), head_.recent.end(), added_.begin(), added_.end(),
               std::back_inserter(all));
    added_.clear();
    if (all.size() <= kRecentIds) {
        head_.recent = std::move(all);
    } else {
        head_.recent.clear();
        merge(newest.number, all);
    }
    gaps_ = {};
    rows_.put(kFailedHeadTable, FailedHeadKey(book_).view(), encode_head(head_));
    exists_ = true;
    return is_first ? std::optional(newest.number) : std::nullopt;
}

// Each run takes those of the ids that lie between it and the next one.
void FailedIds::merge(std::uint64_t generation, const std::vector<Id128>& ids) {
    for (auto at = ids.begin(); at != ids.end();) {
        const auto run = run_of(rows_, book_, generation, *at);
        const Id128 next = next_run(rows_, book_, generation, *at);
        const auto end = std::lower_bound(at, ids.end(), next);
        FailedRun merged;
        if (run) merged = run->ids;
        const auto old = static_cast<std::ptrdiff_t>(merged.size());
        merged.insert(merged.end(), at, end);
        std::inplace_merge(merged.begin(), merged.begin() + old, merged.end());
        at = end;
        // At the end, where ids that grow arrive, runs are filled; between others they are halved.
        const std::size_t pieces = (merged.size() + kRunIds - 1) / kRunIds;
        const bool is_last = next.is_max();
        std::size_t done = 0;
        for (std::size_t piece = 0; piece < pieces; ++piece) {
            const std::size_t left = merged.size() - done;
            const std::size_t size = is_last ? std::min(kRunIds, left) : left / (pieces - piece);
            store_run(rows_, book_, generation, merged.data() + done, size);
            done += size;
        }
    }
}

std::size_t FailedIds::drop(store::Writer& rows, Book book, std::uint64_t generation, std::size_t limit) {
    std::vector<std::string> keys;
    std::uint64_t ids = 0;
    rows.scan(kFailedRunTable, FailedRunKey(book, generation, {}).view(), {}, store::Direction::ascending,
              [&](std::string_view key, std::string_view value) {
                  keys.emplace_back(key);
                  ids += (value.size() - kSumBytes) / kIdBytes;
                  return keys.size() < limit;
              });
    for (const std::string& key : keys) rows.erase(kFailedRunTable, key);
    const auto bytes = rows.get(kFailedHeadTable, FailedHeadKey(book).view());
    if (!bytes) return keys.size();
    auto head = decode_head(*bytes);
    if (!head) row_failure("the head of the failed ids does not match its checksum", Id128{0, book.owner});
    for (std::size_t slot = 0; slot < kGenerations; ++slot) {
        FailedGeneration& known = head->generations[slot];
        if (known.count == 0 || known.number != generation) continue;
        if (slot == 0) {
            known.count -= head->recent.size();
            head->recent.clear();
        }
        known.count -= ids;
        if (known.count == 0) known = FailedGeneration{};
        rows.put(kFailedHeadTable, FailedHeadKey(book).view(), encode_head(*head));
    }
    return keys.size();
}

}  // namespace kontor::ledger
