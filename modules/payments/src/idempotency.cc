#include "idempotency.h"

#include <vector>

#include "commands.h"
#include "kontor/base/bytes.h"
#include "kontor/crypto/crypto.h"
#include "kontor/payments/json.h"
#include "kontor/payments/limits.h"

namespace kontor::payments {
namespace {

constexpr std::size_t kRawKeyBytes = 200;
constexpr std::int64_t kBucketMs = 3600 * 1000;  // records expire by the hour: one due row for all of it

Key expiry_key(Scope scope, std::int64_t bucket_ms, std::uint64_t command_no) {
    return Key().scope(scope).be64(static_cast<std::uint64_t>(bucket_ms)).be64(command_no);
}

void expire_later(Context& context, Scope scope, std::uint64_t command_no, std::string_view row) {
    const std::int64_t bucket = context.now.machine_ms / kBucketMs * kBucketMs;
    context.rows.put(table::idempotency_expiry, expiry_key(scope, bucket, command_no).view(), row);
    context.due(DueClock::machine, bucket + kBucketMs + limits::kIdempotencyKeepMs, DueKind::idempotency,
                Key().scope(scope).be64(static_cast<std::uint64_t>(bucket)).view());
}

Key row_key(std::string_view bytes) {
    return Key().bytes(bytes);
}

}  // namespace

Key idempotency_key(Scope scope, std::string_view key) {
    Key out = Key().scope(scope);
    if (key.size() <= kRawKeyBytes) return out.bytes(key);
    return out.bytes(key.substr(0, kRawKeyBytes)).bytes(crypto::sha256(key));
}

std::optional<pb::Result> replay(Context& context) {
    const pb::Command& command = context.command;
    const Key key = idempotency_key(context.scope, command.idempotency_key());
    context.idempotency_row = std::string(key.view());
    const auto record = load<pb::IdempotencyRecord>(context.rows, table::idempotency, key);
    if (!record) return std::nullopt;
    if (record->params_hash() != command.params_hash()) {
        // What to do instead, with the key made printable, is said where the answer is written.
        return refuse(
            pb::OUTCOME_IDEMPOTENCY_MISMATCH,
            "Keys for idempotent requests can only be used with the same parameters they were first "
            "used with.");
    }
    if (!record->complete()) {
        return refuse(pb::OUTCOME_IDEMPOTENCY_IN_USE,
                      "There is currently another in-progress request using this idempotency key. Please try "
                      "again later.");
    }
    auto result = parse_row<pb::Result>(record->result(), "idempotency");
    result.set_replayed(true);
    return result;
}

void remember(Context& context, const pb::Result& result) {
    if (context.idempotency_row.empty() || context.lost_race || !is_kept(result.outcome())) return;
    pb::IdempotencyRecord record;
    record.set_params_hash(context.command.params_hash());
    record.set_complete(result.waiting_on() == 0);
    if (record.complete()) result.SerializeToString(record.mutable_result());
    record.set_created_ms(context.now.utc_ms);
    record.set_command_no(context.command_no());
    context.put(table::idempotency, row_key(context.idempotency_row), record);
    expire_later(context, context.scope, context.command_no(), context.idempotency_row);
}

void complete_idempotency(Context& context, const std::string& row, const pb::Result& result) {
    auto record = load<pb::IdempotencyRecord>(context.rows, table::idempotency, row_key(row));
    KONTOR_ASSERT(record && !record->complete(), "a command under way keeps its idempotency record open");
    record->set_complete(true);
    result.SerializeToString(record->mutable_result());
    context.put(table::idempotency, row_key(row), *record);
}

bool is_kept(pb::Outcome outcome) {
    switch (outcome) {
        case pb::OUTCOME_OK:
        case pb::OUTCOME_CARD_DECLINED:
        case pb::OUTCOME_INSUFFICIENT_FUNDS:
        case pb::OUTCOME_UNEXPECTED_STATE:
        case pb::OUTCOME_AMOUNT_TOO_LARGE:
        case pb::OUTCOME_ALREADY_CAPTURED:
        case pb::OUTCOME_ALREADY_REFUNDED:
        case pb::OUTCOME_REFUND_TOO_LARGE:
        case pb::OUTCOME_CHARGE_NOT_REFUNDABLE:
        case pb::OUTCOME_BALANCE_INSUFFICIENT:
        case pb::OUTCOME_ALREADY_EXISTS:
        case pb::OUTCOME_PROCESSING_ERROR:
        case pb::OUTCOME_LEDGER_REFUSED:
            return true;
        default:
            return false;
    }
}

void expand(const Context& context, const google::protobuf::RepeatedPtrField<std::string>& paths,
            pb::Result& result) {
    if (paths.empty()) return;
    resolve_expansion(context.rows, context.scope, {paths.begin(), paths.end()}, result);
}

std::size_t expire_idempotency(Context& context, std::string_view payload, std::size_t limit) {
    if (payload.size() != 8 + 1 + 8) row_failure("due", "an idempotency row has another shape");
    const Scope scope{get_be64(payload), payload[8] != '\0'};
    const auto bucket = static_cast<std::int64_t>(get_be64(payload.substr(9)));
    std::vector<std::pair<std::string, std::string>> found;
    const Key low = expiry_key(scope, bucket, 0);
    const Key high = expiry_key(scope, bucket + 1, 0);
    context.rows.scan(table::idempotency_expiry, low.view(), high.view(), store::Direction::ascending,
                      [&](std::string_view key, std::string_view row) {
                          found.emplace_back(key, row);
                          return found.size() < limit;
                      });
    for (const auto& [key, row] : found) {
        context.rows.erase(table::idempotency_expiry, key);
        const auto record = load<pb::IdempotencyRecord>(context.rows, table::idempotency, row_key(row));
        if (!record) continue;
        if (record->complete()) {
            context.rows.erase(table::idempotency, row);
        } else {  // the channel has not answered in a day: as long as it is asked, the key stays taken
            expire_later(context, scope, record->command_no(), row);
        }
    }
    return found.size();
}

}  // namespace kontor::payments
