#include "idempotency.h"

#include <vector>

#include "kontor/base/bytes.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/log.pb.h"
#include "kontor/machine/audit.h"
#include "kontor/machine/frame.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/refuse.h"

namespace kontor::machine {
namespace {

constexpr std::size_t kRawKeyBytes = 200;
constexpr std::int64_t kBucketMs = 3600 * 1000;  // records expire by the hour: one due row for all of it

Key expiry_key(Scope scope, std::int64_t bucket_ms, std::uint64_t command_no) {
    return Key().scope(scope).be64(static_cast<std::uint64_t>(bucket_ms)).be64(command_no);
}

std::int64_t expires_ms(std::int64_t bucket_ms) {
    return bucket_ms + kBucketMs + limits::kIdempotencyKeepMs;
}
Key due_payload(Scope scope, std::int64_t bucket_ms) {
    return Key().scope(scope).be64(static_cast<std::uint64_t>(bucket_ms));
}

void expire_later(Context& context, Scope scope, std::uint64_t command_no, std::string_view row) {
    const std::int64_t bucket = context.now.running_ms / kBucketMs * kBucketMs;
    context.rows.put(table::idempotency_expiry, expiry_key(scope, bucket, command_no).view(), row);
    context.due(DueClock::running, expires_ms(bucket), kIdempotencyDue, due_payload(scope, bucket).view());
}

// True for outcomes that came from executing the command; false where the input was refused.
bool is_kept(const Registry& registry, std::uint32_t number) {
    const Outcome* outcome = registry.outcome(number);
    KONTOR_ASSERT(outcome, "a command ends in an outcome that some domain lists");
    return outcome->kept == Kept::yes;
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
            outcome::idempotency_mismatch,
            "Keys for idempotent requests can only be used with the same parameters they were first "
            "used with.");
    }
    if (!record->complete()) {
        return refuse(outcome::idempotency_in_use,
                      "There is currently another in-progress request using this idempotency key. Please try "
                      "again later.");
    }
    auto result = parse_row<pb::Result>(record->result(), "idempotency");
    result.set_replayed(true);
    return result;
}

void remember(Context& context, const pb::Result& result) {
    if (context.idempotency_row.empty() || context.lost_race || !is_kept(context.registry, result.outcome()))
        return;
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

std::size_t expire_idempotency(Context& context, DueClock /*clock*/, std::string_view payload,
                               std::size_t limit) {
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

// Each expiry row leads to a record of the same command, and there are as many records: so each has one.
void check_idempotency(Audit& audit) {
    std::uint64_t rows = 0, records = 0, sum = 0;
    audit.each(table::idempotency_expiry, [&](std::string_view key, std::string_view row) {
        if (key.size() != 8 + 1 + 8 + 8)
            return audit.broken({}, 0, "a row of idempotency_expiry has another shape");
        const Scope scope = scope_of(key);
        const std::uint64_t no = get_be64(key.substr(17));
        const auto bucket = static_cast<std::int64_t>(get_be64(key.substr(9)));
        const std::string where(row);
        ++rows;
        sum += no;
        const auto record = load<pb::IdempotencyRecord>(audit.rows, table::idempotency, row_key(where));
        if (!record || record->command_no() != no)
            audit.broken(scope, no, "is to be forgotten as an idempotency record, and has none");
        const Key due = due_key(kIdempotencyDue, DueClock::running, expires_ms(bucket))
                            .bytes(due_payload(scope, bucket).view());
        if (!audit.has(table::due, due)) audit.broken(scope, no, "its idempotency record is never forgotten");
    });
    std::uint64_t record_sum = 0;
    audit.each<pb::IdempotencyRecord>(table::idempotency, "idempotency",
                                      [&](std::string_view, const pb::IdempotencyRecord& record) {
                                          ++records;
                                          record_sum += record.command_no();
                                      });
    if (records == rows + 1)
        audit.broken({}, record_sum - sum, "its idempotency record has no row in idempotency_expiry");
    else if (records > rows)
        audit.broken(
            {}, 0, std::to_string(records - rows) + " idempotency records have no row in idempotency_expiry");
}

}  // namespace kontor::machine
