#include "home.h"

#include <map>

#include "domains/webhooks/webhooks.h"
#include "kontor/machine/links.h"
#include "kontor/surface/office_limits.h"
#include "reports/volumes/volumes.h"

namespace kontor::admin {

using surface::office::currency_code;
using surface::office::put_integer;

namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;
constexpr std::int64_t kBasisPoints = 10'000;

std::optional<std::int64_t> rate(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return std::nullopt;
    return static_cast<std::int64_t>(part) * kBasisPoints / static_cast<std::int64_t>(whole);
}

void put_lines(JsonWriter& json, const std::vector<volumes::VolumeLine>& lines) {
    json.begin_array();
    for (const volumes::VolumeLine& line : lines) {
        json.begin_object().field_integer("start_ms", line.start_ms);
        json.field("currency", currency_code(line.currency)).field_integer("volume", line.volume);
        json.field_integer("succeeded", line.succeeded).field_integer("failed", line.failed).end_object();
    }
    json.end_array();
}

void put_total(JsonWriter& json, const volumes::VolumeLine& line) {
    json.begin_object().field("currency", currency_code(line.currency));
    json.field_integer("volume", line.volume).field_integer("payments", line.payments);
    json.field_integer("succeeded", line.succeeded).field_integer("failed", line.failed);
    put_integer(json, "success_rate_bp", rate(line.succeeded, line.succeeded + line.failed));
    json.end_object();
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

void Home::put_node(JsonWriter& json) const {
    const auto stats = options_.node->stats();
    json.begin_object().field("role", role_name(stats.role)).field_integer("log_index", stats.applied_index);
    json.field_integer("projection_index", options_.reports->log_index()).key("cache").begin_object();
    json.field_integer("hits", stats.cache.hits).field_integer("misses", stats.cache.misses);
    put_integer(json, "hit_rate_bp", rate(stats.cache.hits, stats.cache.hits + stats.cache.misses));
    json.field_integer("bytes", stats.cache.bytes).field_integer("limit_bytes", stats.cache.limit_bytes);
    json.field_integer("rows", stats.cache.rows).end_object();
    json.field_integer("memtable_bytes", stats.store.memtable_bytes);
    json.field_integer("checkpoint_index", stats.store.last_checkpoint_index);
    json.field_integer("uptime_ms", options_.clock->monotonic_ms() - started_ms_).end_object();
}

// Deliveries of a mode that wait; `failed`: those that were tried and not taken yet. Counted up to
// limits::kOutboxCounted.
void Home::put_webhooks(JsonWriter& json, bool livemode) const {
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
    json.begin_object().field_integer("pending", pending).field_integer("failed", failed).end_object();
}

Result<std::string> Home::look(bool livemode) const {
    const std::int64_t now = options_.clock->wall_ms();  // house: wall: days of the calendar
    const std::int64_t today = now - now % kDayMs;
    const std::int64_t first_hour = now - now % kHourMs - 23 * kHourMs;
    KONTOR_TRY(const auto days, volumes::list(*options_.reports, volumes::Bucket::day, livemode,
                                              today - 29 * kDayMs, today + kDayMs));
    KONTOR_TRY(const auto hours,
               volumes::list(*options_.reports, volumes::Bucket::hour, livemode, first_hour, now + kHourMs));
    return surface::office::object_json([&](JsonWriter& json) {
        json.field_integer("as_of_ms", now).field_integer("log_index", options_.reports->log_index());
        json.key("totals").begin_array();
        for (const volumes::VolumeLine& line : days)
            if (line.start_ms == today) put_total(json, line);
        json.end_array();
        put_lines(json.key("hours"), hours);
        put_lines(json.key("days"), days);
        put_node(json.key("node"));
        put_webhooks(json.key("webhooks"), livemode);
    });
}

void Home::get(const CallPtr& call) const {
    auto json = look(call->livemode);
    if (!json) return call->refuse(json.error());
    call->respond(surface::office::json_response(200, *std::move(json), {}));
}

}  // namespace kontor::admin
