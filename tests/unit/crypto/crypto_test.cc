#include "kontor/crypto/crypto.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <sstream>
#include <type_traits>

#include "kontor/base/bytes.h"

namespace kontor::crypto {
namespace {

template <typename T>
concept Streamable = requires(std::ostream& out, const T& value) {
    out << value;
};
static_assert(!Streamable<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string>);

std::string hex(std::string_view text) {
    return *from_hex(text);
}

TEST(SecretTest, MoveLeavesNothingBehind) {
    Secret a(std::string("short"));
    Secret b(std::move(a));
    EXPECT_EQ(b.reveal(), "short");
    EXPECT_TRUE(a.empty());  // NOLINT: the moved-from state is the point
    Secret c(std::string(100, 'x'));
    c = std::move(b);
    EXPECT_EQ(c.reveal(), "short");
    EXPECT_TRUE(b.empty());  // NOLINT
    const Secret& self = c;
    c = self;
    EXPECT_EQ(c.reveal(), "short");
}

TEST(DigestTest, Sha256Vectors) {  // FIPS 180-4 examples
    EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(DigestTest, KeyedHashVectors) {  // SipHash-2-4-128, the authors' vectors_sip128
    const std::string key = hex("000102030405060708090a0b0c0d0e0f");
    EXPECT_EQ(to_hex(keyed_hash(key, "")), "a3817f04ba25a8e66df67214c7550293");
    EXPECT_EQ(to_hex(keyed_hash(key, hex("00"))), "da87c1d86b99af44347659119b22fc45");
    EXPECT_EQ(to_hex(keyed_hash(key, hex("000102030405060708090a0b0c0d0e"))),
              "5493e99933b0a8117e08ec0f97cfc3d9");
    EXPECT_DEATH((void)keyed_hash("short", ""), "16 bytes");
}

TEST(DigestTest, HmacVectors) {  // RFC 4231
    struct Case {
        std::string key, message, mac;
    };
    const Case cases[] = {
        {std::string(20, '\x0b'), "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {std::string(20, '\xaa'), std::string(50, '\xdd'),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), std::string(50, '\xcd'),
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {std::string(131, '\xaa'),
         "This is a test using a larger than block-size key and a larger than block-size data. The key needs "
         "to be "
         "hashed before being used by the HMAC algorithm.",
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
        {"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    for (const Case& c : cases) EXPECT_EQ(to_hex(hmac_sha256(c.key, c.message)), c.mac);
}

TEST(DigestTest, ConstantTimeEquality) {
    EXPECT_TRUE(equal_constant_time("", ""));
    EXPECT_TRUE(equal_constant_time("abc", "abc"));
    EXPECT_FALSE(equal_constant_time("abc", "abd"));
    EXPECT_FALSE(equal_constant_time("abc", "abcd"));
}

TEST(EncodingTest, Rfc4648Vectors) {
    const std::array<std::string_view, 7> plain = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    const std::array<std::string_view, 7> in_64 = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                                   "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    const std::array<std::string_view, 7> in_32 = {"",        "MY",       "MZXQ",      "MZXW6",
                                                   "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"};
    for (std::size_t i = 0; i < plain.size(); ++i) {
        EXPECT_EQ(base64(plain[i]), in_64[i]);
        EXPECT_EQ(base32(plain[i]), in_32[i]);
        EXPECT_EQ(from_base64(in_64[i]), plain[i]);
        EXPECT_EQ(from_base64(in_64[i].substr(0, in_64[i].find('='))), plain[i]);
        EXPECT_EQ(from_base32(in_32[i]), plain[i]);
    }
    for (const std::string_view wrong : {"Z", "Zh", "Zg==x", "Z g=", "Zm9v\n", "Zm-_"})
        EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
    for (const std::string_view wrong : {"M", "MZ", "my", "MY======", "M1", "MZXW6Y"})
        EXPECT_EQ(from_base32(wrong), std::nullopt) << wrong;
    EXPECT_EQ(from_base64("////AA=="), std::string("\xff\xff\xff\x00", 4));
    EXPECT_EQ(base64(std::string("\xff\xff\xff\x00", 4)), "////AA==");
}

TEST(RandomTest, LengthAlphabetAndDifference) {
    EXPECT_EQ(random_bytes(0), "");
    EXPECT_EQ(random_bytes(32).size(), 32U);
    EXPECT_NE(random_bytes(32), random_bytes(32));
    EXPECT_EQ(random_token(0), "");
    const std::string token = random_token(20'000);
    ASSERT_EQ(token.size(), 20'000U);
    std::array<int, 256> counts{};
    for (const char c : token) ++counts[static_cast<unsigned char>(c)];
    int kinds = 0;
    for (std::size_t c = 0; c < counts.size(); ++c) {
        if (counts[c] == 0) continue;
        ++kinds;
        EXPECT_TRUE(std::isalnum(static_cast<int>(c)));
        // 323 expected; 18 is one standard deviation. A biased modulo would give the first digits a quarter
        // more.
        EXPECT_NEAR(counts[c], 323, 130);
    }
    EXPECT_EQ(kinds, 62);
}

TEST(SealerTest, OpensWhatItSealed) {
    const Sealer sealer{Secret(std::string(32, 'k'))};
    for (const std::string& plain : {std::string(), std::string("x"), std::string(100'000, 'y')}) {
        const std::string sealed = sealer.seal(plain, "ctx");
        EXPECT_EQ(sealed.size(), plain.size() + 29);
        const auto opened = sealer.open(sealed, "ctx");
        ASSERT_TRUE(opened);
        EXPECT_EQ(*opened, plain);
    }
    EXPECT_NE(sealer.seal("same", ""), sealer.seal("same", ""));
}

TEST(SealerTest, AnyChangedBitIsCorruption) {
    const Sealer sealer{Secret(std::string(32, 'k'))};
    const std::string sealed = sealer.seal("secret text", "ctx");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string bad = sealed;
        bad[i] = static_cast<char>(bad[i] ^ 1);
        const auto opened = sealer.open(bad, "ctx");
        ASSERT_FALSE(opened) << i;
        EXPECT_EQ(opened.error().code, i == 0 ? ErrorCode::unsupported : ErrorCode::corruption);
    }
    for (std::size_t n = 0; n < sealed.size(); ++n)
        EXPECT_FALSE(sealer.open(sealed.substr(0, n), "ctx")) << n;
    EXPECT_FALSE(sealer.open(sealed + "x", "ctx"));
    EXPECT_FALSE(sealer.open(sealed, "ctX"));
    EXPECT_FALSE(sealer.open(sealed, ""));
    const Sealer other{Secret(std::string(32, 'l'))};
    EXPECT_FALSE(other.open(sealed, "ctx"));
}

TEST(SealerTest, TheExampleOfTheFormatPageOpens) {  // docs/formats/sealed.md
    const Sealer sealer{Secret(hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))};
    const auto opened = sealer.open(
        hex("01404142434445464748494a4b91d2f157434ff35ca8bc765beb087653ebff0387b0b805e144d5e8549f5b09"),
        "api-key/7");
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, "sk_test_example");
}

TEST(SealerDeathTest, TheKeyHas32Bytes) {
    EXPECT_DEATH(Sealer(Secret(std::string(16, 'k'))), "32 key bytes");
}

TEST(PasswordTest, VerifiesOnlyTheRightOne) {
    const std::string hash = password_hash(Secret(std::string("correct horse")));
    EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=65536,t=2,p=1$")) << hash;
    EXPECT_TRUE(password_verify(hash, Secret(std::string("correct horse"))));
    EXPECT_FALSE(password_verify(hash, Secret(std::string("correct horsf"))));
    EXPECT_FALSE(password_verify(hash, Secret()));
    EXPECT_NE(hash, password_hash(Secret(std::string("correct horse"))));
}

// The same form and parameters, or the time of an answer tells which names exist.
TEST(PasswordTest, ADecoyCostsWhatAHashCosts) {
    const std::string real = password_hash(Secret("a password")), decoy = password_decoy();
    EXPECT_EQ(decoy.size(), real.size());
    const std::size_t parameters = real.find('$', real.find("m="));
    EXPECT_EQ(decoy.substr(0, parameters), real.substr(0, parameters));
    EXPECT_NE(decoy, password_decoy());
    EXPECT_FALSE(password_verify(decoy, Secret("a password")));
}

TEST(PasswordTest, GarbageHashesVerifyNothing) {
    const Secret password(std::string("x"));
    for (const std::string& hash : {std::string(), std::string("$argon2id$"), std::string(127, 'a'),
                                    std::string(128, 'a'), std::string(5000, 'a'), std::string("a\0b", 3)})
        EXPECT_FALSE(password_verify(hash, password));
}

TEST(TotpTest, Rfc6238Sha1Vectors) {  // appendix B, the last six of eight digits
    const Secret secret(std::string("12345678901234567890"));
    const std::pair<std::uint64_t, std::string_view> vectors[] = {
        {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
        {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    for (const auto& [seconds, code] : vectors) EXPECT_EQ(totp_code(secret, seconds / 30), code);
}

TEST(TotpTest, AcceptsOneStepEitherWayAndEachCodeOnce) {
    const Secret secret(std::string("12345678901234567890"));
    const std::uint64_t step = 1'000'000;
    const std::int64_t now_ms = static_cast<std::int64_t>(step) * 30'000 + 15'000;
    EXPECT_EQ(totp_verify(secret, totp_code(secret, step), now_ms, 0), step);
    EXPECT_EQ(totp_verify(secret, totp_code(secret, step - 1), now_ms, 0), step - 1);
    EXPECT_EQ(totp_verify(secret, totp_code(secret, step + 1), now_ms, 0), step + 1);
    EXPECT_FALSE(totp_verify(secret, totp_code(secret, step - 2), now_ms, 0));
    EXPECT_FALSE(totp_verify(secret, totp_code(secret, step + 2), now_ms, 0));
    EXPECT_FALSE(totp_verify(secret, totp_code(secret, step), now_ms, step));  // used already
    EXPECT_EQ(totp_verify(secret, totp_code(secret, step), now_ms, step - 1), step);
}

TEST(TotpTest, BadInput) {
    const Secret secret(std::string("12345678901234567890"));
    for (const char* code : {"", "12345", "1234567", "abcdef", " 12345"})
        EXPECT_FALSE(totp_verify(secret, code, 59'000, 0)) << code;
    EXPECT_FALSE(totp_verify(Secret(), "287082", 59'000, 0));
    EXPECT_FALSE(totp_verify(secret, "287082", -1, 0));
    EXPECT_EQ(totp_verify(secret, totp_code(secret, 1), 0, 0), 1U);  // near the epoch nothing wraps
    EXPECT_FALSE(totp_verify(secret, totp_code(secret, 0), 0, 0));   // step 0 is never "after" step 0
}

}  // namespace
}  // namespace kontor::crypto
