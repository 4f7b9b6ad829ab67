#include "kontor/uri/uri.h"

#include <gtest/gtest.h>

namespace kontor::uri {
namespace {

TEST(PercentTest, DecodesAndEncodes) {
    EXPECT_EQ(*percent_decode(""), "");
    EXPECT_EQ(*percent_decode("a%20b%2Fc%c3%A9"), "a b/c\xC3\xA9");
    EXPECT_EQ(*percent_decode("a+b"), "a+b");
    EXPECT_EQ(*percent_decode("a+b%2B", true), "a b+");
    EXPECT_EQ(*percent_decode("%00"), std::string(1, '\0'));
    for (const char* bad : {"%", "%4", "%zz", "a%2", "%%20", "% 20", "%-1"})
        EXPECT_FALSE(percent_decode(bad)) << bad;
    std::string all;
    for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
    EXPECT_EQ(*percent_decode(percent_encode(all)), all);
    EXPECT_EQ(percent_encode("a b/c~"), "a%20b%2Fc~");
}

TEST(QueryTest, PairsInOrder) {
    const QueryPairs wanted = {{"a", "1"},    {"b", "x y"}, {"a", "2"},
                               {"empty", ""}, {"flag", ""}, {"m[k]", "v=w"}};
    EXPECT_EQ(*parse_query("a=1&b=x+y&a=2&empty=&flag&m[k]=v=w"), wanted);
    EXPECT_EQ(*parse_query("m%5Bk%5D=%26"), (QueryPairs{{"m[k]", "&"}}));
    EXPECT_TRUE(parse_query("")->empty());
    EXPECT_EQ(parse_query("&&a=1&")->size(), 1U);
}

TEST(QueryTest, BadInput) {
    for (const char* bad : {"=v", "a=%", "%=a", "a=1&=2", "a=%zz"})
        EXPECT_EQ(parse_query(bad).error().code, ErrorCode::invalid_argument) << bad;
}

TEST(QueryTest, LimitIsExact) {
    std::string query;
    for (std::size_t i = 0; i < kMaxQueryPairs; ++i) query += "a=b&";
    EXPECT_EQ(parse_query(query)->size(), kMaxQueryPairs);
    EXPECT_EQ(parse_query(query + "a=b").error().code, ErrorCode::too_large);
}

TEST(UrlTest, Splits) {
    const auto url = split_url("https://Example.ORG/a/b?c=d");
    ASSERT_TRUE(url);
    EXPECT_TRUE(url->https);
    EXPECT_EQ(url->host, "example.org");
    EXPECT_EQ(url->port, 443);
    EXPECT_EQ(url->target, "/a/b?c=d");
    EXPECT_EQ(url->authority(), "example.org");
    EXPECT_EQ(split_url("http://h:8080")->authority(), "h:8080");
    EXPECT_EQ(split_url("http://h:80")->authority(), "h");
    EXPECT_EQ(split_url("HTTP://h")->target, "/");
    EXPECT_EQ(split_url("https://h?q")->target, "/?q");
    EXPECT_EQ(split_url("https://[::1]:444/x")->host, "::1");
    EXPECT_EQ(split_url("https://[::1]:444/x")->authority(), "[::1]:444");
    EXPECT_EQ(split_url("https://[::1]")->port, 443);
}

// Resolvers take these for addresses, whatever looks for private ones does not.
TEST(UrlTest, AHostThatEndsInANumberIsAPlainAddress) {
    for (const std::string bad : {"2130706433",     "0x7f000001", "0X7F000001", "017700000001",
                                  "127.1",          "127.0.1",    "0x7f.1",     "0177.0.0.1",
                                  "127.0.0.01",     "00000177.1", "0",          "0x",
                                  "1.2.3",          "1.2.3.4.5",  "256.1.1.1",  "999.999.999.999",
                                  "foo.0x7f000001", "127.0x0.1",  "example.1",  "0xffffffffff",
                                  "127.0.0.1.0x0"})
        for (const char* dot : {"", ".", ".:444"})
            EXPECT_FALSE(split_url("https://" + bad + dot + "/x")) << bad << dot;
    for (const std::string good : {"127.0.0.1", "8.8.8.8", "127.0.0.1.nip.io", "1e3", "0x7g", "1.example",
                                   "x1", "a.0b1", "3com.com", "h.x0"})
        EXPECT_TRUE(split_url("https://" + good + "/x")) << good;
}

TEST(UrlTest, ALastDotSaysNothing) {
    EXPECT_EQ(split_url("https://Example.org./x")->host, "example.org");
    EXPECT_EQ(split_url("https://127.0.0.1.:444/x")->authority(), "127.0.0.1:444");
    EXPECT_EQ(split_url("http://localhost.")->host, "localhost");
    EXPECT_EQ(split_url("https://" + std::string(253, 'a') + ".")->host.size(), 253U);
    EXPECT_FALSE(split_url("https://" + std::string(254, 'a')));
    for (const char* bad : {"https://.", "https://../", "https://a../", "https://.:1/"})
        EXPECT_FALSE(split_url(bad)) << bad;
}

constexpr const char* kUser = "a URL must not contain a user name";
constexpr const char* kHost = "URL: not a host name";
constexpr const char* kPort = "URL: not a port number";
constexpr const char* kSix = "URL: not an IPv6 address";
constexpr const char* kAscii = "URL: spaces, control and non-ASCII characters must be escaped";
constexpr const char* kScheme = "URL: needs http:// or https://";
constexpr const char* kFragment = "URL: fragments have no use here";

struct Hostile {
    std::string url;
    std::string is;  // "host port target", or why it is refused
};

// Held before and after the grammar became Boost.URL's.
TEST(UrlTest, WhatStrangersSend) {
    const std::vector<Hostile> table = {
        // user names, and what looks like one
        {"https://u@h/", kUser},
        {"https://u:p@h/", kUser},
        {"https://@h/", kUser},
        {"https://good.example@127.0.0.1/", kUser},
        {"https://good.example%40127.0.0.1/", kHost},
        {"https://a@b@c/", kUser},
        {"https://[::1]@h/", kUser},
        {"https://h/@u", "h 443 /@u"},
        {"https://h?u@x", "h 443 /?u@x"},
        // ports
        {"https://h:0/", kPort},
        {"https://h:/", kPort},
        {"https://h:65535/", "h 65535 /"},
        {"https://h:65536/", kPort},
        {"https://h:65979/", kPort},  // 443 in 16 bits
        {"https://h:80000/", kPort},
        {"https://h:4294967739/", kPort},
        {"https://h:99999999999999999999/", kPort},
        {"https://h:00443/", "h 443 /"},
        {"https://h:-1/", kPort},
        {"https://h:+443/", kPort},
        {"https://h:0x1bb/", kPort},
        {"https://h:1x/", kPort},
        {"https://h:%34%34%33/", kPort},
        {"https://h:443:443/", kHost},
        {"https://:443/", kHost},
        // IPv6
        {"https://[::1]/", "::1 443 /"},
        {"https://[::FFFF:127.0.0.1]:444/x", "::ffff:127.0.0.1 444 /x"},
        {"https://[2001:DB8:0:0:0:0:0:1]/", "2001:db8:0:0:0:0:0:1 443 /"},
        {"https://[::]/", ":: 443 /"},
        {"https://[::1", "URL: missing ']'"},
        {"https://[::1/", "URL: missing ']'"},
        {"https://[::1]x/", "URL: text after ']'"},
        {"https://[zz]x/", "URL: text after ']'"},
        {"https://[]/", kSix},
        {"https://[zz]/", kSix},
        {"https://[1.2.3.4]/", kSix},
        {"https://[::1]:/", kPort},
        {"https://[::1]:0/", kPort},
        {"https://[::1]:80:90/", kPort},
        {"https://[1:2:3:4:5:6:7:8:9]/", kSix},
        {"https://[1::2::3]/", kSix},
        {"https://[12345::]/", kSix},
        {"https://[::256.1.1.1]/", kSix},
        {"https://[::1%25eth0]/", kSix},
        {"https://[fe80::1%eth0]/", kSix},
        {"https://[v1.a]/", kSix},
        {"https://[vF.::1]/", kSix},
        {"https://::1/", kHost},
        {"https://h[::1]/", kHost},
        // escapes
        {"https://ex%61mple.org/", kHost},
        {"https://%31%32%37.0.0.1/", kHost},
        {"https://h%00.example/", kHost},
        {"https://h%zz/", kHost},
        {"https://h/%zz%2", "h 443 /%zz%2"},
        {"https://h/%00%0d%0a", "h 443 /%00%0d%0a"},
        {"https://h/thanks?session={CHECKOUT_SESSION_ID}", "h 443 /thanks?session={CHECKOUT_SESSION_ID}"},
        {"https://h/a|b^c`d\"<e>\\f", "h 443 /a|b^c`d\"<e>\\f"},
        {"https://h?a[b]=c", "h 443 /?a[b]=c"},
        // blanks and control characters
        {"https://h /", kAscii},
        {" https://h/", kAscii},
        {"https://h/\t", kAscii},
        {"https://h\r\nHost: x/", kAscii},
        {std::string("https://h\0/", 11), kAscii},
        {"https://h/\x7f", kAscii},
        // names of other alphabets
        {"https://b\xC3\xBC"
         "cher.example/",
         kAscii},
        {"https://xn--bcher-kva.example/", "xn--bcher-kva.example 443 /"},
        {"https://\xEF\xBC\x91.example/", kAscii},
        {"https://\xE3\x80\x82/", kAscii},
        // hosts that are none
        {"https://", kHost},
        {"https:///x", kHost},
        {"https://./", kHost},
        {"https://h..x/", kHost},
        {"https://.h/", kHost},
        {"https://h\\x/", kHost},
        {"https://h\\@good.example/", kUser},
        {"https://a,b/", kHost},
        {"https://a;b=c/", kHost},
        {"https://*.example/", kHost},
        {"https://a_b.example/", "a_b.example 443 /"},
        {"https://EXAMPLE.Org./", "example.org 443 /"},
        {"https://h#f", kFragment},
        {"https://h/#@x", kFragment},
        // schemes
        {"", kScheme},
        {"h", kScheme},
        {"//h", kScheme},
        {"https:h", kScheme},
        {"https:/h", kScheme},
        {"ftp://h", kScheme},
        {"javascript://h/%0aalert(1)", kScheme},
        {"x-https://h", kScheme},
        {"view-source:https://h", kScheme},
        {"HTTPS://H/", "h 443 /"},
        {"http://h/", "h 80 /"},
    };
    for (const Hostile& one : table) {
        const auto url = split_url(one.url);
        EXPECT_EQ(url ? url->host + " " + std::to_string(url->port) + " " + url->target : url.error().message,
                  one.is)
            << one.url;
    }
}

TEST(UrlTest, ItsLengthIsBounded) {
    EXPECT_TRUE(split_url("https://h/" + std::string(kMaxUrlBytes - 10, 'x')));
    EXPECT_EQ(split_url("https://h/" + std::string(kMaxUrlBytes - 9, 'x')).error().code,
              ErrorCode::too_large);
}

TEST(UrlTest, AnAuthorityIsJoined) {
    EXPECT_EQ(join_authority("h", 0), "h");
    EXPECT_EQ(join_authority("h", 443), "h:443");
    EXPECT_EQ(join_authority("::1", 8444), "[::1]:8444");
}

}  // namespace
}  // namespace kontor::uri
