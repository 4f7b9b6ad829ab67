#pragma once
// Paging over rows whose keys end in an object number: newest first, by key, bounded work.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kontor/base/bytes.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/rows.h"
#include "kontor/machine/times.h"

namespace kontor::machine {

// How many rows a read that goes on in another one may look at. A read holds up the log's work until it ends.
inline constexpr std::size_t kRowsPerRead = 500;
// When they are used up before the page is full, `resume` is not 0: the list goes on with it as
// starting_after (as ending_before, if that was given).
struct Bound {
    std::size_t rows = kRowsPerRead;
    std::uint64_t resume = 0;
};
// In one read, for those who are alone with their rows.
[[nodiscard]] inline Bound whole_list() {
    return {limits::kListScanMax};
}

// Filters shared by the lists; zero means "not given". Times in Unix ms, bounds inclusive/exclusive as named.
struct ListQuery {
    std::uint64_t starting_after = 0;  // object numbers; exclusive
    std::uint64_t ending_before = 0;
    std::size_t limit = 10;
    std::int64_t created_gte_ms = 0, created_gt_ms = 0, created_lte_ms = 0, created_lt_ms = 0;
    std::uint64_t customer_no = 0;
    std::uint64_t intent_no = 0;     // charges, refunds
    std::uint64_t charge_no = 0;     // refunds
    std::string email;               // customers
    std::string type;                // events, balance transactions
    std::vector<std::string> types;  // events
    std::uint32_t currency = 0;      // balance transactions
    std::string source_id;           // balance transactions
};
template <typename T>
struct Listed {
    std::vector<T> rows;  // newest first
    bool has_more = false;
};
// Where a list's rows are: keys are prefix | no, in a table that is ordered within the prefix's partition
// key.
struct Source {
    store::TableId table;
    Key prefix;
    [[nodiscard]] Key at(std::uint64_t no) const { return Key(prefix).be64(no); }
};

// The numbers that a page may hold: low <= no < high. Object numbers grow with time, so bounds of time are
// bounds of numbers, found by bisection in each stretch in which `created` grows: where a clock was set back
// a new one begins, and what a page may hold are the numbers from the first to the last that may be meant.
// Whoever visits them asks admits() too.
struct Range {
    std::uint64_t low = 0;
    std::uint64_t high = std::numeric_limits<std::uint64_t>::max();
    bool ascending = false;  // ending_before: from low upwards; the page is turned round at the end
    std::int64_t from_ms = 0, below_ms = std::numeric_limits<std::int64_t>::max();
    [[nodiscard]] bool admits(std::int64_t created_ms) const {
        return created_ms >= from_ms && created_ms < below_ms;
    }
};

// Calls `visit(no, value)` in the page's direction until it returns false. At most `max` rows are looked at;
// not 0: that bound was hit at this number, there may be more behind it.
template <typename Visit>
std::uint64_t visit_page(const store::Reader& rows, const Source& source, const Range& range, std::size_t max,
                         Visit visit) {
    if (range.low >= range.high) return 0;
    std::size_t looked_at = 0;
    std::uint64_t last = 0, bounded_at = 0;
    const Key low = source.at(range.low);
    const Key high = source.at(range.high);
    rows.scan(source.table, low.view(), high.view(),
              range.ascending ? store::Direction::ascending : store::Direction::descending,
              [&](std::string_view key, std::string_view value) {
                  if (++looked_at > max) {
                      bounded_at = last;
                      return false;
                  }
                  last = get_be64(key.substr(key.size() - 8));
                  return visit(last, value);
              });
    return bounded_at;
}

// The smallest number n with low <= n <= high such that the first row at or after n was created at `time_ms`
// or later; `created` grows between the two.
template <typename CreatedMs>
std::uint64_t first_at(const store::Reader& rows, const Source& source, std::int64_t time_ms,
                       CreatedMs created_ms, std::uint64_t low, std::uint64_t high) {
    const Key end = source.at(high);
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        bool late = true;  // no row: beyond the newest
        std::uint64_t found = high;
        rows.scan(source.table, source.at(middle).view(), end.view(), store::Direction::ascending,
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
void bound_by_time(const store::Reader& rows, const Source& source, Range& range, CreatedMs created_ms) {
    const bool has_low = range.from_ms > 0, has_high = range.below_ms != Range().below_ms;
    if (!has_low && !has_high) return;
    std::vector<std::uint64_t> ends = utc_steps(rows);
    ends.push_back(range.high);
    const std::uint64_t none = range.high;
    std::uint64_t low = none, high = 0, start = range.low;
    for (const std::uint64_t end : ends) {
        const std::uint64_t from =
            has_low ? first_at(rows, source, range.from_ms, created_ms, start, end) : start;
        const std::uint64_t to =
            has_high ? first_at(rows, source, range.below_ms, created_ms, from, end) : end;
        if (from < to) {
            low = std::min(low, from);
            high = to;
        }
        start = end;
    }
    range.low = low;
    range.high = high;
}

template <typename CreatedMs>
Range range_of(const store::Reader& rows, const Source& source, const ListQuery& query,
               CreatedMs created_ms) {
    Range range;
    range.from_ms = std::max(query.created_gte_ms, query.created_gt_ms == 0 ? 0 : query.created_gt_ms + 1);
    if (query.created_lt_ms != 0) range.below_ms = query.created_lt_ms;
    if (query.created_lte_ms != 0) range.below_ms = std::min(range.below_ms, query.created_lte_ms + 1);
    bound_by_time(rows, source, range, created_ms);
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

[[nodiscard]] inline Source objects(store::TableId table, Scope scope) {
    return {table, Key().scope(scope)};
}
[[nodiscard]] inline Source children(Scope scope, std::uint64_t parent, LinkKind kind) {
    return {table::links, Key().scope(scope).be64(parent).byte(static_cast<char>(kind))};
}

// Through an index, in steps: first some numbers, then their objects, since other reads end the views of a
// scan. Not 0: the bound on the work was hit at this number.
template <typename T, typename Wanted>
std::uint64_t list_indexed(const store::Reader& rows, Scope scope, store::TableId table, const Source& source,
                           Range range, std::size_t limit, std::size_t max, Wanted wanted,
                           std::vector<T>& found) {
    std::uint64_t last = 0;
    for (std::size_t looked_at = 0; looked_at < max;) {
        std::vector<std::uint64_t> numbers;
        (void)visit_page(rows, source, range, max, [&](std::uint64_t no, std::string_view) {
            numbers.push_back(no);
            return numbers.size() <= limit;
        });
        for (const std::uint64_t no : numbers) {
            auto row = load<T>(rows, table, object_key(scope, no));
            if (row && wanted(*row)) found.push_back(std::move(*row));
            if (found.size() > limit) return 0;
        }
        if (numbers.size() <= limit) return 0;
        last = numbers.back();
        looked_at += numbers.size();
        (range.ascending ? range.low : range.high) = numbers.back() + (range.ascending ? 1 : 0);
    }
    return last;
}

// A page of T: from the objects' own table, or through an index whose rows name them (`indexed`).
template <typename T, typename Wanted>
Listed<T> list(const store::Reader& rows, Scope scope, store::TableId table, const Source& source,
               const ListQuery& query, Bound& bound, Wanted wanted) {
    // Bounds of time are those of the objects' own table, also for an index, whose rows are the same numbers.
    const Range range = range_of(rows, objects(table, scope), query, [](std::string_view value) {
        return parse_row<T>(value, "list").created_ms();
    });
    const auto meant = [&](const T& row) { return range.admits(row.created_ms()) && wanted(row); };
    Listed<T> page;
    const std::size_t limit = page_size(query);
    if (source.table == table) {
        bound.resume =
            visit_page(rows, source, range, bound.rows, [&](std::uint64_t, std::string_view value) {
                T row = parse_row<T>(value, "list");
                if (meant(row)) page.rows.push_back(std::move(row));
                return page.rows.size() <= limit;
            });
    } else {
        bound.resume =
            list_indexed<T>(rows, scope, table, source, range, limit, bound.rows, meant, page.rows);
    }
    page.has_more = bound.resume != 0;
    if (page.rows.size() > limit) {
        page.rows.resize(limit);
        page.has_more = true;
    }
    if (range.ascending) std::reverse(page.rows.begin(), page.rows.end());
    return page;
}

}  // namespace kontor::machine
