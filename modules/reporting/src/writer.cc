#include "writer.h"

#include <algorithm>
#include <array>

#include "domains/payments/ids.h"
#include "domains/payments/payments.h"
#include "kontor/base/object_id.h"
#include "kontor/bodies.h"
#include "kontor/customers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/rows.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds.pb.h"
#include "kontor/refunds_bodies.pb.h"

namespace kontor::reporting {
namespace {

std::int64_t number(std::uint64_t no) {
    return static_cast<std::int64_t>(no);
}

constexpr std::int64_t kNoStatus = -1;  // of a refund that was not seen before
constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::array kBuckets = {std::pair{Bucket::minute, kMinuteMs},
                                 std::pair{Bucket::hour, 60 * kMinuteMs},
                                 std::pair{Bucket::day, 24 * 60 * kMinuteMs}};

// What was paid with, or tried last.
const pb::PaymentMethod& method_of(const pb::PaymentIntent& intent) {
    return intent.payment_method().kind() == pb::METHOD_NONE ? intent.failed_payment_method()
                                                             : intent.payment_method();
}

std::string method_detail(const pb::PaymentMethod& method) {
    return method.last4().empty() ? method.brand() : method.brand() + " •••• " + method.last4();
}

}  // namespace

std::string_view channel_name(pb::MethodKind kind) {
    switch (kind) {
        case pb::METHOD_WALLET:
            return "wallet";
        case pb::METHOD_CARD:
            return "card";
        default:
            return "";
    }
}

Result<std::unique_ptr<JournalWriter>> JournalWriter::open(Database& database) {
    std::unique_ptr<JournalWriter> writer(new JournalWriter(database));
    KONTOR_CHECK(writer->prepare());
    return writer;
}

Result<void> JournalWriter::prepare() {
    KONTOR_TRY(put_payment_,
               database_.prepare(
                   "INSERT INTO payments VALUES (?1,?2,?3,?4,?5,?6,coalesce(?14,0),?7,?8,?9,?10,?11,?12,?13) "
                   "ON CONFLICT (intent_no) DO UPDATE SET customer_no=?4, amount=?6, "
                   "amount_refunded=coalesce(?14,amount_refunded), currency=?7, status=?8, method=?9, "
                   "method_detail=?10, description=?11, failure_code=?12, search=?13"));
    KONTOR_TRY(put_refunded_, database_.prepare("UPDATE payments SET amount_refunded=?2 WHERE intent_no=?1"));
    KONTOR_TRY(put_customer_, database_.prepare("INSERT INTO customers VALUES (?1,?2,?3) "
                                                "ON CONFLICT (customer_no) DO UPDATE SET name=?2, email=?3"));
    KONTOR_TRY(find_channel_, database_.prepare("SELECT method FROM payments WHERE intent_no=?1"));
    KONTOR_TRY(put_cursor_,
               database_.prepare("INSERT INTO cursors VALUES (?1,?2,?3) "
                                 "ON CONFLICT (merchant_no, livemode) DO UPDATE SET command_no=?3"));
    KONTOR_TRY(find_cursor_,
               database_.prepare("SELECT command_no FROM cursors WHERE merchant_no=?1 AND livemode=?2"));
    KONTOR_TRY(put_meta_,
               database_.prepare("INSERT INTO meta VALUES (?1,?2) ON CONFLICT (key) DO UPDATE SET value=?2"));
    KONTOR_TRY(find_meta_, database_.prepare("SELECT value FROM meta WHERE key=?1"));
    KONTOR_TRY(count_, database_.prepare(
                           "INSERT INTO rollups VALUES (?1,?2,?3,?4,?5,?6,?7,?9,?8) "
                           "ON CONFLICT (bucket, livemode, start_ms, merchant_no, channel, currency, status) "
                           "DO UPDATE SET count=count+?9, volume=volume+?8"));
    KONTOR_TRY(find_refund_, database_.prepare("SELECT status FROM refunds WHERE refund_no=?1"));
    KONTOR_TRY(put_refund_, database_.prepare("INSERT INTO refunds VALUES (?1,?2) "
                                              "ON CONFLICT (refund_no) DO UPDATE SET status=?2"));
    return {};
}

void JournalWriter::forget() {
    payments_.clear();
    counts_.clear();
    cursors_.clear();
}

Result<void> JournalWriter::begin() {
    changed_.clear();
    forget();
    return database_.execute("BEGIN IMMEDIATE");
}

Result<void> JournalWriter::commit(std::uint64_t log_index) {
    KONTOR_CHECK(write_payments());
    KONTOR_CHECK(write_counts());
    KONTOR_CHECK(write_cursors());
    std::sort(changed_.begin(), changed_.end());
    const auto same = [](const Changed& a, const Changed& b) { return a.intent_no == b.intent_no; };
    changed_.erase(std::unique(changed_.begin(), changed_.end(), same), changed_.end());
    KONTOR_CHECK(put_meta_.bind(1, std::string_view("log_index")).bind(2, number(log_index)).run());
    return database_.execute("COMMIT");
}

Result<void> JournalWriter::rollback() {
    forget();
    return database_.execute("ROLLBACK");
}

Result<std::uint64_t> JournalWriter::cursor(machine::Scope scope) {
    find_cursor_.bind(1, number(scope.merchant_no)).bind(2, std::int64_t{scope.livemode});
    KONTOR_TRY(const bool found, find_cursor_.step());
    const auto command_no = found ? static_cast<std::uint64_t>(find_cursor_.integer(0)) : 0;
    find_cursor_.reset();
    return command_no;
}

Result<std::uint64_t> JournalWriter::stored_log_index() {
    find_meta_.bind(1, std::string_view("log_index"));
    KONTOR_TRY(const bool found, find_meta_.step());
    const auto index = found ? static_cast<std::uint64_t>(find_meta_.integer(0)) : 0;
    find_meta_.reset();
    return index;
}

Result<void> JournalWriter::apply(const pb::Journal& journal) {
    auto done = cursors_.find({journal.merchant_no(), journal.livemode()});
    if (done == cursors_.end()) {
        const machine::Scope scope{journal.merchant_no(), journal.livemode()};
        KONTOR_TRY(const std::uint64_t stored, cursor(scope));
        done = cursors_.emplace(ScopeKey{scope.merchant_no, scope.livemode}, stored).first;
    }
    if (journal.no() <= done->second) return {};
    done->second = journal.no();
    for (const pb::Event& event : journal.events()) KONTOR_CHECK(apply_event(journal, event));
    for (const pb::Event& change : journal.changes()) KONTOR_CHECK(apply_event(journal, change));
    return {};
}

Result<void> JournalWriter::apply_event(const pb::Journal& journal, const pb::Event& event) {
    switch (event.object().kind()) {
        case pb::kPaymentIntentFieldNumber:
            apply_intent_event(journal, event);
            return {};
        case pb::kChargeFieldNumber:
            apply_charge_event(event);
            return {};
        case pb::kRefundFieldNumber:
            return apply_refund_event(journal, event);
        case pb::kCustomerFieldNumber:
            return put_customer(object_in(event, pb::customer));
        default:
            return {};
    }
}

void JournalWriter::apply_intent_event(const pb::Journal& journal, const pb::Event& event) {
    const pb::PaymentIntent& intent = object_in(event, pb::payment_intent);
    put_payment(intent);
    const std::string_view channel = channel_name(method_of(intent).kind());
    const std::string& type = event.type();
    if (type == "payment_intent.created") {
        count(journal, channel, intent.currency(), "created", intent.amount());
    } else if (type == "payment_intent.succeeded") {
        count(journal, channel, intent.currency(), "succeeded", intent.amount_received());
    } else if (type == "payment_intent.payment_failed") {
        count(journal, channel, intent.currency(), "failed", intent.amount());
    } else if (type == "payment_intent.canceled") {
        count(journal, channel, intent.currency(), "canceled", intent.amount());
    }
}

void JournalWriter::apply_charge_event(const pb::Event& event) {
    const pb::Charge& charge = object_in(event, pb::charge);
    Pending& pending = payments_[charge.intent_no()];
    pending.amount_refunded = charge.amount_refunded();
    pending.livemode = charge.livemode();
}

Result<void> JournalWriter::apply_refund_event(const pb::Journal& journal, const pb::Event& event) {
    const pb::Refund& refund = object_in(event, pb::refund);
    KONTOR_TRY(const std::int64_t before, put_refund(refund));
    if (refund.status() != pb::REFUND_SUCCEEDED || before == pb::REFUND_SUCCEEDED) return {};
    KONTOR_TRY(const std::string_view channel, channel_of(refund.intent_no()));
    count(journal, channel, refund.currency(), "refunded", refund.amount());
    return {};
}

Result<std::int64_t> JournalWriter::put_refund(const pb::Refund& refund) {
    find_refund_.bind(1, number(refund.no()));
    KONTOR_TRY(const bool found, find_refund_.step());
    const std::int64_t before = found ? find_refund_.integer(0) : kNoStatus;
    find_refund_.reset();
    const std::int64_t now = refund.status();
    if (now != before) KONTOR_CHECK(put_refund_.bind(1, number(refund.no())).bind(2, now).run());
    return before;
}

Result<std::string_view> JournalWriter::channel_of(std::uint64_t intent_no) {
    const auto pending = payments_.find(intent_no);
    if (pending != payments_.end() && pending->second.intent != nullptr)
        return channel_name(method_of(*pending->second.intent).kind());
    find_channel_.bind(1, number(intent_no));
    KONTOR_TRY(const bool found, find_channel_.step());
    const std::string stored = found ? find_channel_.text(0) : "";
    find_channel_.reset();
    // As a constant, so that it outlives this call.
    for (const auto kind : {pb::METHOD_WALLET, pb::METHOD_CARD}) {
        if (stored == channel_name(kind)) return channel_name(kind);
    }
    return std::string_view();
}

void JournalWriter::put_payment(const pb::PaymentIntent& intent) {
    Pending& pending = payments_[intent.no()];
    pending.intent = &intent;
    pending.livemode = intent.livemode();
}

Result<void> JournalWriter::write_payments() {
    std::vector<std::uint64_t> numbers;
    numbers.reserve(payments_.size());
    for (const auto& [no, pending] : payments_) {
        numbers.push_back(no);
        changed_.push_back({no, pending.livemode});
    }
    std::sort(numbers.begin(), numbers.end());
    for (const std::uint64_t no : numbers) KONTOR_CHECK(write_payment(no, payments_.at(no)));
    payments_.clear();
    return {};
}

Result<void> JournalWriter::write_payment(std::uint64_t intent_no, const Pending& pending) {
    if (pending.intent == nullptr)
        return put_refunded_.bind(1, number(intent_no)).bind(2, pending.amount_refunded.value_or(0)).run();
    const pb::PaymentIntent& intent = *pending.intent;
    std::string search = format_id(payments::prefix::intent, intent.no());
    search.append(1, '\n').append(intent.description());
    if (!intent.receipt_email().empty()) search.append(1, '\n').append(intent.receipt_email());
    for (const pb::Pair& pair : intent.metadata()) search.append(1, '\n').append(pair.value());
    const std::string& code = intent.last_payment_error().decline_code().empty()
                                  ? intent.last_payment_error().code()
                                  : intent.last_payment_error().decline_code();
    const std::string detail = method_detail(method_of(intent));
    put_payment_.bind(1, number(intent.no()))
        .bind(2, number(intent.merchant_no()))
        .bind(3, std::int64_t{intent.livemode()})
        .bind(4, number(intent.customer_no()))
        .bind(5, intent.created_ms())
        .bind(6, intent.amount())
        .bind(7, std::int64_t{intent.currency()})
        .bind(8, payments::status_name(intent.status()))
        .bind(9, channel_name(method_of(intent).kind()))
        .bind(10, detail)
        .bind(11, intent.description())
        .bind(12, code)
        .bind(13, search);
    if (pending.amount_refunded) put_payment_.bind(14, *pending.amount_refunded);
    return put_payment_.run();
}

Result<void> JournalWriter::put_customer(const pb::Customer& customer) {
    return put_customer_.bind(1, number(customer.no()))
        .bind(2, customer.name())
        .bind(3, customer.email())
        .run();
}

void JournalWriter::count(const pb::Journal& journal, std::string_view channel, std::uint32_t currency,
                          std::string_view status, std::int64_t volume) {
    const std::int64_t minute = journal.time_ms() - journal.time_ms() % kMinuteMs;
    Count& line =
        counts_[Counted{journal.livemode(), minute, journal.merchant_no(), channel, currency, status}];
    ++line.count;
    line.volume += volume;
}

Result<void> JournalWriter::write_counts() {
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
            const auto& [livemode, start_ms, merchant_no, channel, currency, status] = key;
            KONTOR_CHECK(count_.bind(1, std::int64_t{static_cast<std::uint8_t>(bucket)})
                             .bind(2, std::int64_t{livemode})
                             .bind(3, start_ms)
                             .bind(4, number(merchant_no))
                             .bind(5, channel)
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

Result<void> JournalWriter::write_cursors() {
    for (const auto& [scope, command_no] : cursors_) {
        KONTOR_CHECK(put_cursor_.bind(1, number(scope.first))
                         .bind(2, std::int64_t{scope.second})
                         .bind(3, number(command_no))
                         .run());
    }
    cursors_.clear();
    return {};
}

}  // namespace kontor::reporting
