#include "kontor/machine/chain.h"

#include <google/protobuf/io/coded_stream.h>

#include "kontor/base/bytes.h"
#include "kontor/crypto/crypto.h"

namespace kontor::machine {
namespace {

using Input = google::protobuf::io::CodedInputStream;

// Field numbers of Journal and Event (log.proto), frozen.
constexpr std::uint32_t kEvents = 9, kChanges = 12, kSalt = 13, kDigest = 14;
constexpr std::uint32_t kObject = 3, kPrevious = 7;
constexpr char kEventMark = '\0';  // no field begins so: where the images of the next event begin

[[noreturn]] void bad_row() {
    row_failure("journals", "a row does not parse");
}

// One field of a message after the other: number, contents, and all of its bytes.
struct Field {
    std::uint32_t number = 0;
    std::string_view contents, whole;
};
template <typename Visit>
void each_field(std::string_view message, Visit visit) {
    Input input(reinterpret_cast<const std::uint8_t*>(message.data()), static_cast<int>(message.size()));
    for (std::size_t begin = 0; begin < message.size();) {
        const std::uint32_t tag = input.ReadTag();
        std::uint32_t size = 0;
        std::uint64_t number = 0;
        switch (tag & 7U) {
            case 0:
                if (tag == 0 || !input.ReadVarint64(&number)) bad_row();
                break;
            case 2:
                if (!input.ReadVarint32(&size) || size > message.size() ||
                    !input.Skip(static_cast<int>(size)))
                    bad_row();
                break;
            default:  // the log's messages have no other kinds
                bad_row();
        }
        const auto end = static_cast<std::size_t>(input.CurrentPosition());
        visit(Field{tag >> 3U, message.substr(end - size, size), message.substr(begin, end - begin)});
        begin = end;
    }
}

struct Parts {
    std::string frame, images;
    std::string_view salt, digest;
};

Parts split(std::string_view row) {
    Parts parts;
    parts.frame.reserve(row.size() + kDigestBytes);
    parts.images.reserve(row.size() + kSaltBytes);
    each_field(row, [&](const Field& field) {
        if (field.number == kSalt) {
            parts.salt = field.contents;
        } else if (field.number == kDigest) {
            parts.digest = field.contents;
        } else if (field.number == kEvents || field.number == kChanges) {
            parts.images += kEventMark;
            parts.frame += field.whole[0];
            parts.frame += kEventMark;
            each_field(field.contents, [&](const Field& inner) {
                (inner.number == kObject || inner.number == kPrevious ? parts.images : parts.frame) +=
                    inner.whole;
            });
            parts.frame += kEventMark;
        } else {
            parts.frame += field.whole;
        }
    });
    return parts;
}

std::string digest_of(Parts& parts) {
    if (!parts.digest.empty()) return std::string(parts.digest);
    parts.images += parts.salt;
    return crypto::sha256(parts.images);
}

}  // namespace

std::string row_salt(std::string_view batch_salt, Scope scope, std::uint64_t command_no) {
    const Key key = Key().bytes(batch_salt.substr(0, kSaltBytes)).scope(scope).be64(command_no);
    std::string salt = crypto::sha256(key.view());
    salt.resize(kSaltBytes);
    return salt;
}

std::string image_digest(std::string_view journal_row) {
    Parts parts = split(journal_row);
    return digest_of(parts);
}

std::string chain_hash(std::string_view journal_row) {
    Parts parts = split(journal_row);
    // Without events there is nothing to erase, and the frame says it all.
    if (!parts.images.empty()) parts.frame += digest_of(parts);
    std::string hash = crypto::sha256(parts.frame);
    hash.resize(kChainHashBytes);
    return hash;
}

}  // namespace kontor::machine
