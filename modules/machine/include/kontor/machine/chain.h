#pragma once
// The chain of journal rows: each names the hash of the row before it (docs/adr/0018).
//
// A row's hash runs over its *frame* and the digest of its *images*. The images are what may be about a
// person: the objects of its events and changes, and their earlier values. The frame is the rest. The digest
// is salted with bytes that are kept in the row: whoever erases the images and the salt, and keeps the
// digest, leaves the chain as it was, and nobody can find by trying what the images said.
//
// Errors: bytes that are no journal row throw, as wherever a row does not parse.

#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/machine/rows.h"

namespace kontor::machine {

inline constexpr std::size_t kSaltBytes = 16;
inline constexpr std::size_t kDigestBytes = 32;
inline constexpr std::size_t kChainHashBytes = 16;

// Of one row, out of the batch's: the salts of other rows do not tell it.
[[nodiscard]] std::string row_salt(std::string_view batch_salt, Scope scope, std::uint64_t command_no);
// Of the images in a serialized row, with the row's salt; the kept one where they were erased.
[[nodiscard]] std::string image_digest(std::string_view journal_row);
// What the next row of the same merchant and mode has as previous_hash.
[[nodiscard]] std::string chain_hash(std::string_view journal_row);

}  // namespace kontor::machine
