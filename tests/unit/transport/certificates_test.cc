#include "kontor/transport/certificates.h"

#include <gtest/gtest.h>

#include "kontor/transport/certificate_builder.h"
#include "kontor/transport/pem.h"

namespace kontor::transport {
namespace {

constexpr std::int64_t kNowMs = 1'790'000'000'000;
constexpr std::int64_t kDay = 86'400;

TEST(CertificatesTest, AuthorityAndServerCertificate) {
    const auto authority = make_authority("Kontor CA", kNowMs);
    ASSERT_TRUE(authority) << authority.error().describe();
    const auto server =
        issue_server_certificate(*authority, {"pay.example", "*.pay.example", "10.1.2.3", "::1"}, kNowMs);
    ASSERT_TRUE(server) << server.error().describe();
    EXPECT_EQ(certificate_validity(authority->certificate_pem)->not_after_s, kNowMs / 1000 + 3653 * kDay);
    const auto validity = certificate_validity(server->certificate_chain_pem);
    EXPECT_EQ(validity->not_before_s, kNowMs / 1000 - kDay);
    EXPECT_EQ(validity->not_after_s - validity->not_before_s, kServerCertificateDays * kDay);

    const auto ca = certificates_from_pem(authority->certificate_pem);
    const auto leaf = certificates_from_pem(server->certificate_chain_pem);
    ASSERT_TRUE(ca && leaf);
    X509* const x = leaf->front().get();
    EXPECT_EQ(X509_verify(x, X509_get0_pubkey(ca->front().get())), 1);
    EXPECT_EQ(X509_check_issued(ca->front().get(), x), X509_V_OK);
    EXPECT_EQ(X509_check_host(x, "pay.example", 0, 0, nullptr), 1);
    EXPECT_EQ(X509_check_host(x, "a.pay.example", 0, 0, nullptr), 1);
    EXPECT_EQ(X509_check_host(x, "other.example", 0, 0, nullptr), 0);
    EXPECT_EQ(X509_check_ip_asc(x, "10.1.2.3", 0), 1);
    EXPECT_EQ(X509_check_ip_asc(x, "::1", 0), 1);
    EXPECT_EQ(X509_check_ca(x), 0);
    EXPECT_EQ(X509_check_ca(ca->front().get()), 1);
    EXPECT_TRUE(key_from_pem(server->private_key_pem));
}

TEST(CertificatesTest, EachOneIsDifferent) {
    const auto authority = make_authority("Kontor CA", kNowMs);
    ASSERT_TRUE(authority);
    const auto one = issue_server_certificate(*authority, {"a"}, kNowMs);
    const auto two = issue_server_certificate(*authority, {"a"}, kNowMs);
    ASSERT_TRUE(one && two);
    const auto print = certificate_fingerprint(one->certificate_chain_pem);
    ASSERT_TRUE(print);
    EXPECT_EQ(print->size(), 32U * 3 - 1);
    EXPECT_EQ((*print)[2], ':');
    EXPECT_NE(*print, *certificate_fingerprint(two->certificate_chain_pem));
    EXPECT_NE(one->private_key_pem, two->private_key_pem);
}

TEST(CertificatesTest, AllNamesThatCannotBeAreTold) {
    EXPECT_TRUE(check_certificate_names({"a", "::1"}));
    const auto told = check_certificate_names({"a b", "good", "[::1]"});
    ASSERT_FALSE(told);
    EXPECT_NE(told.error().message.find("a b; "), std::string::npos) << told.error().message;
    EXPECT_NE(told.error().message.find("[::1]"), std::string::npos) << told.error().message;
    EXPECT_EQ(told.error().message.find("good"), std::string::npos) << told.error().message;
}

TEST(CertificatesTest, KeyAndCertificateInEachOthersPlaceAreNoticed) {
    const auto authority = make_authority("Kontor CA", kNowMs);
    ASSERT_TRUE(authority);
    const std::string &certificate = authority->certificate_pem, &key = authority->private_key_pem;
    EXPECT_TRUE(are_swapped({key, certificate}));
    EXPECT_FALSE(are_swapped({certificate, key}));
    EXPECT_FALSE(are_swapped({certificate, certificate}));
    EXPECT_FALSE(are_swapped({key, key}));
    EXPECT_FALSE(are_swapped({certificate + key, certificate + key})) << "one file for both will do";
}

TEST(CertificatesTest, BadInput) {
    const auto authority = make_authority("Kontor CA", kNowMs);
    ASSERT_TRUE(authority);
    EXPECT_FALSE(issue_server_certificate(*authority, {}, kNowMs));
    EXPECT_FALSE(issue_server_certificate(*authority, {""}, kNowMs));
    EXPECT_FALSE(
        issue_server_certificate(*authority, {"a,IP:1.2.3.4"}, kNowMs));  // no configuration syntax gets in
    EXPECT_FALSE(issue_server_certificate(*authority, {"@section"}, kNowMs));
    EXPECT_FALSE(issue_server_certificate({"x", "y"}, {"a"}, kNowMs));
    EXPECT_FALSE(issue_server_certificate(*authority, std::vector<std::string>(101, "a"), kNowMs));
    EXPECT_TRUE(issue_server_certificate(
        *authority, {std::string(63, 'a') + "." + std::string(63, 'b') + ".example"}, kNowMs));
    for (const char* pem :
         {"", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
        EXPECT_FALSE(certificate_fingerprint(pem));
        EXPECT_FALSE(certificate_validity(pem));
    }
    // Something broken after a good certificate is not overlooked.
    EXPECT_FALSE(certificates_from_pem(authority->certificate_pem +
                                       "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
}

TEST(CertificatesTest, NamesThatNoHostHas) {
    for (const char* good : {"a", "pay.example", "*.pay.example", "pay-1.example", "node_1",
                             "xn--bcher-kva.example", "127.0.0.1", "::1", "4u.example", "1.2.3.4x"})
        EXPECT_TRUE(check_certificate_names({good})) << good;
    const std::string long_label(64, 'a');
    for (const std::string bad : {"-a-",
                                  "-a",
                                  "a-",
                                  "*",
                                  "*.",
                                  "a.*",
                                  "*a.example",
                                  "a.*.example",
                                  "**.a",
                                  "xn--",
                                  "XN--.example",
                                  ".",
                                  "a.",
                                  ".a",
                                  "a..b",
                                  "1.2.3",
                                  "256.256.256.256",
                                  "12",
                                  "a.-b.c",
                                  long_label.c_str()})
        EXPECT_FALSE(check_certificate_names({bad})) << bad;
    EXPECT_TRUE(check_certificate_names({long_label.substr(1) + ".example"}));
}

// On a curve that browsers do not have and that Kontor does not offer: OpenSSL loads it without a word.
TEST(CertificatesTest, ACertificateThatNoClientCanUseIsRefused) {
    const auto identity_of = [](const KeyPointer& key) {
        const X509Pointer one(X509_new());
        EXPECT_TRUE(X509_set_version(one.get(), X509_VERSION_3) == 1 &&
                    set_validity(*one, kNowMs, kDay, 10) && set_random_serial(*one) &&
                    set_common_name(*one, "pay.example") &&
                    X509_set_issuer_name(one.get(), X509_get_subject_name(one.get())) == 1 &&
                    X509_set_pubkey(one.get(), key.get()) == 1 &&
                    add_extension(*one, *one, NID_subject_alt_name, "DNS:pay.example"));
        const EVP_MD* const digest = EVP_PKEY_is_a(key.get(), "ED25519") == 1 ? nullptr : EVP_sha256();
        EXPECT_GT(X509_sign(one.get(), key.get(), digest), 0);
        return TlsIdentity{*certificate_to_pem(*one), *key_to_pem(*key)};
    };
    const auto problems = [&](const KeyPointer& key) {
        return check_server_identity(identity_of(key), {"pay.example"}, kNowMs);
    };
    for (const char* curve : {"P-256", "P-384"})
        EXPECT_TRUE(problems(KeyPointer(EVP_EC_gen(curve))).empty()) << curve;
    EXPECT_TRUE(problems(KeyPointer(EVP_RSA_gen(2048))).empty());
    for (const char* curve : {"secp256k1", "prime239v1"}) {
        const auto found = problems(KeyPointer(EVP_EC_gen(curve)));
        ASSERT_EQ(found.size(), 1U) << curve;
        EXPECT_FALSE(found[0].is_of_key);
        EXPECT_NE(found[0].what.find("cannot be used by any client"), std::string::npos) << found[0].what;
    }
}

}  // namespace
}  // namespace kontor::transport
