// Every line of the IANA special-purpose registries, at both ends, and its neighbours outside.
#include "address.h"

#include <gtest/gtest.h>

namespace kontor::http {
namespace {

struct Range {
    const char* name;
    const char* first;
    const char* last;
};

bool is_private(const char* text) {
    return is_private_address(boost::asio::ip::make_address(text));
}

constexpr Range kRefused[] = {
    {"this network", "0.0.0.0", "0.255.255.255"},
    {"private use", "10.0.0.0", "10.255.255.255"},
    {"shared address space", "100.64.0.0", "100.127.255.255"},
    {"loopback", "127.0.0.0", "127.255.255.255"},
    {"link local", "169.254.0.0", "169.254.255.255"},
    {"private use", "172.16.0.0", "172.31.255.255"},
    {"protocol assignments", "192.0.0.0", "192.0.0.255"},
    {"TEST-NET-1", "192.0.2.0", "192.0.2.255"},
    {"6to4 relay", "192.88.99.0", "192.88.99.255"},
    {"private use", "192.168.0.0", "192.168.255.255"},
    {"benchmarks", "198.18.0.0", "198.19.255.255"},
    {"TEST-NET-2", "198.51.100.0", "198.51.100.255"},
    {"TEST-NET-3", "203.0.113.0", "203.0.113.255"},
    {"multicast", "224.0.0.0", "239.255.255.255"},
    {"reserved", "240.0.0.0", "255.255.255.254"},
    {"broadcast", "255.255.255.255", "255.255.255.255"},
    {"unspecified and loopback", "::", "::1"},
    {"below 2000::/3", "::1:0:0:0", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"local NAT64", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"},
    {"beside NAT64", "64:ff9b:0:0:0:1:808:808", "64:ff9b:0:ffff::808:808"},
    {"discard only", "100::", "100::ffff:ffff:ffff:ffff"},
    {"dummy prefix", "100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"},
    {"protocol assignments", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"Teredo", "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"benchmarks", "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"},
    {"AMT", "2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"ORCHID", "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"ORCHIDv2", "2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"drone ids", "2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"documentation", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"documentation", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"above 2000::/3", "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"SRv6", "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"unique local", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"link local", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"site local", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"multicast", "ff00::", "ff0e::1"},
};

TEST(AddressTest, SpecialRangesAreRefusedFromEndToEnd) {
    for (const Range& range : kRefused) {
        EXPECT_TRUE(is_private(range.first)) << range.name << " " << range.first;
        EXPECT_TRUE(is_private(range.last)) << range.name << " " << range.last;
    }
}

TEST(AddressTest, TheirNeighboursAreNot) {
    for (const char* text :
         {"1.0.0.0",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",
          "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",    "172.15.255.255",
          "172.32.0.0",      "191.255.255.255", "192.0.1.0",       "192.0.3.0",      "192.88.98.255",
          "192.88.100.0",    "192.167.255.255", "192.169.0.0",     "198.17.255.255", "198.20.0.0",
          "198.51.99.255",   "198.51.101.0",    "203.0.112.255",   "203.0.114.0",    "223.255.255.255",
          "8.8.8.8",         "2000::",          "2001:200::",      "2001:db7::",     "2001:db9::",
          "2003::",          "2606:4700::1111", "3ffe:ffff::",     "3fff:1000::"})
        EXPECT_FALSE(is_private(text)) << text;
}

// An IPv4 address that travels within an IPv6 address: the private one is refused, the public one is not.
TEST(AddressTest, EmbeddedIpv4IsLookedAt) {
    const char* const forms[][2] = {
        {"::ffff:10.0.0.1", "::ffff:8.8.8.8"},  // mapped
        {"::ffff:169.254.169.254", "::ffff:1.1.1.1"},
        {"::ffff:0:10.0.0.1", "::ffff:0:8.8.8.8"},  // translated
        {"::127.0.0.1", "::8.8.8.8"},               // compatible
        {"64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8"},  // NAT64
        {"64:ff9b::7f00:1", "64:ff9b::101:101"},
        {"2002:a00:1::", "2002:808:808::"},  // 6to4
        {"2002:7f00:1::1", "2002:101:101::1"},
        {"2606:4700::5efe:10.0.0.1", "2606:4700::5efe:8.8.8.8"},  // ISATAP
        {"2606:4700::200:5efe:192.168.0.1", "2606:4700::200:5efe:8.8.8.8"},
    };
    for (const auto& form : forms) {
        EXPECT_TRUE(is_private(form[0])) << form[0];
        EXPECT_FALSE(is_private(form[1])) << form[1];
    }
}

TEST(AddressTest, OnePrivateAddressAmongPublicOnesIsEnough) {
    using boost::asio::ip::make_address;
    using boost::asio::ip::tcp;
    EXPECT_FALSE(has_private_address({}));
    EXPECT_FALSE(has_private_address(
        {tcp::endpoint(make_address("8.8.8.8"), 443), tcp::endpoint(make_address("2606:4700::1111"), 443)}));
    EXPECT_TRUE(has_private_address({tcp::endpoint(make_address("8.8.8.8"), 443),
                                     tcp::endpoint(make_address("2606:4700::1111"), 443),
                                     tcp::endpoint(make_address("10.0.0.1"), 443)}));
}

}  // namespace
}  // namespace kontor::http
