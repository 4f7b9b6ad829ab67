#include "state_wire.h"

#include <zstd.h>

#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "kontor/state_transfer/state_transfer.h"
#include "kontor/store/hashing.h"
#include "kontor/store/tables.h"

namespace kontor::state_transfer {
namespace {

constexpr std::string_view kRequestMagic = "KTQ1";
constexpr std::string_view kAnswerMagic = "KTA1";
constexpr std::size_t kAnswerHeadBytes = 20;
constexpr std::size_t kHashBytes = 16;
constexpr int kZstdLevel = 1;
constexpr std::size_t kMaxTablesSent = 254;

Unexpected not_a_request(const char* what) {
    return fail(ErrorCode::invalid_argument, std::string("no request for a transfer of the state: ") + what);
}
Unexpected bad_answer(const char* what) {
    return fail(ErrorCode::corruption, std::string("an answer of a transfer of the state: ") + what);
}

}  // namespace

std::string encode_request(const StateRequest& request) {
    std::string out(kRequestMagic);
    out.push_back(static_cast<char>(request.op));
    out.push_back(static_cast<char>(request.partition));
    out.push_back(static_cast<char>(request.tree));
    out.push_back(static_cast<char>(request.group));
    put_le(out, request.transfer);
    put_le(out, request.max_bytes);
    put_le(out, request.index);
    put_le(out, request.offset);
    put_le(out, static_cast<std::uint16_t>(request.after.size()));
    out += request.after;
    put_le(out, crc32c(out));
    return out;
}

Result<StateRequest> decode_request(std::string_view bytes) {
    if (bytes.size() > kMaxStateRequestSize) return not_a_request("too long");
    if (bytes.size() < 4 ||
        crc32c(bytes.substr(0, bytes.size() - 4)) != get_le<std::uint32_t>(bytes.substr(bytes.size() - 4)))
        return not_a_request("it does not match its checksum");
    ByteReader in(bytes.substr(0, bytes.size() - 4));
    if (in.take(4) != kRequestMagic) return not_a_request("another version");
    StateRequest request;
    const auto op = in.number<std::uint8_t>();
    request.op = static_cast<StateOp>(op);
    request.partition = in.number<std::uint8_t>();
    request.tree = in.number<std::uint8_t>();
    request.group = in.number<std::uint8_t>();
    request.transfer = in.number<std::uint64_t>();
    request.max_bytes = in.number<std::uint32_t>();
    request.index = in.number<std::uint64_t>();
    request.offset = in.number<std::uint64_t>();
    request.after = in.take(in.number<std::uint16_t>());
    if (!in.is_at_end()) return not_a_request("another length than it says");
    if (request.group != kFirstGroup)
        return fail(ErrorCode::unsupported, "a transfer of the state of group " +
                                                std::to_string(request.group) +
                                                ": this node has group 0 only");
    if (op < 1 || op > static_cast<std::uint8_t>(StateOp::end)) return not_a_request("unknown operation");
    if (request.after.size() > store::kMaxKeyBytes + 1) return not_a_request("impossible key");
    return request;
}

std::string encode_answer(std::string_view request, const StateAnswer& answer) {
    std::string packed(ZSTD_compressBound(answer.body.size()), '\0');
    const std::size_t size =
        ZSTD_compress(packed.data(), packed.size(), answer.body.data(), answer.body.size(), kZstdLevel);
    KONTOR_ASSERT(ZSTD_isError(size) == 0, "zstd refused a bounded buffer");
    const bool is_packed = size < answer.body.size();
    const std::string_view body =
        is_packed ? std::string_view(packed).substr(0, size) : std::string_view(answer.body);
    std::string out(kAnswerMagic);
    out.reserve(kAnswerHeadBytes + body.size() + kHashBytes);
    out.push_back(static_cast<char>(answer.status));
    out.push_back(static_cast<char>(answer.code));
    out.push_back(is_packed ? 1 : 0);
    out.push_back(0);
    put_le(out, crc32c(request));
    put_le(out, static_cast<std::uint32_t>(answer.body.size()));
    put_le(out, static_cast<std::uint32_t>(body.size()));
    out += body;
    const store::Hash128 hash = store::hash128(out, 0);
    put_le(out, hash.low);
    put_le(out, hash.high);
    return out;
}

Result<StateAnswer> decode_answer(std::string_view request, std::string_view bytes) {
    if (bytes.size() < kAnswerHeadBytes + kHashBytes) return bad_answer("it is too short");
    if (bytes.size() > kMaxStateResponseSize) return bad_answer("it is too long");
    const std::string_view signed_part = bytes.substr(0, bytes.size() - kHashBytes);
    const store::Hash128 hash = store::hash128(signed_part, 0);
    if (hash.low != get_le<std::uint64_t>(bytes.substr(signed_part.size())) ||
        hash.high != get_le<std::uint64_t>(bytes.substr(signed_part.size() + 8)))
        return bad_answer("it does not match its checksum");
    ByteReader in(signed_part);
    if (in.take(4) != kAnswerMagic) return bad_answer("another version");
    StateAnswer answer;
    const auto status = in.number<std::uint8_t>();
    const auto code = in.number<std::uint8_t>();
    const auto codec = in.number<std::uint8_t>();
    (void)in.number<std::uint8_t>();
    const auto asked = in.number<std::uint32_t>();
    const std::size_t plain = in.number<std::uint32_t>();
    const std::string_view body = in.take(in.number<std::uint32_t>());
    if (!in.is_at_end() || status > 2 || codec > 1 ||
        code > static_cast<std::uint8_t>(ErrorCode::exhausted) || plain > kMaxStateResponseSize)
        return bad_answer("it is put together wrongly");
    if (asked != crc32c(request)) return bad_answer("it is to another request");
    answer.status = static_cast<StateStatus>(status);
    answer.code = code == 0 ? ErrorCode::internal : static_cast<ErrorCode>(code);
    if (codec == 0) {
        answer.body = body;
        return answer;
    }
    answer.body.resize(plain);
    if (ZSTD_decompress(answer.body.data(), plain, body.data(), body.size()) != plain)
        return bad_answer("it cannot be unpacked");
    return answer;
}

void put_checkpoint(std::string& out, const store::CheckpointMeta& meta) {
    put_le(out, meta.index);
    put_le(out, meta.time_ms);
    KONTOR_ASSERT(meta.state_hash.size() == store::kStateHashBytes, "state hash length");
    out += meta.state_hash;
    put_le(out, static_cast<std::uint32_t>(meta.replication_meta.size()));
    out += meta.replication_meta;
}

store::CheckpointMeta get_checkpoint(ByteReader& in) {
    store::CheckpointMeta meta;
    meta.index = in.number<std::uint64_t>();
    meta.time_ms = in.number<std::int64_t>();
    meta.state_hash = in.take(store::kStateHashBytes);
    meta.replication_meta = in.take(in.number<std::uint32_t>());
    return meta;
}

std::string encode_begin(const BeginBody& body) {
    std::string out;
    put_le(out, body.layout);
    put_le(out, body.partitions);
    put_le(out, body.bytes_estimate);
    put_checkpoint(out, body.checkpoint);
    put_le(out, static_cast<std::uint16_t>(body.tables.size()));
    for (const store::TableSpec& spec : body.tables) {
        out.push_back(static_cast<char>(spec.id));
        out.push_back(static_cast<char>(spec.partition_key_bytes));
        out.push_back(spec.ordered ? 1 : 0);
        out.push_back(spec.appended ? 1 : 0);
    }
    return out;
}

Result<BeginBody> decode_begin(std::string_view bytes) {
    ByteReader in(bytes);
    BeginBody body;
    body.layout = in.number<std::uint32_t>();
    body.partitions = in.number<std::uint32_t>();
    body.bytes_estimate = in.number<std::uint64_t>();
    body.checkpoint = get_checkpoint(in);
    const auto count = in.number<std::uint16_t>();
    if (!in.is_good() || count > kMaxTablesSent || body.partitions == 0 ||
        body.partitions > store::kMaxPartitions ||
        body.checkpoint.replication_meta.size() > store::kMaxReplicationMetaBytes)
        return bad_answer("its beginning is impossible");
    for (unsigned i = 0; i < count; ++i) {
        store::TableSpec spec{in.number<std::uint8_t>(), {}, in.number<std::uint8_t>(), false, false};
        spec.ordered = in.number<std::uint8_t>() != 0;
        spec.appended = in.number<std::uint8_t>() != 0;
        body.tables.push_back(spec);
    }
    if (!in.is_at_end()) return bad_answer("its beginning has another length than it says");
    return body;
}

void put_row(std::string& out, std::string_view key, std::string_view stored) {
    put_le(out, static_cast<std::uint16_t>(key.size()));
    put_le(out, static_cast<std::uint32_t>(stored.size()));
    out += key;
    out += stored;
}

Result<RowsBody> decode_rows(std::string_view bytes) {
    ByteReader in(bytes);
    RowsBody body;
    body.is_last = in.number<std::uint8_t>() != 0;
    while (in.is_good() && !in.is_at_end()) {
        const auto key_bytes = in.number<std::uint16_t>();
        const auto stored_bytes = in.number<std::uint32_t>();
        store::StoredRow row;
        row.key = in.take(key_bytes);
        row.stored = in.take(stored_bytes);
        if (!in.is_good() || row.key.size() < 2 || row.key.size() > store::kMaxKeyBytes + 1 ||
            static_cast<store::TableId>(row.key[0]) >= store::kTreeNameTable)
            return bad_answer("impossible row");
        body.rows.push_back(row);
    }
    if (!in.is_good()) return bad_answer("no rows");
    return body;
}

std::string encode_redo(const RedoBody& body) {
    std::string out(1, body.is_some ? '\1' : '\0');
    put_le(out, body.index);
    put_le(out, body.size);
    put_le(out, body.newest);
    put_le(out, body.remaining);
    out += body.piece;
    return out;
}

Result<RedoBody> decode_redo(std::string_view bytes) {
    ByteReader in(bytes);
    RedoBody body;
    body.is_some = in.number<std::uint8_t>() != 0;
    body.index = in.number<std::uint64_t>();
    body.size = in.number<std::uint64_t>();
    body.newest = in.number<std::uint64_t>();
    body.remaining = in.number<std::uint64_t>();
    if (!in.is_good()) return bad_answer("no piece of a redo file");
    body.piece = in.rest();
    if (body.is_some && body.piece.empty()) return bad_answer("an empty piece of a redo file");
    return body;
}

std::string encode_check(const store::CopyCheck& check) {
    std::string out(1, static_cast<char>(check.state));
    put_le(out, check.index);
    put_le(out, static_cast<std::uint16_t>(check.why.size()));
    out += check.why;
    put_le(out, static_cast<std::uint16_t>(check.sums.size()));
    for (const auto& [table, sum] : check.sums) {
        out.push_back(static_cast<char>(table));
        put_le(out, sum.rows);
        put_le(out, sum.low);
        put_le(out, sum.high);
    }
    return out;
}

Result<store::CopyCheck> decode_check(std::string_view bytes) {
    ByteReader in(bytes);
    store::CopyCheck check;
    const auto state = in.number<std::uint8_t>();
    check.state = static_cast<store::CheckState>(state);
    check.index = in.number<std::uint64_t>();
    check.why = in.take(in.number<std::uint16_t>());
    const auto count = in.number<std::uint16_t>();
    for (unsigned i = 0; i < count && in.is_good(); ++i) {
        store::ContentSum& sum = check.sums[in.number<std::uint8_t>()];
        sum.rows = in.number<std::uint64_t>();
        sum.low = in.number<std::uint64_t>();
        sum.high = in.number<std::uint64_t>();
    }
    if (!in.is_at_end() || state > static_cast<std::uint8_t>(store::CheckState::ended))
        return bad_answer("no result of a comparison");
    return check;
}

}  // namespace kontor::state_transfer
