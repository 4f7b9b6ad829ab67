#include "reports/volumes/writer.h"

#include <array>
#include <utility>

#include "domains/payments/methods.h"
#include "kontor/bodies.h"
#include "kontor/machine.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "reports/volumes/volumes.h"

namespace kontor::volumes {
namespace {

constexpr std::int64_t kNoStatus = -1;  // of a refund that was not seen before
constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::array kBuckets = {std::pair{Bucket::minute, kMinuteMs},
                                 std::pair{Bucket::hour, 60 * kMinuteMs},
                                 std::pair{Bucket::day, 24 * 60 * kMinuteMs}};

}  // namespace

Result<void> VolumeWriter::prepare() {
    KONTOR_TRY(put_paid_, database_.prepare("INSERT INTO paid VALUES (?1,?2) "
                                            "ON CONFLICT (intent_no) DO UPDATE SET method=?2"));
    KONTOR_TRY(find_paid_, database_.prepare("SELECT method FROM paid WHERE intent_no=?1"));
    KONTOR_TRY(count_, database_.prepare(
                           "INSERT INTO volumes VALUES (?1,?2,?3,?4,?5,?6,?7,?9,?8) "
                           "ON CONFLICT (bucket, livemode, start_ms, merchant_no, method, currency, status) "
                           "DO UPDATE SET count=count+?9, volume=volume+?8"));
    KONTOR_TRY(find_refund_, database_.prepare("SELECT status FROM refunds WHERE refund_no=?1"));
    KONTOR_TRY(put_refund_, database_.prepare("INSERT INTO refunds VALUES (?1,?2) "
                                              "ON CONFLICT (refund_no) DO UPDATE SET status=?2"));
    return {};
}

void VolumeWriter::forget() {
    counts_.clear();
}

Result<void> VolumeWriter::apply(const pb::AuditRecord& audit_record, const pb::Event& event) {
    if (has_object(event, pb::payment_intent)) return apply_intent(audit_record, event);
    if (has_object(event, pb::refund)) return apply_refund(audit_record, object_in(event, pb::refund));
    return {};
}

Result<void> VolumeWriter::apply_intent(const pb::AuditRecord& audit_record, const pb::Event& event) {
    const pb::PaymentIntent& intent = object_in(event, pb::payment_intent);
    const std::string_view method = payments::method_name(payments::method_of(intent).type());
    const std::string& type = event.type();
    if (type == "payment_intent.created") {
        count(audit_record, method, intent.currency(), "created", intent.amount());
    } else if (type == "payment_intent.succeeded") {
        count(audit_record, method, intent.currency(), "succeeded", intent.amount_received());
        return put_paid_.bind(1, intent.no()).bind(2, method).run();
    } else if (type == "payment_intent.payment_failed") {
        count(audit_record, method, intent.currency(), "failed", intent.amount());
    } else if (type == "payment_intent.canceled") {
        count(audit_record, method, intent.currency(), "canceled", intent.amount());
    }
    return {};
}

Result<void> VolumeWriter::apply_refund(const pb::AuditRecord& audit_record, const pb::Refund& refund) {
    KONTOR_TRY(const std::int64_t before, put_refund(refund));
    if (refund.status() != pb::REFUND_SUCCEEDED || before == pb::REFUND_SUCCEEDED) return {};
    KONTOR_TRY(const std::string_view method, method_of_paid(refund.intent_no()));
    count(audit_record, method, refund.currency(), "refunded", refund.amount());
    return {};
}

Result<std::int64_t> VolumeWriter::put_refund(const pb::Refund& refund) {
    find_refund_.bind(1, refund.no());
    KONTOR_TRY(const bool found, find_refund_.step());
    const std::int64_t before = found ? find_refund_.integer(0) : kNoStatus;
    find_refund_.reset();
    const std::int64_t now = refund.status();
    if (now != before) KONTOR_CHECK(put_refund_.bind(1, refund.no()).bind(2, now).run());
    return before;
}

Result<std::string_view> VolumeWriter::method_of_paid(std::uint64_t intent_no) {
    find_paid_.bind(1, intent_no);
    KONTOR_TRY(const bool found, find_paid_.step());
    const std::string stored = found ? find_paid_.text(0) : "";
    find_paid_.reset();
    return payments::method_name(stored);  // a constant, which outlives this call
}

void VolumeWriter::count(const pb::AuditRecord& audit_record, std::string_view method, std::uint32_t currency,
                         std::string_view status, std::int64_t volume) {
    const std::int64_t minute = audit_record.time_ms() - audit_record.time_ms() % kMinuteMs;
    Count& line = counts_[Counted{audit_record.livemode(), minute, audit_record.merchant_no(), method,
                                  currency, status}];
    ++line.count;
    line.volume += volume;
}

Result<void> VolumeWriter::finish() {
    for (const auto& [bucket, width_ms] : kBuckets) {
        std::map<Counted, Count> lines;
        for (const auto& [minute, added] : counts_) {
            Counted key = minute;
            std::get<1>(key) -= std::get<1>(key) % width_ms;
            Count& line = lines[key];
            line.count += added.count;
            line.volume += added.volume;
        }
        for (const auto& [key, line] : lines) {
            const auto& [livemode, start_ms, merchant_no, method, currency, status] = key;
            KONTOR_CHECK(count_.bind(1, std::int64_t{static_cast<std::uint8_t>(bucket)})
                             .bind(2, std::int64_t{livemode})
                             .bind(3, start_ms)
                             .bind(4, merchant_no)
                             .bind(5, method)
                             .bind(6, std::int64_t{currency})
                             .bind(7, status)
                             .bind(8, line.volume)
                             .bind(9, line.count)
                             .run());
        }
    }
    counts_.clear();
    return {};
}

}  // namespace kontor::volumes
