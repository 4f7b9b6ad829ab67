#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <utility>

#include "kontor/base/assert.h"
#include "kontor/crypto/crypto.h"

namespace kontor::crypto {
namespace {
constexpr std::size_t kSha256Bytes = 32;
constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

unsigned char* bytes_of(std::string& s) {
    return reinterpret_cast<unsigned char*>(s.data());
}
const unsigned char* bytes_of(std::string_view s) {
    return reinterpret_cast<const unsigned char*>(s.data());
}

// Fetched once: EVP_sha256() alone makes OpenSSL 3 look the implementation up again on every call.
const EVP_MD* sha256_method() {
    static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    KONTOR_ASSERT(method != nullptr, "OpenSSL has no SHA-256");
    return method;
}

// One a thread: to make a context costs more than to hash a short text.
struct Sha256Context {
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    Sha256Context() { KONTOR_ASSERT(context != nullptr, "no memory for a SHA-256"); }
    ~Sha256Context() { EVP_MD_CTX_free(context); }
    Sha256Context(const Sha256Context&) = delete;
    Sha256Context& operator=(const Sha256Context&) = delete;
};
}  // namespace

std::string sha256(std::string_view bytes) {
    thread_local const Sha256Context own;
    std::string out(kSha256Bytes, '\0');
    const bool ok = EVP_DigestInit_ex2(own.context, sha256_method(), nullptr) == 1 &&
                    EVP_DigestUpdate(own.context, bytes.data(), bytes.size()) == 1 &&
                    EVP_DigestFinal_ex(own.context, bytes_of(out), nullptr) == 1;
    KONTOR_ASSERT(ok, "SHA-256 failed");
    return out;
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
    KONTOR_ASSERT(key.size() <= 1U << 30U, "an HMAC key of more than 1 GiB");
    std::string out(kSha256Bytes, '\0');
    // HMAC() reads a null key as "the last one": an empty key still needs an address.
    const char* key_data = key.empty() ? "" : key.data();
    const auto* done = HMAC(sha256_method(), key_data, static_cast<int>(key.size()), bytes_of(message),
                            message.size(), bytes_of(out), nullptr);
    KONTOR_ASSERT(done != nullptr, "HMAC-SHA-256 failed");
    return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
    // Lengths are public (digests, codes); contents are not.
    return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string random_bytes(std::size_t n) {
    KONTOR_ASSERT(n <= 1U << 30U, "more than 1 GiB of randomness");
    std::string out(n, '\0');
    const int ok = n == 0 ? 1 : RAND_bytes(bytes_of(out), static_cast<int>(n));
    KONTOR_ASSERT(ok == 1, "the random generator failed");
    return out;
}

namespace {
// Asking the generator costs more than a microsecond whatever the size, and every request has an id.
class TokenBytes {
 public:
    ~TokenBytes() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
    unsigned char next() {
        if (at_ == bytes_.size()) {
            const int ok = RAND_bytes(bytes_.data(), static_cast<int>(bytes_.size()));
            KONTOR_ASSERT(ok == 1, "the random generator failed");
            at_ = 0;
        }
        return std::exchange(bytes_[at_++], static_cast<unsigned char>(0));  // used once, kept nowhere
    }

 private:
    std::array<unsigned char, 1024> bytes_{};
    std::size_t at_ = bytes_.size();
};
}  // namespace

std::string random_token(std::size_t characters) {
    thread_local TokenBytes bytes;
    std::string out;
    out.reserve(characters);
    while (out.size() < characters) {
        const unsigned char value = bytes.next();
        // 248 = 4 * 62: what lies above would favour the first digits.
        if (value < 248) out.push_back(kBase62[value % 62]);
    }
    return out;
}

}  // namespace kontor::crypto
