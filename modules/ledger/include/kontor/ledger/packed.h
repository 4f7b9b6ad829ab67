#pragma once
// Requests of a batch as columns: what a command carries through the log (docs/formats/packed.md).
//
// A column that is the same in all rows, or counts up by one, costs 9 bytes in all; any other takes as many
// bytes a row as its largest value needs. A transfer between two of a million accounts is about 8 bytes
// instead of 160, which is less to compress, sync and send.
//
// Pure. Errors: unpack_…() answers false for bytes that are no such batch. Limits: 1..kMaxBatch rows;
// kMaxPackedBytes.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/ledger/ledger.h"

namespace kontor::ledger {

// The worst case: every column of every transfer at its full width, and the head.
inline constexpr std::size_t kMaxPackedBytes = kMaxBatch * 128 + 64;

// All that a request may say; what only the ledger fills in (history, checksum) is left out.
[[nodiscard]] std::string pack(std::span<const Transfer> requests);
[[nodiscard]] std::string pack(std::span<const Account> requests);
// How many rows there are; 0: not a packed batch.
[[nodiscard]] std::size_t packed_count(std::string_view packed);
// Replaces `out`. Reuse it: nothing is allocated once it is large enough.
[[nodiscard]] bool unpack(std::string_view packed, std::vector<Transfer>& out);
[[nodiscard]] bool unpack(std::string_view packed, std::vector<Account>& out);

}  // namespace kontor::ledger
