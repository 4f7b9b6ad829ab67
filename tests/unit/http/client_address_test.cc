#include "kontor/http/client_address.h"

#include <gtest/gtest.h>

namespace kontor::http {
namespace {

AddressRanges ranges(const std::vector<std::string>& texts) {
    auto parsed = AddressRanges::parse(texts);
    EXPECT_TRUE(parsed) << parsed.error().describe();
    return *std::move(parsed);
}

TEST(AddressRanges, ContainWhatTheyShould) {
    const AddressRanges some = ranges({"10.0.0.0/8", "192.168.1.7", "172.16.0.0/12", "fd00::/8", "::1"});
    for (const char* in :
         {"10.0.0.0", "10.255.255.255", "192.168.1.7", "172.31.255.255", "::ffff:10.1.2.3", "fd12::1", "::1"})
        EXPECT_TRUE(some.contains(in)) << in;
    for (const char* out : {"9.255.255.255", "11.0.0.0", "192.168.1.8", "172.32.0.0", "fe80::1", "::2", "",
                            "proxy", "10.0.0.1:80", "10.0.0"})
        EXPECT_FALSE(some.contains(out)) << out;
    EXPECT_TRUE(ranges({"0.0.0.0/0"}).contains("8.8.8.8"));
    EXPECT_FALSE(ranges({"0.0.0.0/0"}).contains("2001:db8::1"));
    EXPECT_FALSE(ranges({}).contains("127.0.0.1"));
}

TEST(AddressRanges, RefuseWhatIsNone) {
    for (const char* bad :
         {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/8/8", "localhost", "[::1]"})
        EXPECT_EQ(AddressRanges::parse({bad}).error().code, ErrorCode::invalid_argument) << bad;
    EXPECT_NE(AddressRanges::parse({"a", "::1", "b"}).error().message.find(": a, b"), std::string::npos)
        << "all of them are named";
    EXPECT_TRUE(AddressRanges::parse(std::vector<std::string>(kMaxRanges, "::1")));
    EXPECT_FALSE(AddressRanges::parse(std::vector<std::string>(kMaxRanges + 1, "::1")));
}

TEST(ClientAddress, IsTheRightmostThatIsNotOurs) {
    const AddressRanges ours = ranges({"127.0.0.1", "10.0.0.0/8"});
    const auto of = [&](std::vector<std::string> lists) {
        std::vector<Header> headers{{"Host", "x"}, {"Forwarded", "for=6.6.6.6"}, {"X-Real-IP", "6.6.6.6"}};
        for (std::string& list : lists) headers.push_back({"x-Forwarded-FOR", std::move(list)});
        return client_address("127.0.0.1", headers, ours);
    };
    EXPECT_EQ(of({}), "127.0.0.1");
    EXPECT_EQ(of({"8.8.8.8"}), "8.8.8.8");
    EXPECT_EQ(of({"6.6.6.6, 8.8.8.8"}), "8.8.8.8") << "the left one is what the stranger said";
    EXPECT_EQ(of({"6.6.6.6, 8.8.8.8,10.1.1.1 ,\t10.2.2.2"}), "8.8.8.8");
    EXPECT_EQ(of({"6.6.6.6", "8.8.8.8, 10.1.1.1", "10.2.2.2"}), "8.8.8.8") << "several fields are one list";
    EXPECT_EQ(of({"10.3.3.3, 10.1.1.1"}), "10.3.3.3");
    EXPECT_EQ(of({"8.8.8.8:1234"}), "8.8.8.8");
    EXPECT_EQ(of({"[2001:DB8::1]:443"}), "2001:db8::1");
    EXPECT_EQ(of({"::ffff:8.8.8.8"}), "8.8.8.8");
    EXPECT_EQ(of({"6.6.6.6, unknown, 10.1.1.1"}), "10.1.1.1") << "nobody knows what stands before it";
    EXPECT_EQ(of({"6.6.6.6, unknown"}), "127.0.0.1");
    EXPECT_EQ(of({", ,"}), "127.0.0.1");
}

TEST(IsPlainScrape, NoProxyWhateverItCallsItself) {
    for (const char* name : {"X-Forwarded-For",
                             "x-forwarded-proto",
                             "X-Forwarded-Host",
                             "Forwarded",
                             "Via",
                             "X-Real-IP",
                             "CF-Connecting-IP",
                             "X-Envoy-External-Address",
                             "X-Original-Forwarded-For",
                             "X-Cluster-Client-IP",
                             "Fastly-Client-IP",
                             "X-Azure-ClientIP",
                             "CDN-Loop",
                             "Proxy-Connection",
                             "X-Host",
                             "Client-IP",
                             "X-ProxyUser-Ip",
                             "X-Amzn-Trace-Id",
                             "True-Client-IP",
                             "X-Never-Heard-Of",
                             "Cookie",
                             "Sec-Fetch-Mode",
                             "Referer",
                             "Host2"})
        EXPECT_FALSE(is_plain_scrape({{"Host", "x"}, {name, ""}})) << name;
    EXPECT_TRUE(is_plain_scrape({}));
    const std::vector<Header> curl = {{"Host", "x"}, {"User-Agent", "curl/7.88.1"}, {"Accept", "*/*"}};
    const std::vector<Header> prometheus = {{"Host", "x"},
                                            {"User-Agent", "Prometheus/2.53.0"},
                                            {"Accept", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"},
                                            {"Accept-Encoding", "gzip"},
                                            {"Authorization", "Bearer x"},
                                            {"X-Prometheus-Scrape-Timeout-Seconds", "10"}};
    const std::vector<Header> wget = {{"host", "x"},
                                      {"user-agent", "Wget"},
                                      {"accept", "*/*"},
                                      {"Accept-Encoding", "identity"},
                                      {"Connection", "Keep-Alive"}};
    for (const auto& headers : {curl, prometheus, wget}) EXPECT_TRUE(is_plain_scrape(headers));
}

}  // namespace
}  // namespace kontor::http
