#include "entry.h"

#include <zstd.h>

#include <memory>

#include "kontor/log.pb.h"

namespace kontor::node {
namespace {
constexpr char kPlain = 0;
constexpr char kZstd = 1;
constexpr int kLevel = 1;  // faster than the disk, and halves the bytes

ZSTD_CCtx* compressor() {
    thread_local const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                                    &ZSTD_freeCCtx);
    return context.get();
}
ZSTD_DCtx* decompressor() {
    thread_local const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                                    &ZSTD_freeDCtx);
    return context.get();
}
}  // namespace

void append_command(std::string& batch, std::string_view command) {
    constexpr char kCommandsTag = (pb::Batch::kCommandsFieldNumber << 3) | 2;  // length-delimited
    batch.push_back(kCommandsTag);
    std::size_t left = command.size();
    for (; left >= 0x80; left >>= 7U) batch.push_back(static_cast<char>(left | 0x80U));
    batch.push_back(static_cast<char>(left));
    batch.append(command);
}

std::string encode_entry(std::string_view plain) {
    KONTOR_ASSERT(plain.size() <= kMaxBatchBytes, "the proposer bounds its batches");
    std::string out;
    if (plain.size() < kPlainBelowBytes) {
        out.reserve(plain.size() + 1);
        out.push_back(kPlain);
        out.append(plain);
        return out;
    }
    out.resize(1 + ZSTD_compressBound(plain.size()));
    out[0] = kZstd;
    const std::size_t n =
        ZSTD_compressCCtx(compressor(), out.data() + 1, out.size() - 1, plain.data(), plain.size(), kLevel);
    KONTOR_ASSERT(!ZSTD_isError(n), "zstd refused a bounded buffer");
    out.resize(1 + n);
    return out;
}

Result<void> decode_entry(std::string_view payload, pb::Batch& batch) {
    if (payload.empty()) return fail(ErrorCode::corruption, "log entry is empty");
    const std::string_view body = payload.substr(1);
    bool parsed = false;
    if (payload[0] == kPlain) {
        parsed = batch.ParseFromArray(body.data(), static_cast<int>(body.size()));
    } else if (payload[0] == kZstd) {
        const unsigned long long size = ZSTD_getFrameContentSize(body.data(), body.size());
        if (size > kMaxBatchBytes) return fail(ErrorCode::corruption, "log entry claims an impossible size");
        std::string plain(static_cast<std::size_t>(size), '\0');
        const std::size_t n =
            ZSTD_decompressDCtx(decompressor(), plain.data(), plain.size(), body.data(), body.size());
        if (ZSTD_isError(n) || n != plain.size())
            return fail(ErrorCode::corruption, "log entry does not decompress");
        parsed = batch.ParseFromString(plain);
    } else {
        return fail(ErrorCode::unsupported,
                    "log entry of an unknown form; was it written by a newer version?");
    }
    if (!parsed) return fail(ErrorCode::corruption, "log entry does not parse");
    return {};
}

}  // namespace kontor::node
