// The ledger API's commands: a merchant's own book.
#include "domains/ledger_book/commands.h"

#include <algorithm>
#include <vector>

#include "domains/ledger_book/outcomes.h"
#include "domains/ledger_book/tables.h"
#include "kontor/base/bytes.h"
#include "kontor/bodies.h"
#include "kontor/ledger/packed.h"
#include "kontor/ledger_book_bodies.pb.h"
#include "kontor/machine/refuse.h"

namespace kontor::ledger_book {

using namespace machine;  // the frame's words

namespace {

static_assert(ledger::kStatusCount <= 256, "a status is one byte of a result");

constexpr std::int64_t kNsPerMs = 1'000'000;

// A merchant's book, with timestamps that are times: nanoseconds of the entry's UTC, and always above the
// last one given, whatever the clock did. Time-outs go by machine time, what is kept of failures by running
// time.
ledger::Ledger open_book(Context& context) {
    const std::int64_t last =
        load_integer(context.rows, machine::table::instance, last_ledger_timestamp_key());
    return {context.rows, static_cast<std::uint64_t>(context.now.machine_ms),
            static_cast<std::uint64_t>(std::max(context.now.utc_ms * kNsPerMs, last + 1)),
            ledger::book_of(context.scope.merchant_no, context.scope.livemode),
            static_cast<std::uint64_t>(context.now.running_ms)};
}

// After the last request of the command.
void close_book(Context& context, const ledger::Ledger& book) {
    store_integer(context.rows, machine::table::instance, last_ledger_timestamp_key(),
                  static_cast<std::int64_t>(book.next_timestamp() - 1));
}

pb::Result statuses_result(std::span<const ledger::Status> statuses) {
    pb::Result result;
    std::string& bytes = *result.mutable_ledger_statuses();
    bytes.reserve(statuses.size());
    for (const ledger::Status status : statuses) bytes.push_back(static_cast<char>(status));
    return result;
}

// Reused from batch to batch: a full one is 1.3 MB.
template <typename Row>
const std::vector<Row>& unpacked(const std::string& packed) {
    thread_local std::vector<Row> rows;
    KONTOR_ASSERT(ledger::unpack(packed, rows), "a command's batch was packed by this code");
    return rows;
}

}  // namespace

std::uint64_t weight_of_accounts(const pb::Command& command) {
    return std::max<std::uint64_t>(ledger::packed_count(body(command, pb::create_ledger_accounts).packed()),
                                   1);
}
std::uint64_t weight_of_transfers(const pb::Command& command) {
    return std::max<std::uint64_t>(ledger::packed_count(body(command, pb::create_ledger_transfers).packed()),
                                   1);
}

pb::Result create_ledger_accounts(Context& context, const pb::CreateLedgerAccounts& wanted) {
    ledger::Ledger book = open_book(context);
    const auto statuses = book.create_accounts(unpacked<ledger::Account>(wanted.packed()));
    close_book(context, book);
    return statuses_result(statuses);
}

pb::Result create_ledger_transfers(Context& context, const pb::CreateLedgerTransfers& wanted) {
    ledger::Ledger book = open_book(context);
    const auto& transfers = unpacked<ledger::Transfer>(wanted.packed());
    if (!book.has_room(transfers.size())) return refuse(outcome::too_many_failed_ids, {});
    const auto statuses = book.create_transfers(transfers);
    close_book(context, book);
    if (const auto& began = book.failed_began())
        context.due(DueClock::running, static_cast<std::int64_t>(began->drop_from_ms), kFailedIdsDue,
                    failed_ids_payload(context.scope, began->generation).view());
    if (statuses.size() == 1 && statuses[0] == ledger::Status::ok)
        context.ledger_timestamp = book.next_timestamp() - 1;
    return statuses_result(statuses);
}

std::size_t drop_failed_ids(Context& context, DueClock /*clock*/, std::string_view payload,
                            std::size_t limit) {
    ledger::Ledger book(context.rows, static_cast<std::uint64_t>(context.now.machine_ms), 0,
                        ledger::book_of(get_be64(payload), payload[8] != '\0'),
                        static_cast<std::uint64_t>(context.now.running_ms));
    return book.drop_failed(get_be64(payload.substr(9)), limit);
}

pb::Result set_ledger_account_frozen(Context& context, const pb::SetLedgerAccountFrozen& wanted) {
    const ledger::Status status =
        open_book(context).set_frozen({wanted.id_high(), wanted.id_low()}, wanted.frozen());
    return statuses_result({&status, 1});
}

pb::Result close_ledger_account(Context& context, const pb::CloseLedgerAccount& wanted) {
    const ledger::Status status = open_book(context).close_account({wanted.id_high(), wanted.id_low()});
    return statuses_result({&status, 1});
}

std::size_t expire_pending(Context& context, std::size_t limit) {
    return context.ledger.expire_pending(limit);
}
std::optional<std::int64_t> next_expiry(const store::Reader& rows) {
    const auto ms = ledger::next_expiry_ms(rows);
    return ms ? std::optional(static_cast<std::int64_t>(*ms)) : std::nullopt;
}

}  // namespace kontor::ledger_book
