// The source's side of a transfer: requests and answers over what the store gives for copies.

#include <algorithm>

#include "kontor/state_transfer/state_transfer.h"
#include "kontor/store/copy_source.h"
#include "state_wire.h"

namespace kontor::state_transfer {
namespace {

constexpr std::uint64_t kScanPerResponse = 32;  // bytes scanned for each byte that an answer may have

std::uint32_t clamp(std::uint32_t bytes) {
    return std::clamp(bytes, kMinStateResponseBytes, kMaxStateResponseBytes);
}

Result<std::string> begin(store::CopySource& source, const StateRequest& request) {
    KONTOR_TRY(store::CopyBegin from, source.begin(request.transfer));
    BeginBody body;
    body.layout = store::kLayoutVersion;
    body.partitions = from.partitions;
    body.bytes_estimate = from.bytes_estimate;
    body.checkpoint = std::move(from.checkpoint);
    body.tables = std::move(from.tables);
    return encode_begin(body);
}

Result<std::string> rows(store::CopySource& source, const StateRequest& request) {
    const std::size_t most = clamp(request.max_bytes);
    std::string body(1, '\0');
    const auto add = [&](std::string_view key, std::string_view row) {
        // At least one: the limit of an answer leaves room for the longest.
        if (body.size() > 1 && body.size() + key.size() + row.size() > most) return false;
        put_row(body, key, row);
        return true;
    };
    KONTOR_TRY(const bool at_end,
               source.rows(request.transfer, request.partition, request.tree, request.after, add));
    body[0] = at_end ? '\1' : '\0';
    return body;
}

Result<std::string> redo(store::CopySource& source, const StateRequest& request, StateStatus& status) {
    KONTOR_TRY(const store::CopyRedo from,
               source.redo(request.index, request.offset, clamp(request.max_bytes)));
    if (from.is_gone) {
        status = StateStatus::gone;
        return std::string("its redo files are gone");
    }
    return encode_redo({from.is_some, from.index, from.size, from.newest, from.remaining, from.piece});
}

Result<std::string> check(Result<store::CopyCheck> result) {
    KONTOR_TRY(const store::CopyCheck check, std::move(result));
    return encode_check(check);
}

Result<std::string> body_of(store::CopySource& source, const StateRequest& request, StateStatus& status) {
    if (auto failure = source.failure()) return fail(*std::move(failure));
    if (request.op == StateOp::begin) return begin(source, request);
    if (request.op == StateOp::end) {
        source.end(request.transfer);
        return std::string();
    }
    if (auto ended = source.renew(request.transfer, request.index)) {
        status = StateStatus::gone;
        return *std::move(ended);
    }
    switch (request.op) {
        case StateOp::rows:
            return rows(source, request);
        case StateOp::redo:
            return redo(source, request, status);
        case StateOp::check_begin:
            return check(source.check_begin(request.transfer, request.partition, request.index));
        case StateOp::check_step:
            return check(source.check_step(request.transfer, request.partition,
                                           clamp(request.max_bytes) * kScanPerResponse));
        default:
            return std::string();  // keep: the lease is renewed
    }
}

}  // namespace

Result<std::string> answer(store::CopySource& source, std::string_view bytes) {
    KONTOR_TRY(const StateRequest request, decode_request(bytes));
    StateAnswer answer;
    auto body = body_of(source, request, answer.status);
    if (body) {
        answer.body = *std::move(body);
    } else {
        answer.status = StateStatus::failed;
        answer.code = body.error().code;
        answer.body = body.error().message;
    }
    return encode_answer(bytes, answer);
}

}  // namespace kontor::state_transfer
