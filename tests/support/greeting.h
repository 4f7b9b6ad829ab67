#pragma once
// What a stranger's handshake costs: which key exchange a port speaks, and the processor time of each.

#include <openssl/ssl.h>

#include <cstdint>
#include <string>

namespace kontor_test {

struct Greeting {
    std::string groups;        // OpenSSL's names
    std::string ciphers = {};  // of TLS 1.2; "" : OpenSSL's own
    int version = TLS1_3_VERSION;
    bool for_peer = false;
};

constexpr const char* kOffered[] = {"X25519", "P-256", "P-384"};
constexpr const char* kNotOffered[] = {"ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144",
                                       "ffdhe8192", "P-521",     "X448"};

// True when the handshake goes through. (A refused one of TLS 1.3 fails inside of SSL_connect too: the server
// has no answer to the greeting.)
[[nodiscard]] bool shake_hands(std::uint16_t port, const Greeting& greeting);
// Processor time of everybody but this thread, the client: the server's.
[[nodiscard]] std::uint64_t server_us(std::uint16_t port, const Greeting& greeting);

}  // namespace kontor_test
