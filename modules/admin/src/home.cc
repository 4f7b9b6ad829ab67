#include "home.h"

#include <map>

#include "domains/webhooks/webhooks.h"
#include "kontor/machine/links.h"
#include "kontor/surface/office_limits.h"
#include "reports/volumes/volumes.h"

namespace kontor::admin {

using surface::office::currency_code;

namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;
constexpr std::int64_t kBasisPoints = 10'000;

Json rate(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return nullptr;
    return static_cast<std::int64_t>(part) * kBasisPoints / static_cast<std::int64_t>(whole);
}

Json line_json(const volumes::VolumeLine& line) {
    return Json{{"start_ms", line.start_ms},
                {"currency", currency_code(line.currency)},
                {"volume", line.volume},
                {"succeeded", line.succeeded},
                {"failed", line.failed}};
}

const char* role_name(replication::Role role) {
    switch (role) {
        case replication::Role::starting:
            return "starting";
        case replication::Role::follower:
            return "follower";
        case replication::Role::candidate:
            return "candidate";
        case replication::Role::leader:
            return "leader";
        case replication::Role::stopped:
            return "stopped";
    }
    return "unknown";
}

}  // namespace

Json Home::node_json() const {
    const auto stats = options_.node->stats();
    return Json{{"role", role_name(stats.role)},
                {"log_index", stats.applied_index},
                {"projection_index", options_.reports->log_index()},
                {"cache",
                 {{"hits", stats.cache.hits},
                  {"misses", stats.cache.misses},
                  {"hit_rate_bp", rate(stats.cache.hits, stats.cache.hits + stats.cache.misses)},
                  {"bytes", stats.cache.bytes},
                  {"limit_bytes", stats.cache.limit_bytes},
                  {"rows", stats.cache.rows}}},
                {"memtable_bytes", stats.store.memtable_bytes},
                {"checkpoint_index", stats.store.last_checkpoint_index},
                {"uptime_ms", options_.clock->monotonic_ms() - started_ms_}};
}

// Deliveries of a mode that wait; `failed`: those that were tried and not taken yet. Counted up to
// limits::kOutboxCounted.
Json Home::webhooks_json(bool livemode) const {
    std::uint64_t pending = 0, failed = 0;
    machine::Due after;
    std::size_t looked_at = 0;
    bool more = true;
    const auto count = [&](const store::Reader& rows, std::uint64_t) {
        const auto page =
            webhooks::due_deliveries(rows, INT64_MAX, surface::office::limits::kRowsPerRead, after);
        more = page.size() == surface::office::limits::kRowsPerRead;
        looked_at += page.size();
        if (more) after = page.back();
        for (const auto& due : page) {
            const auto delivery = webhooks::find_delivery(rows, due.no);
            if (!delivery || delivery->livemode() != livemode) continue;
            ++pending;
            if (delivery->tries() > 0) ++failed;
        }
    };
    while (more && looked_at < limits::kOutboxCounted) options_.node->read(count);
    return Json{{"pending", pending}, {"failed", failed}};
}

Result<Json> Home::look(bool livemode) const {
    const std::int64_t now = options_.clock->wall_ms();  // house: wall: days of the calendar
    const std::int64_t today = now - now % kDayMs;
    const std::int64_t first_hour = now - now % kHourMs - 23 * kHourMs;
    KONTOR_TRY(const auto days, volumes::list(*options_.reports, volumes::Bucket::day, livemode,
                                              today - 29 * kDayMs, today + kDayMs));
    KONTOR_TRY(const auto hours,
               volumes::list(*options_.reports, volumes::Bucket::hour, livemode, first_hour, now + kHourMs));
    Json totals = Json::array(), day_lines = Json::array(), hour_lines = Json::array();
    for (const auto& line : days) {
        day_lines.push_back(line_json(line));
        if (line.start_ms != today) continue;
        totals.push_back(Json{{"currency", currency_code(line.currency)},
                              {"volume", line.volume},
                              {"payments", line.payments},
                              {"succeeded", line.succeeded},
                              {"failed", line.failed},
                              {"success_rate_bp", rate(line.succeeded, line.succeeded + line.failed)}});
    }
    for (const auto& line : hours) hour_lines.push_back(line_json(line));
    return Json{{"as_of_ms", now},
                {"log_index", options_.reports->log_index()},
                {"totals", totals},
                {"hours", hour_lines},
                {"days", day_lines},
                {"node", node_json()},
                {"webhooks", webhooks_json(livemode)}};
}

void Home::get(const CallPtr& call) const {
    const auto json = look(call->livemode);
    if (!json) return call->refuse(json.error());
    call->answer(200, *json);
}

}  // namespace kontor::admin
