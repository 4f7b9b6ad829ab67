#pragma once
// Limits of the ledger API, besides ledger::kMaxBatch, and its published .proto.

#include <cstddef>
#include <string_view>

namespace kontor::ledger_book {

namespace ledger_limits {
inline constexpr std::size_t kPageDefault = 100;
inline constexpr std::size_t kPageMax = 1'000;
inline constexpr std::size_t kScanMax = 2'000;  // transfers a filtered page looks at before it asks to go on
inline constexpr std::size_t kScanPiece = 500;  // of those, in one read
inline constexpr std::size_t kLookupPiece = 512;  // rows read while apply() waits
}  // namespace ledger_limits

// kontor/ledger_api.proto as it is in the source.
[[nodiscard]] std::string_view ledger_proto_text();

}  // namespace kontor::ledger_book
