#include "kontor/machine/chain.h"

#include "kontor/crypto/crypto.h"
#include "kontor/log.pb.h"
#include "kontor/machine/wire.h"

namespace kontor::machine {
namespace {

// Field numbers of AuditRecord and Event (log.proto), frozen.
constexpr std::uint64_t kIdempotencyKey = 7, kEvents = 9, kChanges = 12, kSalt = 13, kDigest = 14,
                        kReason = 16;
constexpr std::uint64_t kObject = 3, kPrevious = 7;
// No field begins so: where the next event begins or ends; the idempotency key and the reason among the
// images.
constexpr char kEventMark = '\0', kKeyMark = '\1', kReasonMark = '\2';

}  // namespace

std::string row_salt(std::string_view batch_salt, Scope scope, std::uint64_t command_no) {
    return crypto::keyed_hash(batch_salt, Key().scope(scope).be64(command_no).view());
}

bool has_images(const pb::AuditRecord& row) {
    return !row.events().empty() || !row.changes().empty() || !row.idempotency_key().empty() ||
           !row.reason().empty();
}

void ChainHasher::split(std::string_view audit_record) {
    frame_.clear();
    images_.clear();
    salt_ = digest_ = {};
    bool is_whole = true;
    is_whole &= each_field(audit_record, [&](const WireField& field) {
        if (field.number == kSalt) {
            salt_ = field.contents;
        } else if (field.number == kDigest) {
            digest_ = field.contents;
        } else if (field.number == kIdempotencyKey) {
            images_ += kKeyMark;
            images_ += field.whole;
        } else if (field.number == kReason) {
            images_ += kReasonMark;
            images_ += field.whole;
        } else if (field.number == kEvents || field.number == kChanges) {
            images_ += kEventMark;
            frame_ += field.whole[0];
            frame_ += kEventMark;
            is_whole &= each_field(field.contents, [&](const WireField& inner) {
                (inner.number == kObject || inner.number == kPrevious ? images_ : frame_) += inner.whole;
            });
            frame_ += kEventMark;
        } else {
            frame_ += field.whole;
        }
    });
    if (!is_whole) row_failure("audit_records", "a row does not parse");
}

std::string ChainHasher::digest() {
    if (!digest_.empty()) return std::string(digest_);
    images_ += salt_;
    return crypto::sha256(images_);
}

std::string ChainHasher::image_digest(std::string_view audit_record) {
    split(audit_record);
    return digest();
}

std::string ChainHasher::hash(std::string_view audit_record) {
    split(audit_record);
    // Without images there is nothing to erase, and the frame says it all. Where all of them were erased,
    // their digest is left.
    if (!images_.empty() || !digest_.empty()) frame_ += digest();
    std::string hash = crypto::sha256(frame_);
    hash.resize(kChainHashBytes);
    return hash;
}

}  // namespace kontor::machine
