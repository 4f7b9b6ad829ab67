#pragma once
// The chain of audit records: each names the hash of the row before it (docs/adr/0018).
//
// A row's hash runs over its *frame* and the digest of its *images*. The images are what may be about a
// person: the objects of its events and changes, their earlier values, and the idempotency key, which
// merchants make of what they like. The frame is the rest. The digest is salted with bytes that are kept in
// the row: erasing the images and the salt, and keeping the digest, leaves the chain as it was, and nobody
// can find by trying what the images said.
//
// Threading: values. Errors: bytes that are no audit record throw RowFailure, as wherever a row does not
// parse. Limits: a hasher keeps the memory of the largest row that it has seen.

#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/machine/rows.h"

namespace kontor::pb {
class AuditRecord;
}

namespace kontor::machine {

inline constexpr std::size_t kSaltBytes = 16;  // of a batch, and of a row
inline constexpr std::size_t kDigestBytes = 32;
inline constexpr std::size_t kChainHashBytes = 16;

// Of one row, out of the batch's: the salts of other rows do not tell it.
[[nodiscard]] std::string row_salt(std::string_view batch_salt, Scope scope, std::uint64_t command_no);

// Whether there is something to erase: such a row has a salt.
[[nodiscard]] bool has_images(const pb::AuditRecord& row);

// Reuses its memory from row to row.
class ChainHasher {
 public:
    // What the next row of the same merchant and mode has as previous_hash.
    [[nodiscard]] std::string hash(std::string_view audit_record);
    // Of the images in a serialized row, with the row's salt; the kept one where they were erased.
    [[nodiscard]] std::string image_digest(std::string_view audit_record);

 private:
    void split(std::string_view audit_record);
    [[nodiscard]] std::string digest();

    std::string frame_, images_;
    std::string_view salt_, digest_;
};

}  // namespace kontor::machine
