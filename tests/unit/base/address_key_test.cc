#include "kontor/base/address_key.h"

#include <gtest/gtest.h>

namespace kontor {
namespace {

TEST(AddressKey, AnIpv4AddressIsOneClientHoweverItIsWritten) {
    EXPECT_EQ(address_key("192.0.2.7"), address_key("::ffff:192.0.2.7"));
    EXPECT_EQ(address_key("192.0.2.7"), address_key("::FFFF:c000:207"));
    EXPECT_NE(address_key("192.0.2.7"), address_key("192.0.2.8"));
}

TEST(AddressKey, AnIpv6NetworkOf64BitsIsOneClient) {
    EXPECT_EQ(address_key("2001:db8:1:2::1"), address_key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    EXPECT_NE(address_key("2001:db8:1:2::1"), address_key("2001:db8:1:3::1"));
    EXPECT_NE(address_key("::1"), address_key("0.0.0.1"));
    EXPECT_EQ(address_key("fe80::1%eth0"), address_key("fe80::2"));
}

TEST(AddressKey, WhatIsNoAddressStandsForItself) {
    EXPECT_EQ(address_key(""), "");
    EXPECT_EQ(address_key("unix"), "unix");
    EXPECT_EQ(address_key("unix%1"), "unix%1");
}

}  // namespace
}  // namespace kontor
