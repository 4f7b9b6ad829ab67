#include "support/greeting.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <algorithm>
#include <ctime>

#include "kontor/transport/byte_stream.h"
#include "support/raw_client.h"

namespace kontor_test {
namespace {

using namespace kontor;

std::uint64_t cpu_us(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

}  // namespace

bool shake_hands(std::uint16_t port, const Greeting& greeting) {
    const transport::SslContext context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), greeting.version);
    SSL_CTX_set_max_proto_version(context.get(), greeting.version);
    EXPECT_EQ(SSL_CTX_set1_groups_list(context.get(), greeting.groups.c_str()), 1) << greeting.groups;
    if (!greeting.ciphers.empty()) {
        EXPECT_EQ(SSL_CTX_set_cipher_list(context.get(), greeting.ciphers.c_str()), 1) << greeting.ciphers;
    }
    const std::string alpn = greeting.for_peer ? "\x0dkontor-peer/1" : "\x08http/1.1";
    SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                            static_cast<unsigned>(alpn.size()));
    RawClient line(port, false);
    EXPECT_TRUE(line.connected());
    const transport::SslPointer ssl(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), line.fd());
    const bool done = SSL_connect(ssl.get()) == 1;
    ERR_clear_error();
    return done;
}

std::uint64_t server_us(std::uint16_t port, const Greeting& greeting) {
    constexpr int kHandshakes = 20;
    std::uint64_t best = ~std::uint64_t{0};
    for (int turn = 0; turn < 3; ++turn) {
        const std::uint64_t before = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us(CLOCK_THREAD_CPUTIME_ID);
        for (int i = 0; i < kHandshakes; ++i) EXPECT_TRUE(shake_hands(port, greeting)) << greeting.groups;
        const std::uint64_t after = cpu_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us(CLOCK_THREAD_CPUTIME_ID);
        best = std::min(best, (after - before) / kHandshakes);
    }
    return best;
}

}  // namespace kontor_test
