#pragma once
// Hashing, HMAC, AEAD, password hashes, TOTP, randomness: thin wrappers over OpenSSL 3 and libsodium.
//
// Threading: all functions are safe for concurrent use. Errors: a library failure is a broken invariant
// (abort), wrong input is a Result or nullopt.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kontor/base/result.h"

namespace kontor::crypto {

// A secret has no formatter and no stream operator, so that logging one does not compile. Wiped on
// destruction.
class Secret {
 public:
    Secret() = default;
    explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
    ~Secret();
    Secret(const Secret&) = default;
    // The old bytes are wiped, also those that a short string leaves behind in a moved-from object.
    Secret& operator=(const Secret& other);
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    [[nodiscard]] std::string_view reveal() const { return bytes_; }  // the one way out: grep for it
    [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
    std::string bytes_;
};

[[nodiscard]] std::string sha256(std::string_view bytes);                               // 32 bytes
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view message);  // 32 bytes
// SipHash-2-4 of 128 bits: for short texts, in a fraction of a SHA-256's time. Who knows results, and not the
// key, learns neither the key nor other results. 16 bytes.
[[nodiscard]] std::string keyed_hash(std::string_view key_16_bytes, std::string_view bytes);
[[nodiscard]] bool equal_constant_time(std::string_view a, std::string_view b);

[[nodiscard]] std::string random_bytes(std::size_t n);           // from the operating system
[[nodiscard]] std::string random_token(std::size_t characters);  // base62, unbiased
[[nodiscard]] std::string base64(std::string_view bytes);        // RFC 4648 4, padded
[[nodiscard]] std::string base32(std::string_view bytes);        // RFC 4648 6, unpadded (TOTP secrets)
// nullopt: not of the alphabet, or of no whole number of bytes. Base64 with or without its padding.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);
[[nodiscard]] std::optional<std::string> from_base32(std::string_view text);

// AES-256-GCM. Sealed form: version byte 1 | nonce 12 | ciphertext | tag 16. `context` is authenticated. The
// page is docs/formats/sealed.md. Errors of open(): corruption when a bit of anything differs; unsupported
// for another version. Limits: nonces are random, so one key seals at most 2^32 texts; a text is at most 1
// GiB.
class Sealer {
 public:
    explicit Sealer(Secret key_32_bytes);
    [[nodiscard]] std::string seal(std::string_view plain, std::string_view context) const;
    [[nodiscard]] Result<std::string> open(std::string_view sealed, std::string_view context) const;

 private:
    Secret key_;
};

// argon2id through libsodium, INTERACTIVE limits (64 MiB, 2 passes); the string carries its parameters.
// Takes tens of milliseconds: never on a network thread.
[[nodiscard]] std::string password_hash(const Secret& password);
// The hash of no password, which costs password_verify() as much as any; made without that work and its 64
// MiB.
[[nodiscard]] std::string password_decoy();
[[nodiscard]] bool password_verify(std::string_view hash, const Secret& password);

// RFC 6238, SHA-1, 30 s, 6 digits. Returns the matching time step in [now-1, now+1] that is > last_step
// (so that a code works once), or nullopt.
[[nodiscard]] std::optional<std::uint64_t> totp_verify(const Secret& secret, std::string_view code,
                                                       std::int64_t now_ms, std::uint64_t last_step);
[[nodiscard]] std::string totp_code(const Secret& secret, std::uint64_t step);

}  // namespace kontor::crypto
