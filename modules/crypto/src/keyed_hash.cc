#include <sodium.h>

#include "kontor/base/assert.h"
#include "kontor/crypto/crypto.h"

namespace kontor::crypto {

std::string keyed_hash(std::string_view key_16_bytes, std::string_view bytes) {
    KONTOR_ASSERT(key_16_bytes.size() == crypto_shorthash_siphashx24_KEYBYTES, "a SipHash key has 16 bytes");
    std::string out(crypto_shorthash_siphashx24_BYTES, '\0');
    const auto bytes_of = [](const char* text) { return reinterpret_cast<const unsigned char*>(text); };
    const int failed =
        crypto_shorthash_siphashx24(reinterpret_cast<unsigned char*>(out.data()), bytes_of(bytes.data()),
                                    bytes.size(), bytes_of(key_16_bytes.data()));
    KONTOR_ASSERT(failed == 0, "SipHash failed");
    return out;
}

}  // namespace kontor::crypto
