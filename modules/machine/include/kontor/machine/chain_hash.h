#pragma once
// The link between a journal row and the next.

#include <string>
#include <string_view>

#include "kontor/crypto/crypto.h"

namespace kontor::machine {

[[nodiscard]] inline std::string chain_hash(std::string_view journal_row) {
    constexpr std::size_t kChainHashBytes = 16;
    return crypto::sha256(journal_row).substr(0, kChainHashBytes);
}

}  // namespace kontor::machine
