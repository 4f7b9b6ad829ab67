#include "sink_state.h"

#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "kontor/store/tables.h"
#include "state_wire.h"

namespace kontor::state_transfer {
namespace {

constexpr std::string_view kMagic = "KTRN";
constexpr std::uint32_t kVersion = 1;

}  // namespace

std::string encode_state(const SinkState& state) {
    std::string out(kMagic);
    put_le(out, kVersion);
    put_le(out, static_cast<std::uint32_t>(state.phase));
    put_le(out, state.partitions);
    put_le(out, state.partition);
    put_le(out, state.tree);
    put_le(out, state.transfer);
    put_le(out, state.base_index);
    put_le(out, state.bytes_done);
    put_le(out, state.bytes_estimate);
    put_checkpoint(out, state.at);
    put_le(out, crc32c(out));
    return out;
}

std::optional<SinkState> decode_state(std::string_view bytes) {
    if (bytes.size() < 4) return std::nullopt;
    const std::string_view body = bytes.substr(0, bytes.size() - 4);
    if (crc32c(body) != get_le<std::uint32_t>(bytes.substr(body.size()))) return std::nullopt;
    ByteReader in(body);
    if (in.take(4) != kMagic || in.number<std::uint32_t>() != kVersion) return std::nullopt;
    SinkState state;
    const auto phase = in.number<std::uint32_t>();
    state.phase = static_cast<StateTransferPhase>(phase);
    state.partitions = in.number<std::uint32_t>();
    state.partition = in.number<std::uint32_t>();
    state.tree = in.number<std::uint32_t>();
    state.transfer = in.number<std::uint64_t>();
    state.base_index = in.number<std::uint64_t>();
    state.bytes_done = in.number<std::uint64_t>();
    state.bytes_estimate = in.number<std::uint64_t>();
    state.at = get_checkpoint(in);
    const bool is_some = phase >= static_cast<std::uint32_t>(StateTransferPhase::rows) &&
                         phase <= static_cast<std::uint32_t>(StateTransferPhase::finishing);
    if (!in.is_at_end() || !is_some || state.partitions == 0 || state.partitions > store::kMaxPartitions ||
        state.partition > state.partitions)
        return std::nullopt;
    return state;
}

}  // namespace kontor::state_transfer
