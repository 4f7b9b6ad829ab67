#pragma once
// Paging over rows whose keys end in an object number: newest first, by key, bounded work.

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kontor/base/bytes.h"
#include "kontor/payments/limits.h"
#include "rows.h"

namespace kontor::payments {

// Where a list's rows are: keys are prefix | no, in a table that is ordered within the prefix's home.
struct Source {
    store::TableId table;
    Key prefix;
    [[nodiscard]] Key at(std::uint64_t no) const { return Key(prefix).be64(no); }
};

// The numbers that a page may hold: low <= no < high. Object numbers grow with time, so bounds of time are
// bounds of numbers, found by bisection.
struct Range {
    std::uint64_t low = 0;
    std::uint64_t high = std::numeric_limits<std::uint64_t>::max();
    bool ascending = false;  // ending_before: from low upwards; the page is turned round at the end
};

// Calls `visit(no, value)` in the page's direction until it returns false. Rows looked at are bounded; true:
// the bound was hit, there may be more.
template <typename Visit>
bool visit_page(const store::Reader& rows, const Source& source, const Range& range, Visit visit) {
    if (range.low >= range.high) return false;
    std::size_t looked_at = 0;
    bool bounded = false;
    const Key low = source.at(range.low);
    const Key high = source.at(range.high);
    rows.scan(source.table, low.view(), high.view(),
              range.ascending ? store::Direction::ascending : store::Direction::descending,
              [&](std::string_view key, std::string_view value) {
                  if (++looked_at > limits::kListScanMax) {
                      bounded = true;
                      return false;
                  }
                  return visit(get_be64(key.substr(key.size() - 8)), value);
              });
    return bounded;
}

// The smallest number n in the range such that the first row at or after n was created at `time_ms` or later.
template <typename CreatedMs>
std::uint64_t first_at(const store::Reader& rows, const Source& source, std::int64_t time_ms,
                       CreatedMs created_ms) {
    std::uint64_t low = 0;
    std::uint64_t high = std::numeric_limits<std::uint64_t>::max();
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        bool late = true;  // no row: beyond the newest
        std::uint64_t found = high;
        rows.scan(source.table, source.at(middle).view(),
                  source.at(std::numeric_limits<std::uint64_t>::max()).view(), store::Direction::ascending,
                  [&](std::string_view key, std::string_view value) {
                      found = get_be64(key.substr(key.size() - 8));
                      late = created_ms(value) >= time_ms;
                      return false;
                  });
        if (late) {
            high = middle;
        } else {
            low = found + 1;
        }
    }
    return low;
}

template <typename CreatedMs>
Range range_of(const store::Reader& rows, const Source& source, const ListQuery& query,
               CreatedMs created_ms) {
    Range range;
    if (query.created_gte_ms != 0) range.low = first_at(rows, source, query.created_gte_ms, created_ms);
    if (query.created_gt_ms != 0) {
        range.low = std::max(range.low, first_at(rows, source, query.created_gt_ms + 1, created_ms));
    }
    if (query.created_lt_ms != 0) range.high = first_at(rows, source, query.created_lt_ms, created_ms);
    if (query.created_lte_ms != 0) {
        range.high = std::min(range.high, first_at(rows, source, query.created_lte_ms + 1, created_ms));
    }
    if (query.ending_before != 0) {
        range.low = std::max(range.low, query.ending_before + 1);
        range.ascending = true;
    }
    if (query.starting_after != 0) range.high = std::min(range.high, query.starting_after);
    return range;
}

[[nodiscard]] inline std::size_t page_size(const ListQuery& query) {
    return std::clamp<std::size_t>(query.limit, 1, limits::kListLimitMax);
}

}  // namespace kontor::payments
