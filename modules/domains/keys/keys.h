#pragma once
// API keys, by the SHA-256 of the key.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kontor/keys.pb.h"
#include "kontor/machine/links.h"

namespace kontor::keys {

// Also when revoked.
[[nodiscard]] std::optional<pb::ApiKey> find_api_key(const store::Reader&, std::string_view key_sha256);
// SHA-256 of the merchant's key with this number; "" when it has no such key.
[[nodiscard]] std::string api_key_hash(const store::Reader&, std::uint64_t merchant_no, std::uint64_t key_no);
// Of a merchant, oldest first, those behind `after_no`, at most `limit`.
[[nodiscard]] std::vector<pb::ApiKey> list_api_keys(const store::Reader&, std::uint64_t merchant_no,
                                                    std::uint64_t after_no = 0,
                                                    std::size_t limit = machine::kRelatedMax);

}  // namespace kontor::keys
