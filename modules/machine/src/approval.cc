#include "kontor/machine/approval.h"

#include <algorithm>

#include "kontor/base/assert.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine/wire.h"

namespace kontor::machine {
namespace {

constexpr std::uint64_t kWithLength = 2;  // the wire type

bool is_secret(std::span<const CommandField> fields, std::uint64_t number) {
    return std::any_of(fields.begin(), fields.end(), [&](const CommandField& field) {
        return field.number.value == number && field.shown.value == Shown::secret;
    });
}

}  // namespace

std::string to_stored(const pb::Command& command) {
    pb::Command stored = command;
    stored.clear_idempotency_key();
    stored.clear_params_hash();
    stored.clear_expand();
    return stored.SerializeAsString();
}

std::string without_secrets(std::span<const CommandField> fields, const std::string& stored) {
    pb::Command command;
    bool is_whole = command.ParseFromString(stored);
    std::string left;
    is_whole &= each_field(stored, [&](const WireField& field) {
        if (field.number != command.kind()) {
            left += field.whole;
            return;
        }
        std::string body;
        is_whole &= each_field(field.contents, [&](const WireField& inner) {
            if (!is_secret(fields, inner.number)) body += inner.whole;
        });
        put_varint(left, (field.number << 3U) | kWithLength);
        put_varint(left, body.size());
        left += body;
    });
    KONTOR_ASSERT(is_whole, "a stored command does not parse");
    return left;
}

}  // namespace kontor::machine
