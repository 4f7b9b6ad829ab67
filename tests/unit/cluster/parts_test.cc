// Tokens, identities, requests as bytes, tasks.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "certificate.h"
#include "identity.h"
#include "kontor/base/files.h"
#include "support/temp_folder.h"
#include "tasks.h"
#include "token.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

const std::string kFingerprint(64, 'a');

TEST(TokenText, GoesThereAndBack) {
    const Token token{kFingerprint, "0123456789abcdef", {"10.0.0.1:8444", "[::1]:8444", "hall.example:1"}};
    const auto back = parse_token(to_text(token));
    ASSERT_TRUE(back.has_value()) << back.error().describe();
    EXPECT_EQ(back->authority_sha256, token.authority_sha256);
    EXPECT_EQ(back->secret, token.secret);
    EXPECT_EQ(back->addresses, token.addresses);
}

TEST(TokenText, EveryCutIsRefusedAndSaysWhatToDo) {
    const std::string whole = to_text({kFingerprint, "0123456789abcdef", {"a:1"}});
    for (std::size_t n = 0; n + 3 < whole.size(); ++n) {
        const auto cut = parse_token(whole.substr(0, n));
        ASSERT_FALSE(cut.has_value()) << n;
        EXPECT_EQ(cut.error().code, ErrorCode::invalid_argument);
        EXPECT_NE(cut.error().message.find("kontor cluster token"), std::string::npos);
    }
    EXPECT_FALSE(parse_token("kct2" + whole.substr(4)).has_value());
    EXPECT_FALSE(parse_token(whole + std::string(3'000, 'x')).has_value());
    std::string no_hex = whole;
    no_hex[7] = 'x';
    EXPECT_FALSE(parse_token(no_hex).has_value());
}

class Folder : public ::testing::Test {
 protected:
    const kontor_test::TempFolder own_{"cluster"};
    const std::string folder_ = own_.path();
};

TEST_F(Folder, AnIdentityIsKeptAndIsNobodyElses) {
    const std::string data = folder_ + "/data";
    std::filesystem::create_directory(data);
    EXPECT_FALSE(load_identity(data)->has_value());
    Identity identity;
    identity.node_no = 3;
    identity.cluster_id = std::string(16, '\x07');
    identity.name = "hall-3";
    identity.advertised = "10.0.0.3:8444";
    identity.credentials = {"ca", "certificate", "key"};
    identity.peers = {{1, "10.0.0.1:8444"}, {2, "10.0.0.2:8444"}};
    identity.needs_state = true;
    ASSERT_TRUE(save_identity(data, identity).has_value());
    const auto back = load_identity(data);
    ASSERT_TRUE(back.has_value() && back->has_value());
    EXPECT_EQ((*back)->node_no, 3U);
    EXPECT_EQ((*back)->cluster_id, identity.cluster_id);
    EXPECT_EQ((*back)->peers, identity.peers);
    EXPECT_EQ((*back)->credentials.private_key_pem, "key");
    EXPECT_TRUE((*back)->needs_state);
    struct stat info {};
    ASSERT_EQ(::stat((data + "/peer/identity.json").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);

    // Renamed it is the same folder; copied it is not.
    const std::string moved = folder_ + "/moved";
    std::filesystem::rename(data, moved);
    EXPECT_TRUE(load_identity(moved).has_value());
    std::filesystem::copy(moved, folder_ + "/copy", std::filesystem::copy_options::recursive);
    const auto copied = load_identity(folder_ + "/copy");
    ASSERT_FALSE(copied.has_value());
    EXPECT_EQ(copied.error().code, ErrorCode::permission_denied);
    EXPECT_NE(copied.error().message.find("as node 3 ('kontor cluster rejoin'"), std::string::npos)
        << copied.error().message;

    ASSERT_TRUE(write_file(moved + "/peer/identity.json", "{\"node\": 3", 0600).has_value());
    EXPECT_EQ(load_identity(moved).error().code, ErrorCode::corruption);
}

TEST(Wire, RequestsAndAnswersAreTheSameOnTheOtherSide) {
    http::Request request;
    request.method = "POST";
    request.path = "/v1/caf\xc3\xa9/\xff";  // not UTF-8
    request.query = "a=b&c";
    request.headers = {{"Authorization", "Bearer sk"}, {"X", "\xfe\x00"}, {"X", "again"}};
    request.body = std::string("\x00\x01", 2);
    request.peer_ip = "10.1.2.3";
    const auto there = decode_request(encode_request(request));
    ASSERT_TRUE(there.has_value());
    EXPECT_EQ(there->method, request.method);
    EXPECT_EQ(there->path, request.path);
    EXPECT_EQ(there->query, request.query);
    EXPECT_EQ(there->body, request.body);
    EXPECT_EQ(there->peer_ip, request.peer_ip);
    ASSERT_EQ(there->headers.size(), 3U);
    EXPECT_EQ(there->headers[1].value, request.headers[1].value);
    EXPECT_FALSE(decode_request("\xff\xff\xff").has_value());

    http::Response response;
    response.status = 418;
    response.outcome = 11;
    response.prepare = [](http::Response& self) { self.body = "prepared"; };
    const auto prepared = decode_response(*encode_response(std::move(response)));
    ASSERT_TRUE(prepared.has_value());
    EXPECT_EQ(prepared->status, 418);
    EXPECT_EQ(prepared->outcome, 11U);
    EXPECT_EQ(prepared->body, "prepared");
    http::Response asset;
    asset.static_body = "static";
    EXPECT_EQ(decode_response(*encode_response(std::move(asset)))->body, "static");
    http::Response stream;
    stream.on_stream = [](std::shared_ptr<http::Stream>) {};
    EXPECT_EQ(encode_response(std::move(stream)).error().code, ErrorCode::unsupported);
}

TEST(TasksTest, RunInOrderOfTimeAndWithinTheLimit) {
    Tasks tasks("test", 1, 3);
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<int> ran;
    const auto note = [&](int n) {
        const std::lock_guard lock(mutex);
        ran.push_back(n);
        changed.notify_one();
    };
    ASSERT_TRUE(tasks.post([&] { note(3); }, 60));
    ASSERT_TRUE(tasks.post([&] { note(2); }, 20));
    ASSERT_TRUE(tasks.post([&] { note(1); }));
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return ran.size() == 3; });
    }
    EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(tasks.post([] {}, 10'000));
    EXPECT_FALSE(tasks.post([] {}));
    tasks.stop();
    EXPECT_FALSE(tasks.post([] {}));
}

TEST(Certificate, IsRenewedWhenAThirdOfItIsLeft) {
    constexpr std::int64_t kDayMs = 24LL * 3600 * 1000, kNow = 1'800'000'000'000;
    const std::string cluster(peer::kClusterIdBytes, 'c');
    const auto authority = peer::make_cluster_authority(cluster, kNow).value();
    const auto keys = peer::make_private_key_and_request().value();
    const std::string pem = peer::issue_node_certificate(authority, keys.request_pem, {cluster, 2, {}},
                                                         peer::kNodeCertificateDays, kNow)
                                .value();
    const std::int64_t ends = transport::certificate_validity(pem)->not_after_s * 1000;
    EXPECT_NEAR(static_cast<double>(ends - kNow) / kDayMs, 365, 1.1);
    EXPECT_EQ(age_of(pem, kNow), CertificateAge::good);
    EXPECT_EQ(age_of(pem, kNow + 200 * kDayMs), CertificateAge::good);
    EXPECT_EQ(age_of(pem, ends - kRenewBeforeMs - 1), CertificateAge::good);
    EXPECT_EQ(age_of(pem, ends - kRenewBeforeMs), CertificateAge::old);
    EXPECT_EQ(age_of(pem, ends - 1), CertificateAge::old);
    EXPECT_EQ(age_of(pem, ends), CertificateAge::ended);
    EXPECT_EQ(age_of(pem, ends + 1'000 * kDayMs), CertificateAge::ended);
    EXPECT_EQ(age_of("no certificate", kNow), CertificateAge::ended);
}

}  // namespace
}  // namespace kontor::cluster
