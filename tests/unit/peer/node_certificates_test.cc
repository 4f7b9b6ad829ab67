#include "node_certificates.h"

#include <gtest/gtest.h>

#include "kontor/base/bytes.h"

namespace kontor::peer {
namespace {

constexpr std::int64_t kNowMs = 1'790'000'000'000;
constexpr std::int64_t kDay = 86'400;
const std::string kCluster = "0123456789abcdef";

PeerIdentity node(std::uint64_t id, const std::string& cluster = kCluster) {
    PeerIdentity out;
    out.cluster = cluster;
    out.node_id = id;
    return out;
}

std::int64_t seconds(const ASN1_TIME* time) {
    std::tm utc{};
    EXPECT_EQ(ASN1_TIME_to_tm(time, &utc), 1);
    return timegm(&utc);
}

TEST(NodeCertificatesTest, AuthorityRequestAndCertificate) {
    const auto authority = make_cluster_authority(kCluster, kNowMs).value();
    const auto key = make_private_key_and_request().value();
    const std::string pem =
        issue_node_certificate(authority, key.request_pem, node(42), kNodeCertificateDays, kNowMs).value();
    const auto who = read_identity(pem).value();
    EXPECT_EQ(who.cluster, kCluster);
    EXPECT_EQ(who.node_id, 42U);
    EXPECT_EQ(who.certificate_sha256.size(), 64U);
    EXPECT_EQ(who.certificate_sha256, normal_sha256(*transport::certificate_fingerprint(pem)).value());
    EXPECT_EQ(identity_uri(who), "kontor://30313233343536373839616263646566/node/42");
    EXPECT_EQ(ca_fingerprint(authority.certificate_pem).value(),
              normal_sha256(*transport::certificate_fingerprint(authority.certificate_pem)).value());

    const auto ca = transport::certificates_from_pem(authority.certificate_pem).value();
    const auto leaf = transport::certificates_from_pem(pem).value();
    X509* const x = leaf.front().get();
    EXPECT_EQ(X509_verify(x, X509_get0_pubkey(ca.front().get())), 1);
    EXPECT_EQ(seconds(X509_get0_notBefore(x)), kNowMs / 1000 - 24 * 3600);
    EXPECT_EQ(seconds(X509_get0_notAfter(x)), kNowMs / 1000 + 365 * kDay);
    EXPECT_EQ(seconds(X509_get0_notBefore(ca.front().get())), kNowMs / 1000 - 24 * 3600);
    EXPECT_EQ(seconds(X509_get0_notAfter(ca.front().get())), kNowMs / 1000 + 3'653 * kDay);
    EXPECT_EQ(X509_check_ca(x), 0);
    EXPECT_EQ(X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT, 0), 1);
    EXPECT_EQ(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1);
    const auto private_key = transport::key_from_pem(key.private_key_pem).value();
    EXPECT_EQ(EVP_PKEY_eq(X509_get0_pubkey(x), private_key.get()), 1);
}

TEST(NodeCertificatesTest, BadInput) {
    const auto authority = make_cluster_authority(kCluster, kNowMs).value();
    const auto key = make_private_key_and_request().value();
    const auto issue = [&](const std::string& request, const PeerIdentity& who, std::int64_t days) {
        return issue_node_certificate(authority, request, who, days, kNowMs).has_value();
    };
    EXPECT_TRUE(issue(key.request_pem, node(1), 1));
    EXPECT_TRUE(issue(key.request_pem, node(UINT64_MAX), 3'653));
    EXPECT_FALSE(issue(key.request_pem, node(0), 1));
    EXPECT_FALSE(issue(key.request_pem, node(1, "short"), 1));
    EXPECT_FALSE(issue(key.request_pem, node(1), 0));
    EXPECT_FALSE(issue(key.request_pem, node(1), 3'654));
    EXPECT_FALSE(issue("garbage", node(1), 1));
    EXPECT_FALSE(issue(authority.certificate_pem, node(1), 1));
    EXPECT_FALSE(make_cluster_authority("short", kNowMs));
    // A request whose signature is not its key's: the last bytes are the signature.
    std::string forged = key.request_pem;
    const std::size_t end = forged.find("\n-----END");
    char& c = forged[end - 8];
    c = c == 'A' ? 'B' : 'A';
    EXPECT_FALSE(issue(forged, node(1), 1));
    // RSA, however well signed.
    const transport::KeyPointer rsa(EVP_RSA_gen(2048));
    X509_REQ* request = X509_REQ_new();
    ASSERT_TRUE(rsa && X509_REQ_set_pubkey(request, rsa.get()) == 1 &&
                X509_REQ_sign(request, rsa.get(), EVP_sha256()) != 0);
    const transport::BioPointer bio(BIO_new(BIO_s_mem()));
    ASSERT_EQ(PEM_write_bio_X509_REQ(bio.get(), request), 1);
    X509_REQ_free(request);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    EXPECT_FALSE(issue(std::string(data, static_cast<std::size_t>(size)), node(1), 1));
    EXPECT_FALSE(read_identity(authority.certificate_pem));
    EXPECT_FALSE(read_identity("garbage"));
    EXPECT_FALSE(ca_fingerprint("garbage"));
}

TEST(NodeCertificatesTest, OneIdentityHasOneSpelling) {
    const std::string hex = to_hex(kCluster);
    const auto good = parse_identity_uri("kontor://" + hex + "/node/7");
    ASSERT_TRUE(good);
    EXPECT_EQ(good->node_id, 7U);
    EXPECT_TRUE(parse_identity_uri("kontor://" + hex + "/node/18446744073709551615"));
    for (const std::string& bad : std::vector<std::string>{
             std::string(""), "kontor://", "http://" + hex + "/node/7", "kontor://" + hex,
             "kontor://" + hex + "/node/", "kontor://" + hex + "/node/0", "kontor://" + hex + "/node/07",
             "kontor://" + hex + "/node/+7", "kontor://" + hex + "/node/7/",
             "kontor://" + hex + "/node/18446744073709551616", "kontor://" + hex.substr(2) + "/node/7",
             "kontor://ABCDEF33343536373839616263646566/node/7", "kontor://" + hex + "/Node/7",
             "kontor://" + hex + "/node/7?"})
        EXPECT_FALSE(parse_identity_uri(bad)) << bad;
    EXPECT_FALSE(normal_sha256(""));
    EXPECT_FALSE(normal_sha256(std::string(63, 'a')));
    EXPECT_FALSE(normal_sha256(std::string(64, 'g')));
    EXPECT_EQ(normal_sha256(std::string(64, 'A')).value(), std::string(64, 'a'));
}

}  // namespace
}  // namespace kontor::peer
