#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"
#include "kontor/crypto/crypto.h"

namespace kontor::crypto {
namespace {
constexpr std::int64_t kStepMs = 30'000;
constexpr std::uint32_t kModulus = 1'000'000;  // six digits
constexpr std::size_t kDigits = 6;
}  // namespace

std::string totp_code(const Secret& secret, std::uint64_t step) {
    std::string message;
    put_be64(message, step);
    const std::string_view key = secret.reveal();
    KONTOR_ASSERT(!key.empty() && key.size() <= 1024, "a TOTP secret has 1 to 1024 bytes");
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    const auto* done =
        HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac, &size);
    KONTOR_ASSERT(done != nullptr && size == 20, "HMAC-SHA-1 failed");
    // RFC 4226 5.3: dynamic truncation.
    const std::size_t offset = mac[19] & 0x0FU;
    const std::uint32_t truncated = (std::uint32_t{mac[offset]} & 0x7FU) << 24U |
                                    std::uint32_t{mac[offset + 1]} << 16U |
                                    std::uint32_t{mac[offset + 2]} << 8U | std::uint32_t{mac[offset + 3]};
    std::string code = std::to_string(truncated % kModulus);
    code.insert(0, kDigits - code.size(), '0');
    return code;
}

std::optional<std::uint64_t> totp_verify(const Secret& secret, std::string_view code, std::int64_t now_ms,
                                         std::uint64_t last_step) {
    if (secret.empty() || code.size() != kDigits || now_ms < 0) return std::nullopt;
    const auto now = static_cast<std::uint64_t>(now_ms / kStepMs);
    std::optional<std::uint64_t> matched;
    // Every candidate is computed, so that the time taken does not tell which one matched. The oldest wins:
    // it uses up the fewest steps.
    for (std::uint64_t step = now + 1; step + 2 > now; --step) {
        const bool equal = equal_constant_time(totp_code(secret, step), code);
        if (equal && step > last_step) matched = step;
        if (step == 0) break;
    }
    return matched;
}

}  // namespace kontor::crypto
