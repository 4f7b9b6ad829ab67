#include "domains/balances/postings.h"

#include <algorithm>
#include <limits>

#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"

namespace kontor::balances {

using namespace machine;  // the frame's words

std::uint32_t ledger_of(Scope scope, std::uint32_t currency) {
    return ledger::ledger_number(static_cast<std::uint16_t>(currency), scope.livemode);
}

Chain::Chain(Context& context, Scope scope, std::uint32_t currency, std::uint64_t about_no)
    : context_(context), scope_(scope), ledger_(ledger_of(scope, currency)), about_no_(about_no) {
    transfers_.reserve(4);
    accounts_.reserve(8);
}

ledger::Id128 Chain::move(TransferCode code, AccountRef debit, AccountRef credit, std::int64_t amount,
                          bool reserve) {
    KONTOR_ASSERT(amount > 0, "a movement has a positive amount");
    ledger::Transfer transfer;
    transfer.id = transfer_id(context_.next_no());
    transfer.debit_account = ledger::system_account(debit.kind, ledger_, debit.owner);
    transfer.credit_account = ledger::system_account(credit.kind, ledger_, credit.owner);
    transfer.amount = static_cast<std::uint64_t>(amount);
    transfer.user_data_64 = about_no_;
    transfer.ledger = ledger_;
    transfer.code = static_cast<std::uint16_t>(code);
    if (reserve) transfer.flags = ledger::pending;
    accounts_.push_back(debit);
    accounts_.push_back(credit);
    transfers_.push_back(transfer);
    return transfer.id;
}

void Chain::post(ledger::Id128 pending, std::int64_t amount) {
    KONTOR_ASSERT(amount > 0, "a movement has a positive amount");
    ledger::Transfer transfer;
    transfer.id = transfer_id(context_.next_no());
    transfer.pending_id = pending;
    transfer.amount = static_cast<std::uint64_t>(amount);
    transfer.user_data_64 = about_no_;
    transfer.flags = ledger::post_pending;
    transfers_.push_back(transfer);
}

void Chain::release(ledger::Id128 pending) {
    ledger::Transfer transfer;
    transfer.id = transfer_id(context_.next_no());
    transfer.pending_id = pending;
    transfer.user_data_64 = about_no_;
    transfer.flags = ledger::void_pending;
    transfers_.push_back(transfer);
}

ledger::Status Chain::run() {
    if (transfers_.empty()) return ledger::Status::ok;
    auto outcome = context_.ledger.create_linked(transfers_);
    if (outcome.status == ledger::Status::debit_account_not_found ||
        outcome.status == ledger::Status::credit_account_not_found) {
        // Only the first time: asking before every movement would cost a look-up an account.
        for (const AccountRef& account : accounts_) {
            context_.ledger.ensure_account(ledger::system_account_row(account.kind, ledger_, account.owner));
        }
        outcome = context_.ledger.create_linked(transfers_);
    }
    if (outcome.status != ledger::Status::ok) return outcome.status;
    pb::AuditRecord& audit_record = context_.audit_record(scope_);
    for (const ledger::Transfer& transfer : transfers_) audit_record.add_transfer_ids(id_bytes(transfer.id));
    return outcome.status;
}

std::int64_t available(const store::Reader& rows, Scope scope, std::uint32_t currency, AccountRef account) {
    const auto row = ledger::find_account(
        rows, ledger::system_account(account.kind, ledger_of(scope, currency), account.owner));
    if (!row) return 0;
    // More than 63 bits are more than any balance shows; refusing on the safe side needs no exact figure.
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return static_cast<std::int64_t>(std::min(ledger::available_to_debit(*row), kMost));
}

AccountRef payer(const pb::Charge& charge) {
    if (charge.account_no() != 0) return channel_receivable(charge.account_no());
    KONTOR_ASSERT(charge.customer_no() != 0, "money comes from a channel or from a customer's wallet");
    return {ledger::AccountKind::customer_wallet, charge.customer_no()};
}
AccountRef channel_receivable(std::uint64_t account_no) {
    return of_platform(ledger::AccountKind::channel_receivable, account_no);
}
AccountRef channel_suspense(std::uint64_t account_no) {
    return of_platform(ledger::AccountKind::suspense, account_no);
}

ledger::Id128 transfer_id(std::uint64_t no) {
    return {ledger::kSystemAccountBit, no};
}

std::string id_bytes(ledger::Id128 id) {
    std::string out;
    out.reserve(16);
    put_be64(out, id.high);
    put_be64(out, id.low);
    return out;
}

ledger::Id128 id_from_bytes(std::string_view bytes) {
    KONTOR_ASSERT(bytes.size() == 16, "a transfer id has 16 bytes");
    return {get_be64(bytes), get_be64(bytes.substr(8))};
}

}  // namespace kontor::balances
