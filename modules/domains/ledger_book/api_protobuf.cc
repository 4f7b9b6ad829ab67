#include "domains/ledger_book/api_protobuf.h"

#include <google/protobuf/arena.h>

#include "kontor/ledger_api.pb.h"

namespace kontor::ledger_book {

using namespace surface;  // the routes' words
namespace {

namespace wire = kontor::ledger::v1;

ApiError not_parsed(std::string_view message) {
    return invalid("The body is not a kontor.ledger.v1." + std::string(message) +
                   " message; GET /v1/ledger.proto has it.");
}

std::optional<ApiError> check_count(int count, std::string_view list) {
    if (count == 0) return missing_parameter(std::string(list));
    if (static_cast<std::size_t>(count) > ledger::kMaxBatch)
        return invalid("A batch has at most " + std::to_string(ledger::kMaxBatch) + " items.",
                       std::string(list), "array_too_large");
    return std::nullopt;
}

ApiError too_large(std::string_view list, std::size_t item, std::string_view field) {
    const std::string name = std::string(list) + "[" + std::to_string(item) + "][" + std::string(field) + "]";
    return invalid("Invalid value: '" + name + "' must be an integer from 0 to 65535.", name,
                   "parameter_invalid");
}

void from_wire(const wire::Transfer& in, ledger::Transfer& out) {
    out.id = {in.id_high(), in.id_low()};
    out.debit_account = {in.debit_account_high(), in.debit_account_low()};
    out.credit_account = {in.credit_account_high(), in.credit_account_low()};
    out.amount = in.amount();
    out.pending_id = {in.pending_id_high(), in.pending_id_low()};
    out.user_data_128 = {in.user_data_128_high(), in.user_data_128_low()};
    out.user_data_64 = in.user_data_64();
    out.user_data_32 = in.user_data_32();
    out.timeout_s = in.timeout();
    out.ledger = in.ledger();
    out.code = static_cast<std::uint16_t>(in.code());
    out.flags = static_cast<std::uint16_t>(in.flags());
    out.timestamp = in.timestamp();
}
void from_wire(const wire::Account& in, ledger::Account& out) {
    out.id = {in.id_high(), in.id_low()};
    out.debits_pending = in.debits_pending();
    out.debits_posted = in.debits_posted();
    out.credits_pending = in.credits_pending();
    out.credits_posted = in.credits_posted();
    out.user_data_128 = {in.user_data_128_high(), in.user_data_128_low()};
    out.user_data_64 = in.user_data_64();
    out.user_data_32 = in.user_data_32();
    out.ledger = in.ledger();
    out.code = static_cast<std::uint16_t>(in.code());
    out.flags = static_cast<std::uint16_t>(in.flags());
    out.timestamp = in.timestamp();
}
void to_wire(const ledger::Transfer& in, wire::Transfer& out) {
    out.set_id_low(in.id.low);
    out.set_id_high(in.id.high);
    out.set_debit_account_low(in.debit_account.low);
    out.set_debit_account_high(in.debit_account.high);
    out.set_credit_account_low(in.credit_account.low);
    out.set_credit_account_high(in.credit_account.high);
    out.set_amount(in.amount);
    out.set_ledger(in.ledger);
    out.set_code(in.code);
    out.set_flags(in.flags);
    out.set_pending_id_low(in.pending_id.low);
    out.set_pending_id_high(in.pending_id.high);
    out.set_timeout(in.timeout_s);
    out.set_user_data_32(in.user_data_32);
    out.set_user_data_64(in.user_data_64);
    out.set_user_data_128_low(in.user_data_128.low);
    out.set_user_data_128_high(in.user_data_128.high);
    out.set_timestamp(in.timestamp);
}
void to_wire(const ledger::Transfer& in, const std::optional<ledger::PendingState>& state,
             wire::Transfer& out) {
    to_wire(in, out);
    if (!state) return;
    out.set_state(static_cast<std::uint32_t>(state->status));
    out.set_resolved_by_low(state->resolved_by.low);
    out.set_resolved_by_high(state->resolved_by.high);
}
void to_wire(const ledger::Account& in, wire::Account& out) {
    out.set_id_low(in.id.low);
    out.set_id_high(in.id.high);
    out.set_ledger(in.ledger);
    out.set_code(in.code);
    out.set_flags(in.flags);
    out.set_user_data_32(in.user_data_32);
    out.set_user_data_64(in.user_data_64);
    out.set_user_data_128_low(in.user_data_128.low);
    out.set_user_data_128_high(in.user_data_128.high);
    out.set_debits_pending(in.debits_pending);
    out.set_debits_posted(in.debits_posted);
    out.set_credits_pending(in.credits_pending);
    out.set_credits_posted(in.credits_posted);
    out.set_timestamp(in.timestamp);
}

// One arena a thread, kept with its first block: a batch's thousands of small messages cost no allocation.
google::protobuf::Arena& arena() {
    constexpr std::size_t kFirstBlockBytes = 1U << 20U;
    struct Kept {
        Kept() : block(std::make_unique_for_overwrite<char[]>(kFirstBlockBytes)) {
            google::protobuf::ArenaOptions options;
            options.initial_block = block.get();
            options.initial_block_size = kFirstBlockBytes;
            arena = std::make_unique<google::protobuf::Arena>(options);
        }
        std::unique_ptr<char[]> block;
        std::unique_ptr<google::protobuf::Arena> arena;
    };
    thread_local Kept kept;
    kept.arena->Reset();
    return *kept.arena;
}

template <typename Message, typename Row, typename Items>
std::optional<ApiError> read(std::string_view body, LedgerBatch<Row>& batch, std::string_view name,
                             std::string_view list, const Items& items_of) {
    auto* message = google::protobuf::Arena::CreateMessage<Message>(&arena());
    if (!message->ParseFromArray(body.data(), static_cast<int>(body.size()))) return not_parsed(name);
    const auto& items = items_of(*message);
    if (auto error = check_count(items.size(), list)) return error;
    batch.single = false;
    batch.rows.resize(static_cast<std::size_t>(items.size()));
    std::size_t i = 0;
    for (const auto& item : items) {
        if (item.code() > 0xFFFFU) return too_large(list, i, "code");
        if (item.flags() > 0xFFFFU) return too_large(list, i, "flags");
        from_wire(item, batch.rows[i++]);
    }
    return std::nullopt;
}

}  // namespace

std::optional<ApiError> read_protobuf(std::string_view body, LedgerBatch<ledger::Account>& batch) {
    return read<wire::CreateAccounts>(
        body, batch, "CreateAccounts", "accounts",
        [](const auto& message) -> const auto& { return message.accounts(); });
}

std::optional<ApiError> read_protobuf(std::string_view body, LedgerBatch<ledger::Transfer>& batch) {
    return read<wire::CreateTransfers>(
        body, batch, "CreateTransfers", "transfers",
        [](const auto& message) -> const auto& { return message.transfers(); });
}

std::optional<ApiError> read_protobuf(std::string_view body, std::vector<ledger::Id128>& ids) {
    wire::Ids message;
    if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) return not_parsed("Ids");
    if (auto error = check_count(message.ids_size(), "ids")) return error;
    ids.clear();
    for (const auto& id : message.ids()) ids.push_back({id.high(), id.low()});
    return std::nullopt;
}

std::string results_protobuf(std::string_view statuses) {
    wire::Results message;
    message.mutable_statuses()->Reserve(static_cast<int>(statuses.size()));
    for (const char status : statuses)
        message.mutable_statuses()->AddAlreadyReserved(static_cast<unsigned char>(status));
    return message.SerializeAsString();
}

std::string account_protobuf(const ledger::Account& account) {
    wire::Account message;
    to_wire(account, message);
    return message.SerializeAsString();
}
std::string transfer_protobuf(const ledger::Transfer& transfer,
                              const std::optional<ledger::PendingState>& state) {
    wire::Transfer message;
    to_wire(transfer, state, message);
    return message.SerializeAsString();
}
std::string accounts_protobuf(std::span<const ledger::Account> accounts, std::optional<ledger::Id128> next) {
    wire::Accounts message;
    for (const auto& account : accounts) to_wire(account, *message.add_accounts());
    if (next) {
        message.set_next_high(next->high);
        message.set_next_low(next->low);
    }
    return message.SerializeAsString();
}
std::string transfers_protobuf(std::span<const StatedTransfer> transfers, std::optional<ledger::Id128> next) {
    wire::Transfers message;
    for (const auto& transfer : transfers) to_wire(transfer.row, transfer.state, *message.add_transfers());
    if (next) {
        message.set_next_high(next->high);
        message.set_next_low(next->low);
    }
    return message.SerializeAsString();
}

}  // namespace kontor::ledger_book
