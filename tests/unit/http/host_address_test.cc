#include "kontor/http/host_address.h"

#include <gtest/gtest.h>

#include "kontor/http/server.h"

namespace kontor::http {
namespace {

TEST(HostAddress, WhatNobodyCanDial) {
    for (const char* ip : {"224.0.0.1", "239.255.255.255", "255.255.255.255", "240.0.0.1", "0.1.2.3",
                           "ff02::1", "::ffff:224.0.0.1", "::ffff:255.255.255.255", "127.255.255.255"}) {
        EXPECT_NE(why_no_host_has(ip), "") << ip;
        const auto listened = check_listen(ip, 0);
        ASSERT_FALSE(listened) << ip;
        EXPECT_EQ(listened.error().code, ErrorCode::invalid_argument) << ip;
    }
    for (const char* ip :
         {"127.0.0.1", "::1", "10.1.2.3", "223.255.255.255", "1.0.0.1", "0.0.0.0", "::", "pay.example", ""})
        EXPECT_EQ(why_no_host_has(ip), "") << ip;
    for (const char* ip : {"0.0.0.0", "::", "0::0", "0:0:0:0:0:0:0:0", "::ffff:0.0.0.0"})
        EXPECT_TRUE(is_any_address(ip)) << ip;
    for (const char* ip : {"127.0.0.1", "::1", "", "a"}) EXPECT_FALSE(is_any_address(ip)) << ip;
}

}  // namespace
}  // namespace kontor::http
