#pragma once
// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78, initial and final xor 0xFFFFFFFF), RFC 3720 B.4:
// crc32c("123456789") == 0xE3069283. Uses SSE4.2 where the processor has it.

#include <cstdint>
#include <string_view>

namespace kontor {
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes,
                                   std::uint32_t seed = 0);  // seed: an earlier result
}  // namespace kontor
