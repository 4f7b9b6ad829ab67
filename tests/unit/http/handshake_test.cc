// What a stranger's handshake may be, and what it costs.

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>

#include "http_fixture.h"
#include "kontor/transport/byte_stream.h"
#include "support/greeting.h"

namespace kontor::http {
namespace {

// The first greeting of a client whose key share is of no group of ours: he is asked for one that is.
std::string greeting_without_our_share() {
    const transport::SslContext context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    EXPECT_EQ(SSL_CTX_set1_groups_list(context.get(), "P-521:X25519"), 1);
    const transport::SslPointer ssl(SSL_new(context.get()));
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    EXPECT_NE(SSL_connect(ssl.get()), 1);
    std::string bytes(16U << 10U, '\0');
    const int n = BIO_read(SSL_get_wbio(ssl.get()), bytes.data(), static_cast<int>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(std::max(n, 0)));
    ERR_clear_error();
    return bytes;
}

class HandshakeTest : public HttpFixture {};

// OpenSSL takes memory for the second greeting too, by the length in its head.
TEST_F(HandshakeTest, ASecondGreetingIsBoundedAsTheFirst) {
    start();
    EXPECT_TRUE(shake_hands(port(), {.groups = "P-521:X25519"}))
        << "an honest one is asked again, and answers";
    const std::string first = greeting_without_our_share();
    const auto claims = [](std::size_t size) {
        return std::string("\x01") + static_cast<char>(size >> 16U) + static_cast<char>(size >> 8U) +
               static_cast<char>(size);
    };
    const std::string spec("\x14\x03\x03\x00\x01\x01", 6), record("\x16\x03\x03\x40\x00", 5);
    const auto in_pieces = [](const std::string& head) {
        std::string bytes;
        for (const char byte : head) bytes += std::string("\x16\x03\x03\x00\x01", 5) + byte;
        return bytes;
    };
    struct Second {
        std::string bytes;
        bool is_refused;
    };
    const std::size_t limit = 16U << 10U;
    for (const Second& second :
         {Second{spec + record + claims(limit + 1), true}, Second{record + claims(limit + 1), true},
          Second{spec + in_pieces(claims(100'000)), true}, Second{spec + record + claims(limit), false}}) {
        for (const bool at_once : {false, true}) {
            RawClient client(port(), false);
            ASSERT_TRUE(client.send(at_once ? first + second.bytes : first));
            if (!at_once) {
                char answer[4096];
                ASSERT_GT(::recv(client.fd(), answer, sizeof(answer), 0), 40);
                ASSERT_TRUE(client.send(second.bytes));
            }
            EXPECT_EQ(client.end(second.is_refused ? 5'000 : 300) == RawClient::End::timeout,
                      !second.is_refused)
                << second.bytes.size() << at_once;
        }
    }
}

TEST_F(HandshakeTest, OnlyEllipticCurvesOfTheListAreSpoken) {
    start();
    for (const char* group : kOffered) {
        EXPECT_TRUE(shake_hands(port(), {.groups = group})) << group;
        // TLS 1.2 wants the curve of the certificate's key named too.
        const std::string with = std::string_view(group) == "P-256" ? group : std::string(group) + ":P-256";
        EXPECT_TRUE(shake_hands(port(), {.groups = with, .version = TLS1_2_VERSION})) << group;
    }
    for (const char* group : kNotOffered) EXPECT_FALSE(shake_hands(port(), {.groups = group})) << group;
    for (const char* group : {"P-521", "X448"})
        EXPECT_FALSE(shake_hands(port(), {.groups = group, .version = TLS1_2_VERSION})) << group;
    // Finite fields of TLS 1.2 come by the cipher, and so does a key exchange without forward secrecy.
    for (const char* ciphers : {"DHE", "kRSA", "aNULL"})
        EXPECT_FALSE(shake_hands(port(), {.groups = "X25519", .ciphers = ciphers, .version = TLS1_2_VERSION}))
            << ciphers;
    EXPECT_FALSE(shake_hands(port(), {.groups = "X25519", .version = TLS1_1_VERSION}));
}

TEST_F(HandshakeTest, EachGroupCostsAboutTheSame) {
    start();
    const std::uint64_t cheapest = std::max<std::uint64_t>(20, server_us(port(), {.groups = "X25519"}));
    for (const char* group : kOffered) {
        const std::uint64_t cost = server_us(port(), {.groups = group});
        // ffdhe8192 costs some 500 times as much as X25519, and P-384 twenty times.
        EXPECT_LT(cost, cheapest * 60) << group << " costs " << cost << " us, X25519 " << cheapest;
        RecordProperty(std::string("us_") + group, std::to_string(cost));
    }
}

}  // namespace
}  // namespace kontor::http
