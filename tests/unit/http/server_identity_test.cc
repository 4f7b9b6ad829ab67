// Certificates that change while the server runs, and whom a request is from.

#include "http_fixture.h"
#include "kontor/http/client_address.h"
#include "kontor/transport/pem.h"

namespace kontor::http {
namespace {

using ServerIdentityTest = HttpFixture;

// The first certificate that a new connection is shown.
std::string shown(std::uint16_t port) {
    RawClient plain(port, false);
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    SSL* const ssl = SSL_new(context);
    SSL_set_fd(ssl, plain.fd());
    std::string pem;
    if (SSL_connect(ssl) == 1) {
        const transport::X509Pointer certificate(SSL_get1_peer_certificate(ssl));
        pem = *transport::certificate_to_pem(*certificate);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    return pem;
}

TEST_F(ServerIdentityTest, NewConnectionsSeeANewCertificateAndOldOnesLive) {
    start();
    RawClient old(port());
    ASSERT_TRUE(old.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
    ASSERT_TRUE(old.response());
    EXPECT_EQ(shown(port()), test_identity().server.certificate_chain_pem);
    const auto next =
        transport::issue_server_certificate(test_identity().authority, {"localhost"}, real_now_ms()).value();
    ASSERT_TRUE(server_->set_identity(next));
    EXPECT_TRUE(eventually([&] { return shown(port()) == next.certificate_chain_pem; }));
    ASSERT_TRUE(old.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_TRUE(old.response());
    // One that cannot be used changes nothing.
    EXPECT_FALSE(server_->set_identity({next.certificate_chain_pem, test_identity().server.private_key_pem}));
    EXPECT_FALSE(server_->set_identity({"", ""}));
    EXPECT_EQ(shown(port()), next.certificate_chain_pem);
}

TEST_F(ServerIdentityTest, WhomARequestIsFromIsSaidByNamedProxiesOnly) {
    ServerOptions with = options();
    with.handler = [](Request request, Responder respond) {
        Response response;
        response.body =
            request.peer_ip + (request.is_from_proxy ? " proxy" : "") + (request.is_http10 ? " 1.0" : "");
        respond(std::move(response));
    };
    const auto said = [this](const std::string& fields, const char* version = "1.1") {
        RawClient client(port());
        client.send(std::string("GET / HTTP/") + version + "\r\nHost: x\r\n" + fields + "\r\n");
        const auto answer = client.response();
        return answer ? answer->body : "none";
    };
    const std::string forged = "X-Forwarded-For: 6.6.6.6, 8.8.8.8\r\n";
    start(with);
    EXPECT_EQ(said(forged), "127.0.0.1") << "nobody is believed unless named";
    EXPECT_EQ(said("", "1.0"), "127.0.0.1 1.0");
    server_->stop(1000);
    with.trusted_proxies =
        std::make_shared<const AddressRanges>(AddressRanges::parse({"127.0.0.0/8"}).value());
    start(with);
    EXPECT_EQ(said(forged), "8.8.8.8 proxy");
    EXPECT_EQ(said("Forwarded: for=6.6.6.6\r\n"), "127.0.0.1 proxy");
    // A reload: who is no proxy any more is not believed, also on the connection that he has.
    RawClient kept(port());
    ASSERT_TRUE(kept.send("GET / HTTP/1.1\r\nHost: x\r\n" + forged + "\r\n"));
    EXPECT_EQ(kept.response()->body, "8.8.8.8 proxy");
    server_->set_trusted_proxies(nullptr);
    EXPECT_TRUE(eventually([&] { return said(forged) == "127.0.0.1"; }));
    EXPECT_TRUE(eventually([&] { return said(forged) == "127.0.0.1"; })) << "the other thread's too";
    EXPECT_TRUE(eventually([&] {
        return kept.send("GET / HTTP/1.1\r\nHost: x\r\n" + forged + "\r\n") &&
               kept.response()->body == "127.0.0.1 proxy";
    }));
    server_->set_trusted_proxies(with.trusted_proxies);
    EXPECT_TRUE(eventually([&] { return said(forged) == "8.8.8.8 proxy"; }));
    server_->stop(1000);
    with.trusted_proxies = std::make_shared<const AddressRanges>(AddressRanges::parse({"10.0.0.1"}).value());
    start(with);
    EXPECT_EQ(said(forged), "127.0.0.1");
}

}  // namespace
}  // namespace kontor::http
