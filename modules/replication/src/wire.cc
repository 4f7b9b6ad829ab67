#include "wire.h"

#include <optional>

#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"

namespace kontor::replication {

namespace {

constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kCrcAt = 4;

enum Flags : std::uint8_t { kDisruptLeader = 1, kPreVote = 2, kGranted = 4 };
constexpr std::uint8_t kEntryTypeBits = 0x03, kEntryHasTerm = 0x04;

std::uint32_t checksum(std::string_view frame, const ClusterId& cluster) {
    std::uint32_t crc = crc32c(std::string_view(cluster.data(), cluster.size()));
    crc = crc32c(frame.substr(0, kCrcAt), crc);
    return crc32c(frame.substr(kCrcAt + 4), crc);
}

std::uint8_t flags_of(const kontor_raft_message& header) {
    return static_cast<std::uint8_t>((header.disrupt_leader ? kDisruptLeader : 0) |
                                     (header.pre_vote ? kPreVote : 0) | (header.granted ? kGranted : 0));
}

std::uint8_t allowed_flags(int type) {
    if (type == KONTOR_RAFT_VOTE) return kDisruptLeader | kPreVote;
    if (type == KONTOR_RAFT_VOTE_RESULT) return kPreVote | kGranted;
    return 0;
}

void put_entries(std::string& out, const Message& message) {
    std::uint64_t term = message.header.term;
    for (const Entry& entry : message.entries) {
        KONTOR_ASSERT(entry.payload != nullptr, "an entry to send has its payload");
        const bool other_term = entry.term != term;
        out.push_back(static_cast<char>(static_cast<std::uint8_t>(entry.type) |
                                        (other_term ? kEntryHasTerm : std::uint8_t{0})));
        put_le(out, static_cast<std::uint32_t>(entry.payload->size()));
        if (other_term) put_le(out, entry.term);
        term = entry.term;
        out.append(*entry.payload);
    }
}

// Takes fields off the front; once something is missing, everything after it is 0 and ok() is false.
class Reader {
 public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}
    template <typename T>
    T get() {
        const std::string_view raw = take(sizeof(T));
        return raw.size() == sizeof(T) ? get_le<T>(raw) : T{0};
    }
    std::string_view take(std::size_t n) {
        if (n > rest_.size()) {
            ok_ = false;
            return {};
        }
        const std::string_view out = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return out;
    }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
    std::string_view rest_;
    bool ok_ = true;
};

const char* read_entries(Reader& in, Message& message) {
    std::uint64_t term = message.header.term;
    for (std::uint32_t i = 0; i < message.header.n_entries; ++i) {
        const auto kind = in.get<std::uint8_t>();
        const auto size = in.get<std::uint32_t>();
        if (!in.ok()) return "cut in an entry";
        if ((kind & ~(kEntryTypeBits | kEntryHasTerm)) != 0 || (kind & kEntryTypeBits) == 0) {
            return "unknown entry type";
        }
        if (size > kMaxEntryBytes) return "entry too large";
        if ((kind & kEntryHasTerm) != 0) {
            const auto other = in.get<std::uint64_t>();
            if (other == term) return "a term that is not needed";
            term = other;
        }
        const std::string_view payload = in.take(size);
        if (!in.ok()) return "cut in an entry";
        message.entries.push_back({term, static_cast<EntryType>(kind & kEntryTypeBits),
                                   std::make_shared<const std::string>(payload)});
    }
    return nullptr;
}

const char* read_body(Reader& in, Message& message) {
    kontor_raft_message& header = message.header;
    switch (header.type) {
        case KONTOR_RAFT_APPEND:
            header.log_index = in.get<std::uint64_t>();
            header.log_term = in.get<std::uint64_t>();
            header.leader_commit = in.get<std::uint64_t>();
            header.n_entries = in.get<std::uint32_t>();
            if (header.n_entries > kMaxFrameEntries) return "too many entries";
            return read_entries(in, message);
        case KONTOR_RAFT_APPEND_RESULT:
            header.rejected = in.get<std::uint64_t>();
            header.last_index = in.get<std::uint64_t>();
            header.features = in.get<std::uint16_t>();
            header.capacity = in.get<std::uint16_t>();
            return nullptr;
        case KONTOR_RAFT_VOTE:
            header.candidate = in.get<std::uint64_t>();
            header.log_index = in.get<std::uint64_t>();
            header.log_term = in.get<std::uint64_t>();
            return nullptr;
        case KONTOR_RAFT_VOTE_RESULT:
            header.features = in.get<std::uint16_t>();
            header.capacity = in.get<std::uint16_t>();
            return nullptr;
        case KONTOR_RAFT_INSTALL_SNAPSHOT:
            header.log_index = in.get<std::uint64_t>();
            header.log_term = in.get<std::uint64_t>();
            header.configuration_index = in.get<std::uint64_t>();
            return nullptr;
        case KONTOR_RAFT_TIMEOUT_NOW:
            header.log_index = in.get<std::uint64_t>();
            header.log_term = in.get<std::uint64_t>();
            return nullptr;
        default:
            return "unknown type";
    }
}

}  // namespace

std::string encode_message(const Message& message, const ClusterId& cluster) {
    const kontor_raft_message& header = message.header;
    std::string out;
    std::size_t size = kHeaderBytes + 32;
    for (const Entry& entry : message.entries) size += entry.payload->size() + 13;
    out.reserve(size);
    out.push_back(static_cast<char>(kPeerFormatVersion));
    out.push_back(static_cast<char>(header.type));
    out.push_back(static_cast<char>(flags_of(header)));
    out.push_back(static_cast<char>(header.version));
    put_le(out, std::uint32_t{0});
    put_le(out, header.term);
    switch (header.type) {
        case KONTOR_RAFT_APPEND:
            KONTOR_ASSERT(header.n_entries == message.entries.size(), "an append has its entries");
            KONTOR_ASSERT(message.entries.size() <= kMaxFrameEntries, "entries of one frame");
            put_le(out, header.log_index);
            put_le(out, header.log_term);
            put_le(out, header.leader_commit);
            put_le(out, header.n_entries);
            put_entries(out, message);
            break;
        case KONTOR_RAFT_APPEND_RESULT:
            put_le(out, header.rejected);
            put_le(out, header.last_index);
            put_le(out, header.features);
            put_le(out, header.capacity);
            break;
        case KONTOR_RAFT_VOTE:
            put_le(out, header.candidate);
            put_le(out, header.log_index);
            put_le(out, header.log_term);
            break;
        case KONTOR_RAFT_VOTE_RESULT:
            put_le(out, header.features);
            put_le(out, header.capacity);
            break;
        case KONTOR_RAFT_INSTALL_SNAPSHOT:
            put_le(out, header.log_index);
            put_le(out, header.log_term);
            put_le(out, header.configuration_index);
            break;
        default:
            KONTOR_ASSERT(header.type == KONTOR_RAFT_TIMEOUT_NOW, "message type");
            put_le(out, header.log_index);
            put_le(out, header.log_term);
    }
    const std::uint32_t crc = checksum(out, cluster);
    std::memcpy(out.data() + kCrcAt, &crc, sizeof crc);
    return out;
}

Result<Message> decode_message(std::string_view frame, std::uint64_t from, const ClusterId& cluster) {
    const auto bad = [](const char* what) {
        return fail(ErrorCode::corruption, std::string("frame of a peer: ") + what);
    };
    if (frame.size() < kHeaderBytes) return bad("cut");
    if (frame.size() > kMaxPeerFrameBytes) return bad("too long");
    if (static_cast<std::uint8_t>(frame[0]) != kPeerFormatVersion) return bad("unknown version");
    if (get_le<std::uint32_t>(frame.substr(kCrcAt)) != checksum(frame, cluster)) return bad("bad checksum");
    Message message;
    kontor_raft_message& header = message.header;
    header.type = static_cast<std::uint8_t>(frame[1]);
    header.version = static_cast<std::uint8_t>(frame[3]);
    header.peer = from;
    message.peer_address = "node-" + std::to_string(from);
    const auto flags = static_cast<std::uint8_t>(frame[2]);
    if ((flags & ~allowed_flags(header.type)) != 0) return bad("unknown flags");
    header.disrupt_leader = (flags & kDisruptLeader) != 0;
    header.pre_vote = (flags & kPreVote) != 0;
    header.granted = (flags & kGranted) != 0;
    Reader in(frame.substr(8));
    header.term = in.get<std::uint64_t>();
    if (const char* problem = read_body(in, message); problem != nullptr) return bad(problem);
    if (!in.ok()) return bad("cut");
    if (!in.at_end()) return bad("bytes after the end");
    if (const char* problem = problem_of(message); problem != nullptr) return bad(problem);
    return message;
}

std::vector<Message> split_append(Message message, std::size_t max_bytes) {
    std::vector<Message> out;
    std::size_t bytes = 0;
    for (const Entry& entry : message.entries) {
        const std::size_t size = entry.payload->size();
        if (out.empty() || bytes + size > max_bytes || out.back().entries.size() == kMaxFrameEntries) {
            Message next;
            next.header = message.header;
            next.peer_address = message.peer_address;
            if (!out.empty()) {
                const Message& before = out.back();
                next.header.log_index = before.header.log_index + before.entries.size();
                next.header.log_term = before.entries.back().term;
            }
            next.header.n_entries = 0;
            out.push_back(std::move(next));
            bytes = 0;
        }
        out.back().entries.push_back(entry);
        ++out.back().header.n_entries;
        bytes += size;
    }
    if (out.empty()) out.push_back(std::move(message));
    return out;
}

}  // namespace kontor::replication
