#include "kontor/http/uri.h"

#include <gtest/gtest.h>

namespace kontor::http {
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

TEST(UrlTest, BadOnes) {
    for (const char* bad : {"",
                            "h",
                            "//h",
                            "ftp://h",
                            "https://",
                            "https:///x",
                            "https://u@h/",
                            "https://u:p@h/",
                            "https://h:0/",
                            "https://h:65536/",
                            "https://h:/",
                            "https://h:1x/",
                            "https://h#f",
                            "https://h/a b",
                            "https://h/\n",
                            "https://[::1/",
                            "https://[zz]/",
                            "https://[::1]x/",
                            "https://h..x/",
                            "https://.h/",
                            "https://h\xC3\xA9/",
                            "https://h:443:443/",
                            "https://h\\x/"})
        EXPECT_FALSE(split_url(bad)) << bad;
    EXPECT_TRUE(split_url("https://h/" + std::string(kMaxUrlBytes - 10, 'x')));
    EXPECT_EQ(split_url("https://h/" + std::string(kMaxUrlBytes - 9, 'x')).error().code,
              ErrorCode::too_large);
}

}  // namespace
}  // namespace kontor::http
