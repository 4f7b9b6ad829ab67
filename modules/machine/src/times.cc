#include "kontor/machine/times.h"

#include <algorithm>

#include "kontor/base/bytes.h"
#include "kontor/base/object_id.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/rows.h"

namespace kontor::machine {
namespace {

constexpr std::size_t kTimesBytes = 4 * sizeof(std::int64_t);
constexpr std::size_t kStepKeyBytes = 1 + 8;

void note_step(store::Writer& rows, std::uint64_t index) {
    std::vector<std::string> known;
    rows.scan(table::instance, utc_step_key(0).view(), utc_step_key(UINT64_MAX).view(),
              store::Direction::ascending, [&](std::string_view key, std::string_view) {
                  known.emplace_back(key);
                  return true;
              });
    if (known.size() >= limits::kUtcStepsKept) rows.erase(table::instance, known.front());
    rows.put(table::instance, utc_step_key(index).view(), kIndexValue);
}

// A jump of machine time, or weeks without a leader, count as a short while: nobody could ask again
// meanwhile.
std::int64_t running_at(const LogTimes& last, std::int64_t machine_ms) {
    const std::int64_t passed = std::max<std::int64_t>(machine_ms - last.machine_ms, 0);
    return last.running_ms + std::min(passed, limits::kRunningGapMs);
}

}  // namespace

LogTimes last_times(const store::Reader& rows) {
    LogTimes times;
    const auto bytes = rows.get(table::instance, last_times_key().view());
    if (!bytes) return times;
    if (bytes->size() != kTimesBytes) row_failure("instance", "the row of the times has another size");
    times.machine_ms = get_le<std::int64_t>(*bytes);
    times.utc_ms = get_le<std::int64_t>(bytes->substr(8));
    times.highest_utc_ms = get_le<std::int64_t>(bytes->substr(16));
    times.running_ms = get_le<std::int64_t>(bytes->substr(24));
    return times;
}

LogTimes advance_times(store::Writer& rows, std::uint64_t index, Times said) {
    const LogTimes last = last_times(rows);
    LogTimes now = last;
    now.machine_ms = std::max({said.machine_ms, last.machine_ms, std::int64_t{0}});
    now.running_ms = running_at(last, now.machine_ms);
    now.utc_ms = std::max<std::int64_t>(said.utc_ms, 0);
    if (now.utc_ms < last.utc_ms) {
        if (last.utc_ms - now.utc_ms <= limits::kUtcHoldMs)
            now.utc_ms = last.utc_ms;
        else
            note_step(rows, index);
    }
    now.highest_utc_ms = std::max(last.highest_utc_ms, now.utc_ms);
    if (now.machine_ms != last.machine_ms || now.utc_ms != last.utc_ms) {
        std::string bytes;
        put_le(bytes, now.machine_ms);
        put_le(bytes, now.utc_ms);
        put_le(bytes, now.highest_utc_ms);
        put_le(bytes, now.running_ms);
        rows.put(table::instance, last_times_key().view(), bytes);
    }
    return now;
}

Times times_at(const store::Reader& rows, std::int64_t machine_ms, std::int64_t utc_ms) {
    const LogTimes last = last_times(rows);
    return {std::max(machine_ms, last.machine_ms), utc_ms, running_at(last, machine_ms)};
}

std::vector<std::uint64_t> utc_steps(const store::Reader& rows) {
    std::vector<std::uint64_t> steps;
    rows.scan(table::instance, utc_step_key(0).view(), utc_step_key(UINT64_MAX).view(),
              store::Direction::ascending, [&](std::string_view key, std::string_view) {
                  if (key.size() != kStepKeyBytes)
                      row_failure("instance", "a step of the time has another shape");
                  steps.push_back(make_object_no(kFirstGroup, get_be64(key.substr(1)), 0, 0));
                  return true;
              });
    return steps;
}

}  // namespace kontor::machine
