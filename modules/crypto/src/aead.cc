#include <openssl/evp.h>

#include <memory>

#include "kontor/base/assert.h"
#include "kontor/crypto/crypto.h"

namespace kontor::crypto {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kMaxPlainBytes = 1U << 30U;  // OpenSSL counts in int

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const EVP_CIPHER* method() {
    static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    KONTOR_ASSERT(cipher != nullptr, "OpenSSL has no AES-256-GCM");
    return cipher;
}

unsigned char* bytes_of(char* p) {
    return reinterpret_cast<unsigned char*>(p);
}
const unsigned char* bytes_of(const char* p) {
    return reinterpret_cast<const unsigned char*>(p);
}

}  // namespace

Sealer::Sealer(Secret key_32_bytes) : key_(std::move(key_32_bytes)) {
    KONTOR_ASSERT(key_.reveal().size() == kKeyBytes, "AES-256 needs 32 key bytes");
}

std::string Sealer::seal(std::string_view plain, std::string_view context) const {
    KONTOR_ASSERT(plain.size() <= kMaxPlainBytes && context.size() <= kMaxPlainBytes,
                  "too much to seal at once");
    const std::string nonce = random_bytes(kNonceBytes);
    std::string out(1 + kNonceBytes + plain.size() + kTagBytes, '\0');
    out[0] = kVersion;
    out.replace(1, kNonceBytes, nonce);
    char* const cipher_text = out.data() + 1 + kNonceBytes;

    const Context cipher(EVP_CIPHER_CTX_new());
    int n = 0;
    bool ok = cipher && EVP_EncryptInit_ex2(cipher.get(), method(), bytes_of(key_.reveal().data()),
                                            bytes_of(nonce.data()), nullptr) == 1;
    ok = ok && (context.empty() || EVP_EncryptUpdate(cipher.get(), nullptr, &n, bytes_of(context.data()),
                                                     static_cast<int>(context.size())) == 1);
    ok = ok &&
         (plain.empty() || EVP_EncryptUpdate(cipher.get(), bytes_of(cipher_text), &n, bytes_of(plain.data()),
                                             static_cast<int>(plain.size())) == 1);
    ok = ok && EVP_EncryptFinal_ex(cipher.get(), bytes_of(cipher_text + plain.size()), &n) == 1;
    ok = ok && EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagBytes),
                                   cipher_text + plain.size()) == 1;
    KONTOR_ASSERT(ok, "AES-256-GCM failed to seal");
    return out;
}

Result<std::string> Sealer::open(std::string_view sealed, std::string_view context) const {
    if (sealed.size() < 1 + kNonceBytes + kTagBytes)
        return fail(ErrorCode::corruption, "sealed text is too short");
    if (sealed.size() > kMaxPlainBytes || context.size() > kMaxPlainBytes)
        return fail(ErrorCode::too_large, "sealed text is larger than 1 GiB");
    if (sealed[0] != kVersion) return fail(ErrorCode::unsupported, "sealed text has an unknown version");
    const std::string_view nonce = sealed.substr(1, kNonceBytes);
    const std::string_view body = sealed.substr(1 + kNonceBytes, sealed.size() - 1 - kNonceBytes - kTagBytes);
    std::string tag(sealed.substr(sealed.size() - kTagBytes));
    std::string plain(body.size(), '\0');

    const Context cipher(EVP_CIPHER_CTX_new());
    int n = 0;
    bool ok = cipher && EVP_DecryptInit_ex2(cipher.get(), method(), bytes_of(key_.reveal().data()),
                                            bytes_of(nonce.data()), nullptr) == 1;
    ok = ok && (context.empty() || EVP_DecryptUpdate(cipher.get(), nullptr, &n, bytes_of(context.data()),
                                                     static_cast<int>(context.size())) == 1);
    ok = ok && (body.empty() || EVP_DecryptUpdate(cipher.get(), bytes_of(plain.data()), &n,
                                                  bytes_of(body.data()), static_cast<int>(body.size())) == 1);
    ok = ok && EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagBytes),
                                   tag.data()) == 1;
    KONTOR_ASSERT(ok, "AES-256-GCM failed to start");
    unsigned char rest[16];
    if (EVP_DecryptFinal_ex(cipher.get(), rest, &n) != 1) {
        const Secret unauthenticated(std::move(plain));  // wiped: nobody may see it
        return fail(ErrorCode::corruption, "sealed text, its context or the key is not what it was");
    }
    return plain;
}

}  // namespace kontor::crypto
