#include "kontor/machine/chain.h"

#include "kontor/crypto/crypto.h"
#include "kontor/log.pb.h"

namespace kontor::machine {
namespace {

// Field numbers of Journal and Event (log.proto), frozen.
constexpr std::uint64_t kIdempotencyKey = 7, kEvents = 9, kChanges = 12, kSalt = 13, kDigest = 14;
constexpr std::uint64_t kObject = 3, kPrevious = 7;
// No field begins so: where the next event begins or ends, and the idempotency key among the images.
constexpr char kEventMark = '\0', kKeyMark = '\1';

[[noreturn]] void bad_row() {
    row_failure("journals", "a row does not parse");
}

std::uint64_t take_varint(std::string_view& bytes) {
    std::uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        number |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
        if (byte < 0x80U) return number;
    }
    bad_row();
}

// One field of a message after the other: number, contents (of one that has a length), and all of its bytes.
struct Field {
    std::uint64_t number = 0;
    std::string_view contents, whole;
};
template <typename Visit>
void each_field(std::string_view message, Visit visit) {
    while (!message.empty()) {
        std::string_view rest = message;
        const std::uint64_t tag = take_varint(rest);
        std::uint64_t size = 0;
        if (tag < 8) bad_row();  // field 0 is none
        if ((tag & 7U) == 2)
            size = take_varint(rest);
        else if ((tag & 7U) == 0)
            (void)take_varint(rest);
        else
            bad_row();  // the log's messages have no other kinds
        if (size > rest.size()) bad_row();
        const std::size_t end = message.size() - rest.size() + size;
        visit(Field{tag >> 3U, rest.substr(0, size), message.substr(0, end)});
        message.remove_prefix(end);
    }
}

}  // namespace

std::string row_salt(std::string_view batch_salt, Scope scope, std::uint64_t command_no) {
    return crypto::keyed_hash(batch_salt, Key().scope(scope).be64(command_no).view());
}

bool has_images(const pb::Journal& row) {
    return !row.events().empty() || !row.changes().empty() || !row.idempotency_key().empty();
}

void ChainHasher::split(std::string_view journal_row) {
    frame_.clear();
    images_.clear();
    salt_ = digest_ = {};
    each_field(journal_row, [&](const Field& field) {
        if (field.number == kSalt) {
            salt_ = field.contents;
        } else if (field.number == kDigest) {
            digest_ = field.contents;
        } else if (field.number == kIdempotencyKey) {
            images_ += kKeyMark;
            images_ += field.whole;
        } else if (field.number == kEvents || field.number == kChanges) {
            images_ += kEventMark;
            frame_ += field.whole[0];
            frame_ += kEventMark;
            each_field(field.contents, [&](const Field& inner) {
                (inner.number == kObject || inner.number == kPrevious ? images_ : frame_) += inner.whole;
            });
            frame_ += kEventMark;
        } else {
            frame_ += field.whole;
        }
    });
}

std::string ChainHasher::digest() {
    if (!digest_.empty()) return std::string(digest_);
    images_ += salt_;
    return crypto::sha256(images_);
}

std::string ChainHasher::image_digest(std::string_view journal_row) {
    split(journal_row);
    return digest();
}

std::string ChainHasher::hash(std::string_view journal_row) {
    split(journal_row);
    // Without images there is nothing to erase, and the frame says it all.
    if (!images_.empty()) frame_ += digest();
    std::string hash = crypto::sha256(frame_);
    hash.resize(kChainHashBytes);
    return hash;
}

}  // namespace kontor::machine
