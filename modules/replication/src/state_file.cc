#include "state_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"

namespace kontor::replication {

namespace {

constexpr std::string_view kMagic = "KONTORST";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kSlotDistance = 4096;  // never in one sector
constexpr std::size_t kSlotBytes = 64;

struct Slot {
    std::uint64_t sequence = 0;
    NodeState state;
};

std::string encode(const Slot& slot) {
    std::string out;
    out.append(kMagic);
    put_le(out, kVersion);
    put_le(out, slot.sequence);
    put_le(out, slot.state.hard.term);
    put_le(out, slot.state.hard.vote);
    put_le(out, slot.state.node_id);
    out.append(slot.state.cluster.data(), slot.state.cluster.size());
    put_le(out, crc32c(out));
    KONTOR_ASSERT(out.size() == kSlotBytes, "state slot layout");
    return out;
}

std::optional<Slot> decode(std::string_view in) {
    if (in.size() < kSlotBytes || in.substr(0, 8) != kMagic) return std::nullopt;
    if (get_le<std::uint32_t>(in.substr(60)) != crc32c(in.substr(0, 60))) return std::nullopt;
    if (get_le<std::uint32_t>(in.substr(8)) != kVersion) return std::nullopt;
    Slot slot;
    slot.sequence = get_le<std::uint64_t>(in.substr(12));
    slot.state.hard.term = get_le<std::uint64_t>(in.substr(20));
    slot.state.hard.vote = get_le<std::uint64_t>(in.substr(28));
    slot.state.node_id = get_le<std::uint64_t>(in.substr(36));
    in.copy(slot.state.cluster.data(), slot.state.cluster.size(), 44);
    return slot;
}

std::string path_in(const std::string& folder) {
    return folder + "/state";
}

}  // namespace

Result<std::unique_ptr<StateFile>> StateFile::load(const std::string& folder, FileOps& files) {
    const std::string path = path_in(folder);
    if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return std::unique_ptr<StateFile>();
    KONTOR_TRY(File file, files.open(path, O_RDWR));
    std::optional<Slot> best;
    for (std::uint64_t i = 0; i < 2; ++i) {
        KONTOR_TRY(const std::string bytes, read_at(file, i * kSlotDistance, kSlotBytes));
        const auto slot = decode(bytes);
        if (slot && (!best || slot->sequence > best->sequence)) best = slot;
    }
    if (!best) return fail(ErrorCode::corruption, path + ": both slots are bad at offsets 0 and 4096");
    std::unique_ptr<StateFile> out(new StateFile(std::move(file), files));
    out->state_ = best->state;
    out->sequence_ = best->sequence;
    return out;
}

Result<std::unique_ptr<StateFile>> StateFile::create(const std::string& folder, FileOps& files,
                                                     const NodeState& state, std::uint64_t sequence) {
    const std::string temporary = path_in(folder) + ".tmp";
    KONTOR_TRY(File file, files.open(temporary, O_RDWR | O_CREAT | O_TRUNC));
    std::unique_ptr<StateFile> out(new StateFile(std::move(file), files));
    out->state_ = state;
    out->sequence_ = sequence;
    KONTOR_CHECK(out->write_slots());
    KONTOR_CHECK(files.rename(temporary, path_in(folder)));
    KONTOR_CHECK(files.sync_folder(folder));
    return out;
}

Result<void> StateFile::store(HardState hard) {
    if (hard == state_.hard) return {};
    state_.hard = hard;
    return write_slots();
}

Result<void> StateFile::renew(HardState hard, std::uint64_t sequence) {
    state_.hard = hard;
    sequence_ = std::max(sequence_, sequence);
    return write_slots();
}

Result<void> StateFile::write_slots() {
    const std::string bytes = encode({++sequence_, state_});
    for (std::uint64_t i = 0; i < 2; ++i) {
        KONTOR_CHECK(files_.write_at(file_, i * kSlotDistance, bytes));
        KONTOR_CHECK(files_.sync_data(file_));
    }
    return {};
}

}  // namespace kontor::replication
