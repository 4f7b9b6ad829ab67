#include <gtest/gtest.h>
#include <sys/stat.h>

#include "api_client.h"
#include "kontor/base/files.h"
#include "secrets.h"
#include "support/temp_folder.h"
#include "tls_files.h"

namespace kontor::app {
namespace {

class FilesTest : public ::testing::Test {
 protected:
    const kontor_test::TempFolder own_{"files"};
    const std::string folder_ = own_.path();
};

TEST_F(FilesTest, WritesWholeWithItsMode) {
    const std::string path = folder_ + "/a";
    ASSERT_TRUE(write_file(path, "one", 0600));
    ASSERT_TRUE(write_file(path, "two", 0600));
    EXPECT_EQ(*read_file(path), "two");
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    EXPECT_FALSE(file_exists(path + ".new"));
    EXPECT_EQ(read_file(folder_ + "/none").error().code, ErrorCode::not_found);
    EXPECT_FALSE(write_file(folder_ + "/no/such/folder", "x", 0600));
    ASSERT_TRUE(write_file(path, std::string(kMaxSmallFileBytes, 'x'), 0600));
    EXPECT_TRUE(read_file(path));
    ASSERT_TRUE(write_file(path, std::string(kMaxSmallFileBytes + 1, 'x'), 0600));
    EXPECT_EQ(read_file(path).error().code, ErrorCode::too_large);
}

TEST_F(FilesTest, SecretsKeyIsMadeOnceAndGuarded) {
    const std::string path = folder_ + "/secrets.key";
    const auto missing = load_secrets_key(path);
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message.find("kontor secrets init"), std::string::npos);
    ASSERT_TRUE(make_secrets_key(path));
    EXPECT_EQ(make_secrets_key(path).error().code, ErrorCode::already_exists);
    ASSERT_TRUE(load_secrets_key(path));
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
    EXPECT_EQ(load_secrets_key(path).error().code, ErrorCode::permission_denied);
    ASSERT_TRUE(write_file(path, "short", 0600));
    EXPECT_EQ(load_secrets_key(path).error().code, ErrorCode::invalid_argument);
}

// Of every command about a folder, not only of the start.
TEST_F(FilesTest, TheKeyOfTheConfigurationIsTheFolders) {
    const std::string mine = folder_ + "/mine.key", another = folder_ + "/another.key";
    ASSERT_TRUE(make_secrets_key(mine));
    ASSERT_TRUE(make_secrets_key(another));
    EXPECT_TRUE(check_configured_key(folder_ + "/none.key", folder_)) << "nothing to compare yet";
    ASSERT_TRUE(remember_secrets_key(*load_secrets_key(mine), folder_));
    EXPECT_TRUE(check_configured_key(mine, folder_));
    const auto wrong = check_configured_key(another, folder_);
    EXPECT_EQ(wrong.error().code, ErrorCode::permission_denied);
    EXPECT_NE(wrong.error().message.find("put the right one back"), std::string::npos);
    const auto missing = check_configured_key(folder_ + "/none.key", folder_);
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
    EXPECT_NE(missing.error().message.find("from its backup"), std::string::npos);
}

TEST_F(FilesTest, CertificateIsKeptUntilItsNamesChange) {
    const auto first = ensure_private_certificate(folder_ + "/tls", {"localhost"}, system_clock());
    ASSERT_TRUE(first) << first.error().describe();
    const auto again = ensure_private_certificate(folder_ + "/tls", {"localhost"}, system_clock());
    ASSERT_TRUE(again);
    EXPECT_EQ(first->identity.certificate_chain_pem, again->identity.certificate_chain_pem);
    const auto other =
        ensure_private_certificate(folder_ + "/tls", {"localhost", "pay.example"}, system_clock());
    ASSERT_TRUE(other);
    EXPECT_NE(first->identity.certificate_chain_pem, other->identity.certificate_chain_pem);
    EXPECT_EQ(first->ca_pem, other->ca_pem) << "clients trust the CA: it stays";
    EXPECT_FALSE(load_own_certificate(folder_ + "/none.pem", folder_ + "/none.key"));
}

TEST(FormEncode, EscapesWhatIsNotPlain) {
    EXPECT_EQ(form_encode({{"metadata[a b]", "ü&="}, {"x", "~"}}), "metadata%5Ba%20b%5D=%C3%BC%26%3D&x=~");
}

}  // namespace
}  // namespace kontor::app
