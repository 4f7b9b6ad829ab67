#pragma once
// The ids of a book whose transfer failed by a status that may change: they stay failed, for a day at least
// (docs/adr/0017-failed-ids.md).
//
// A *generation* is a day of the running time. Its ids lie in *runs*, rows of up to kRunIds sorted ids each,
// so that an id costs little more than its 16 bytes; the newest few lie in the book's *head*, a row that is
// read with each batch and says how many there are and which is the greatest. Ids that grow with time are
// above it, and cost nothing but that.
//
// Threading: as the Writer. Nothing is written before flush().

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rows.h"

namespace kontor::ledger {

inline constexpr std::size_t kRunIds = 64;     // a row of 1 KB: what one id more has to write again
inline constexpr std::size_t kRecentIds = 32;  // what every single failure writes again
// Who asks for an id asks the generation that fills and the complete one before it.
inline constexpr std::size_t kGenerationsAsked = 2;
inline constexpr std::size_t kGenerations = kGenerationsAsked + 1;  // and one is being removed, row by row

[[nodiscard]] constexpr std::uint64_t generation_of(std::uint64_t running_ms) {
    return running_ms / kFailedKeptMs;
}
// From this moment on nobody asks for it any more.
[[nodiscard]] constexpr std::uint64_t generation_ends_ms(std::uint64_t generation) {
    const std::uint64_t days = generation + kGenerationsAsked;
    return days > ~0ULL / kFailedKeptMs ? ~0ULL : days * kFailedKeptMs;
}

struct FailedGeneration {
    std::uint64_t number = 0;
    std::uint64_t count = 0;  // in runs and in the head; 0: there is none
    Id128 greatest;
};
static_assert(sizeof(FailedGeneration) == 32 && std::has_unique_object_representations_v<FailedGeneration>);

struct FailedHead {
    std::array<FailedGeneration, kGenerations> generations{};  // the newest first
    std::vector<Id128> recent;  // sorted, at most kRecentIds: of the newest generation, and not yet in a run
};
using FailedRun = std::vector<Id128>;  // sorted, 1 to kRunIds

inline constexpr std::size_t kRunPartitionBytes = 1 + 8 + 8;
// One partition key a book and generation: kind, owner, generation, then the first id of the run.
class FailedRunKey {
 public:
    FailedRunKey(Book book, std::uint64_t generation, Id128 first);
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
    std::array<char, kRunPartitionBytes + kIdBytes> bytes_;
};
class FailedHeadKey {
 public:
    explicit FailedHeadKey(Book book);
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
    std::array<char, kBookPartitionBytes> bytes_;
};

struct FailedRunPlace {
    Book book;
    std::uint64_t generation = 0;
    Id128 first;
};
// nullopt: these are no such bytes.
[[nodiscard]] std::optional<FailedRunPlace> parse_run_key(std::string_view key);
[[nodiscard]] std::optional<Book> parse_head_key(std::string_view key);
[[nodiscard]] std::optional<FailedHead> decode_head(std::string_view bytes);
[[nodiscard]] std::optional<FailedRun> decode_run(std::string_view bytes);
[[nodiscard]] std::string encode_head(const FailedHead& head);

class FailedIds {
 public:
    FailedIds(store::Writer& rows, Book book, std::uint64_t running_ms);

    [[nodiscard]] bool contains(Id128 id) const;
    void add(Id128 id);
    // Writes what was added, and a head where there is none: a row that is there is found sooner than that
    // one is not. Returns the generation, when these ids are its first.
    std::optional<std::uint64_t> flush();
    [[nodiscard]] std::uint64_t count() const;  // without what was added since

    // Removes rows of a generation whose time is over, at most `limit`; how many. Less: it is gone.
    static std::size_t drop(store::Writer& rows, Book book, std::uint64_t generation, std::size_t limit);

 private:
    // Between two neighbours nothing failed: whoever asks for one id asks for those beside it next.
    struct Gap {
        Id128 low, high;  // both exclusive; low >= high: none known
    };
    [[nodiscard]] bool in_runs(std::size_t slot, Id128 id) const;
    [[nodiscard]] bool is_over(const FailedGeneration& generation) const {
        return generation.number + kGenerationsAsked <= now_;
    }
    void advance();
    void merge(std::uint64_t generation, const std::vector<Id128>& ids);

    store::Writer& rows_;
    Book book_;
    std::uint64_t now_;  // the generation that is filling
    FailedHead head_;
    bool exists_ = false;
    std::vector<Id128> added_;       // ascending: as ids mostly come
    std::set<Id128> added_between_;  // all others
    mutable std::array<Gap, kGenerations> gaps_{};
};

}  // namespace kontor::ledger
