#include "snapshot_meta.h"

#include "configuration.h"
#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"

namespace kontor::replication {

namespace {
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kFixedBytes = 32;  // before the configuration; the CRC follows it
}  // namespace

std::string encode_snapshot_meta(const SnapshotMeta& meta) {
    std::string out;
    put_le(out, kVersion);
    put_le(out, meta.index);
    put_le(out, meta.term);
    put_le(out, meta.configuration_index);
    put_le(out, static_cast<std::uint32_t>(meta.configuration.size()));
    out.append(meta.configuration);
    put_le(out, crc32c(out));
    return out;
}

Result<SnapshotMeta> decode_snapshot_meta(std::string_view bytes) {
    const auto bad = [](const char* what) {
        return fail(ErrorCode::corruption, std::string("checkpoint meta: ") + what);
    };
    if (bytes.size() < kFixedBytes + 4) return bad("cut");
    if (get_le<std::uint32_t>(bytes.substr(bytes.size() - 4)) != crc32c(bytes.substr(0, bytes.size() - 4))) {
        return bad("bad checksum");
    }
    if (get_le<std::uint32_t>(bytes) != kVersion) return bad("unknown version");
    SnapshotMeta meta;
    meta.index = get_le<std::uint64_t>(bytes.substr(4));
    meta.term = get_le<std::uint64_t>(bytes.substr(12));
    meta.configuration_index = get_le<std::uint64_t>(bytes.substr(20));
    if (get_le<std::uint32_t>(bytes.substr(28)) != bytes.size() - kFixedBytes - 4) return bad("wrong length");
    meta.configuration = std::string(bytes.substr(kFixedBytes, bytes.size() - kFixedBytes - 4));
    if (meta.index == 0 || meta.term == 0 || meta.configuration_index == 0) return bad("a field is zero");
    if (meta.configuration_index > meta.index) return bad("the configuration is newer than the checkpoint");
    KONTOR_CHECK([&]() -> Result<void> {
        KONTOR_TRY([[maybe_unused]] auto decoded, decode_configuration(meta.configuration));
        return {};
    }());
    return meta;
}

}  // namespace kontor::replication
