// The ledger API's commands: a merchant's own book. No journal and no events: at hundreds of thousands of
// transfers a second, the transfers are their own record.
#include <algorithm>
#include <vector>

#include "commands.h"
#include "kontor/base/bytes.h"
#include "kontor/ledger/packed.h"

namespace kontor::payments {
namespace {

static_assert(ledger::kStatusCount <= 256, "a status is one byte of a result");

constexpr std::int64_t kNsPerMs = 1'000'000;

// A merchant's book, with timestamps that are times: nanoseconds of the entry's UTC, and always above the
// last one given, whatever the clock did. Time-outs go by machine time.
ledger::Ledger open_book(Context& context) {
    const std::int64_t last = load_integer(context.rows, table::instance, last_ledger_timestamp_key());
    return {context.rows, static_cast<std::uint64_t>(context.now.machine_ms),
            static_cast<std::uint64_t>(std::max(context.now.utc_ms * kNsPerMs, last + 1)),
            ledger::book_of(context.scope.merchant_no, context.scope.livemode)};
}

// After the last request of the command.
void close_book(Context& context, const ledger::Ledger& book) {
    store_integer(context.rows, table::instance, last_ledger_timestamp_key(),
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

std::uint64_t command_weight(const pb::Command& command) {
    std::size_t rows = 0;
    if (command.body_case() == pb::Command::kCreateLedgerTransfers)
        rows = ledger::packed_count(command.create_ledger_transfers().packed());
    else if (command.body_case() == pb::Command::kCreateLedgerAccounts)
        rows = ledger::packed_count(command.create_ledger_accounts().packed());
    return std::max<std::uint64_t>(rows, 1);
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
    if (!book.has_room(transfers.size())) return refuse(pb::OUTCOME_TOO_MANY_FAILED_IDS, {});
    const auto statuses = book.create_transfers(transfers);
    close_book(context, book);
    if (const auto& began = book.failed_began())
        context.due(DueClock::machine, static_cast<std::int64_t>(began->drop_from_ms), DueKind::failed_ids,
                    Key().scope(context.scope).be64(began->generation).view());
    if (statuses.size() == 1 && statuses[0] == ledger::Status::ok)
        context.ledger_timestamp = book.next_timestamp() - 1;
    return statuses_result(statuses);
}

std::size_t drop_failed_ids(Context& context, std::string_view payload, std::size_t limit) {
    if (payload.size() != 8 + 1 + 8) row_failure("due", "a row of failed ids has another shape");
    ledger::Ledger book(context.rows, static_cast<std::uint64_t>(context.now.machine_ms), 0,
                        ledger::book_of(get_be64(payload), payload[8] != '\0'));
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

}  // namespace kontor::payments
