#include "writer.h"

#include "kontor/base/object_id.h"
#include "kontor/payments/json.h"

namespace kontor::reporting {
namespace {

std::int64_t number(std::uint64_t no) {
    return static_cast<std::int64_t>(no);
}

std::int64_t bucket_start(Bucket bucket, std::int64_t time_ms) {
    const std::int64_t width = bucket == Bucket::minute ? 60'000
                               : bucket == Bucket::hour ? 3'600'000
                                                        : 86'400'000;
    return time_ms - time_ms % width;
}

// What was paid with, or tried last.
const pb::PaymentMethod& method_of(const pb::PaymentIntent& intent) {
    return intent.payment_method().kind() == pb::METHOD_NONE ? intent.failed_payment_method()
                                                             : intent.payment_method();
}

std::string method_detail(const pb::PaymentMethod& method) {
    return method.last4().empty() ? method.brand() : method.brand() + " •••• " + method.last4();
}

}  // namespace

const char* channel_name(pb::MethodKind kind) {
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
               database_.prepare("INSERT INTO payments VALUES (?1,?2,?3,?4,?5,?6,0,?7,?8,?9,?10,?11,?12,?13) "
                                 "ON CONFLICT (intent_no) DO UPDATE SET customer_no=?4, amount=?6, "
                                 "currency=?7, status=?8, method=?9, "
                                 "method_detail=?10, description=?11, failure_code=?12, search=?13"));
    KONTOR_TRY(put_refunded_, database_.prepare("UPDATE payments SET amount_refunded=?2 WHERE intent_no=?1"));
    KONTOR_TRY(put_customer_, database_.prepare("INSERT INTO customers VALUES (?1,?2,?3) "
                                                "ON CONFLICT (customer_no) DO UPDATE SET name=?2, email=?3"));
    KONTOR_TRY(find_customer_, database_.prepare("SELECT name, email FROM customers WHERE customer_no=?1"));
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
                           "INSERT INTO rollups VALUES (?1,?2,?3,?4,?5,?6,?7,1,?8) "
                           "ON CONFLICT (bucket, livemode, start_ms, merchant_no, channel, currency, status) "
                           "DO UPDATE SET count=count+1, volume=volume+?8"));
    KONTOR_TRY(move_, database_.prepare(
                          "INSERT INTO movements VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT DO NOTHING"));
    // A customer's new name has to be found on the payments made before. Old words go, new words come.
    KONTOR_TRY(rename_,
               database_.prepare("UPDATE payments SET search=replace(search, ?2, ?3) WHERE customer_no=?1"));
    return {};
}

Result<void> JournalWriter::begin() {
    changed_.clear();
    return database_.execute("BEGIN IMMEDIATE");
}

Result<void> JournalWriter::commit(std::uint64_t log_index) {
    KONTOR_CHECK(put_meta_.bind(1, std::string_view("log_index")).bind(2, number(log_index)).run());
    return database_.execute("COMMIT");
}

Result<void> JournalWriter::rollback() {
    return database_.execute("ROLLBACK");
}

Result<std::uint64_t> JournalWriter::cursor(payments::Scope scope) {
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
    const payments::Scope scope{journal.merchant_no(), journal.livemode()};
    KONTOR_TRY(const std::uint64_t done, cursor(scope));
    if (journal.no() <= done) return {};
    for (const pb::Event& event : journal.events()) KONTOR_CHECK(apply_event(journal, event));
    for (const pb::Event& change : journal.changes()) KONTOR_CHECK(apply_event(journal, change));
    return put_cursor_.bind(1, number(scope.merchant_no))
        .bind(2, std::int64_t{scope.livemode})
        .bind(3, number(journal.no()))
        .run();
}

Result<void> JournalWriter::apply_event(const pb::Journal& journal, const pb::Event& event) {
    switch (event.object_case()) {
        case pb::Event::kPaymentIntent:
            return apply_intent_event(journal, event);
        case pb::Event::kCharge:
            return apply_charge_event(journal, event);
        case pb::Event::kRefund:
            return apply_refund_event(journal, event);
        case pb::Event::kCustomer:
            return put_customer(event.customer());
        default:
            return {};
    }
}

Result<void> JournalWriter::apply_intent_event(const pb::Journal& journal, const pb::Event& event) {
    const pb::PaymentIntent& intent = event.payment_intent();
    KONTOR_CHECK(put_payment(intent));
    const char* channel = channel_name(method_of(intent).kind());
    const std::string& type = event.type();
    if (type == "payment_intent.created")
        return count(journal, channel, intent.currency(), "created", intent.amount());
    if (type == "payment_intent.succeeded")
        return count(journal, channel, intent.currency(), "succeeded", intent.amount_received());
    if (type == "payment_intent.payment_failed")
        return count(journal, channel, intent.currency(), "failed", intent.amount());
    if (type == "payment_intent.canceled")
        return count(journal, channel, intent.currency(), "canceled", intent.amount());
    return {};
}

Result<void> JournalWriter::apply_charge_event(const pb::Journal& journal, const pb::Event& event) {
    const pb::Charge& charge = event.charge();
    KONTOR_CHECK(put_refunded_.bind(1, number(charge.intent_no())).bind(2, charge.amount_refunded()).run());
    changed_.insert(charge.intent_no());
    const bool money_came =
        (event.type() == "charge.succeeded" && charge.captured()) || event.type() == "charge.captured";
    if (!money_came) return {};
    return move(journal, event, "charge", charge.no(), charge.amount_captured(), charge.currency());
}

Result<void> JournalWriter::apply_refund_event(const pb::Journal& journal, const pb::Event& event) {
    const pb::Refund& refund = event.refund();
    if (event.type() == "refund.failed") return {};
    if (refund.status() != pb::REFUND_SUCCEEDED || event.type() == "charge.refund.updated") return {};
    find_channel_.bind(1, number(refund.intent_no()));
    KONTOR_TRY(const bool found, find_channel_.step());
    const std::string channel = found ? find_channel_.text(0) : "";
    find_channel_.reset();
    // A refund that succeeded is told by refund.created (at once) or refund.updated (later): count the first
    // of them.
    if (event.type() == "refund.updated" && !event.previous_attributes_json().starts_with("{\"status\":"))
        return {};
    KONTOR_CHECK(count(journal, channel.c_str(), refund.currency(), "refunded", refund.amount()));
    return move(journal, event, "refund", refund.no(), -refund.amount(), refund.currency());
}

Result<void> JournalWriter::put_payment(const pb::PaymentIntent& intent) {
    std::string search = format_id(payments::prefix::intent, intent.no());
    search += '\n' + intent.description();
    if (intent.customer_no() != 0) {
        KONTOR_TRY(const std::string words, customer_words(intent.customer_no()));
        search += '\n' + words;
    }
    if (!intent.receipt_email().empty()) search += '\n' + intent.receipt_email();
    for (const pb::Pair& pair : intent.metadata()) search += '\n' + pair.value();
    const std::string code = intent.last_payment_error().decline_code().empty()
                                 ? intent.last_payment_error().code()
                                 : intent.last_payment_error().decline_code();
    changed_.insert(intent.no());
    return put_payment_.bind(1, number(intent.no()))
        .bind(2, number(intent.merchant_no()))
        .bind(3, std::int64_t{intent.livemode()})
        .bind(4, number(intent.customer_no()))
        .bind(5, intent.created_ms())
        .bind(6, intent.amount())
        .bind(7, std::int64_t{intent.currency()})
        .bind(8, payments::status_name(intent.status()))
        .bind(9, std::string_view(channel_name(method_of(intent).kind())))
        .bind(10, method_detail(method_of(intent)))
        .bind(11, intent.description())
        .bind(12, code)
        .bind(13, search)
        .run();
}

Result<std::string> JournalWriter::customer_words(std::uint64_t customer_no) {
    find_customer_.bind(1, number(customer_no));
    KONTOR_TRY(const bool found, find_customer_.step());
    std::string words = found ? find_customer_.text(0) + "\n" + find_customer_.text(1) : std::string();
    find_customer_.reset();
    return words;
}

Result<void> JournalWriter::put_customer(const pb::Customer& customer) {
    KONTOR_TRY(const std::string before, customer_words(customer.no()));
    const std::string after = customer.name() + "\n" + customer.email();
    KONTOR_CHECK(put_customer_.bind(1, number(customer.no()))
                     .bind(2, customer.name())
                     .bind(3, customer.email())
                     .run());
    if (before.size() <= 1 || before == after) return {};
    return rename_.bind(1, number(customer.no())).bind(2, before).bind(3, after).run();
}

Result<void> JournalWriter::count(const pb::Journal& journal, const char* channel, std::uint32_t currency,
                                  const char* status, std::int64_t volume) {
    for (const Bucket bucket : {Bucket::minute, Bucket::hour, Bucket::day}) {
        KONTOR_CHECK(count_.bind(1, std::int64_t{static_cast<std::uint8_t>(bucket)})
                         .bind(2, std::int64_t{journal.livemode()})
                         .bind(3, bucket_start(bucket, journal.time_ms()))
                         .bind(4, number(journal.merchant_no()))
                         .bind(5, std::string_view(channel))
                         .bind(6, std::int64_t{currency})
                         .bind(7, std::string_view(status))
                         .bind(8, volume)
                         .run());
    }
    return {};
}

Result<void> JournalWriter::move(const pb::Journal& journal, const pb::Event& event, const char* type,
                                 std::uint64_t source_no, std::int64_t amount, std::uint32_t currency) {
    return move_.bind(1, number(event.no()))
        .bind(2, number(journal.merchant_no()))
        .bind(3, std::int64_t{journal.livemode()})
        .bind(4, std::string_view(type))
        .bind(5, number(source_no))
        .bind(6, amount)
        .bind(7, std::int64_t{currency})
        .bind(8, journal.time_ms())
        .run();
}

}  // namespace kontor::reporting
