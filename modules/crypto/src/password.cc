#include <sodium.h>

#include "kontor/base/assert.h"
#include "kontor/crypto/crypto.h"

namespace kontor::crypto {
namespace {
void need_sodium() {
    static const bool ready = sodium_init() >= 0;  // 1: somebody else did it already
    KONTOR_ASSERT(ready, "libsodium did not start");
}
}  // namespace

std::string password_hash(const Secret& password) {
    need_sodium();
    const std::string_view bytes = password.reveal();
    char out[crypto_pwhash_STRBYTES];
    const int failed =
        crypto_pwhash_argon2id_str(out, bytes.data(), bytes.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                   crypto_pwhash_MEMLIMIT_INTERACTIVE);
    KONTOR_ASSERT(failed == 0, "no memory for a password hash");
    return out;
}

std::string password_decoy() {
    need_sodium();
    // As libsodium writes it: without padding.
    const auto text = [](std::size_t n_bytes) {
        std::string out = base64(random_bytes(n_bytes));
        return out.substr(0, out.find('='));
    };
    static_assert(crypto_pwhash_OPSLIMIT_INTERACTIVE == 2 &&
                  crypto_pwhash_MEMLIMIT_INTERACTIVE == 65'536 * 1024);
    return "$argon2id$v=19$m=65536,t=2,p=1$" + text(16) + "$" + text(32);
}

bool password_verify(std::string_view hash, const Secret& password) {
    need_sodium();
    // libsodium reads up to STRBYTES of a zero-terminated string.
    if (hash.size() >= crypto_pwhash_STRBYTES || hash.find('\0') != std::string_view::npos) return false;
    char terminated[crypto_pwhash_STRBYTES] = {};
    hash.copy(terminated, hash.size());
    const std::string_view bytes = password.reveal();
    return crypto_pwhash_argon2id_str_verify(terminated, bytes.data(), bytes.size()) == 0;
}

}  // namespace kontor::crypto
