#include "peer_frame.h"

#include <gtest/gtest.h>

#include <random>

#include "kontor/base/bytes.h"
#include "peer_frame_property.h"

namespace kontor::peer {
namespace {

const std::vector<Frame>& all_kinds() {
    static const std::vector<Frame> frames = {
        {.kind = FrameKind::hello, .code = kPeerProtocol, .purpose = Purpose::bulk_calls, .body = "hi"},
        {.kind = FrameKind::refused, .code = 4, .verdict = 0x0102, .body = "no"},
        {.kind = FrameKind::message, .body = "abc"},
        {.kind = FrameKind::message, .body = ""},
        {.kind = FrameKind::call, .id = 0x0102030405060708, .code = 0x1122, .body = "body"},
        {.kind = FrameKind::call, .id = 1, .code = 2, .group = 15, .body = ""},
        {.kind = FrameKind::message, .group = 255, .body = "of another group"},
        {.kind = FrameKind::answer, .id = UINT64_MAX, .body = std::string(4'096, 'a')},
        {.kind = FrameKind::failure, .id = 7, .code = 12, .body = "late"},
        {.kind = FrameKind::ping, .id = 99, .body = ""},
        {.kind = FrameKind::pong, .id = 99, .body = ""},
    };
    return frames;
}

TEST(PeerFrameTest, TheBytesOfTheDocument) {
    // docs/formats/peer-link.md
    EXPECT_EQ(to_hex(encode_frame(all_kinds()[0])),
              "0000000501"
              "0002"
              "03"
              "6869");
    EXPECT_EQ(to_hex(encode_frame(all_kinds()[1])),
              "0000000602"
              "0004"
              "0102"
              "6e6f");
    EXPECT_EQ(to_hex(encode_frame(all_kinds()[2])),
              "0000000403"
              "00"
              "616263");
    EXPECT_EQ(to_hex(encode_frame(all_kinds()[4])),
              "0000000f04"
              "0102030405060708"
              "1122"
              "00"
              "626f6479");
    EXPECT_EQ(to_hex(encode_frame(all_kinds()[8])),
              "0000000e06"
              "0000000000000007"
              "000c"
              "6c617465");
}

TEST(PeerFrameTest, WhatIsWrittenIsRead) {
    std::string bytes;
    for (const Frame& frame : all_kinds()) bytes += encode_frame(frame);
    FrameParser parser(4'096);
    std::string_view left = bytes;
    for (const Frame& frame : all_kinds()) {
        const auto whole = parser.take(left);
        ASSERT_TRUE(whole && *whole);
        EXPECT_EQ(parser.frame().kind, frame.kind);
        EXPECT_EQ(parser.frame().id, frame.id);
        EXPECT_EQ(parser.frame().code, frame.code);
        EXPECT_EQ(parser.frame().body, frame.body);
        EXPECT_EQ(parser.frame().group, frame.group);
        EXPECT_EQ(parser.frame().purpose, frame.purpose);
    }
    EXPECT_TRUE(left.empty());
    check_frames(bytes);
}

TEST(PeerFrameTest, AnyDamageIsFoundOrHarmless) {
    std::minstd_rand random(20'261'121);
    std::string good;
    for (const Frame& frame : all_kinds()) good += encode_frame(frame);
    for (int i = 0; i < 5'000; ++i) {
        std::string bytes = good.substr(0, 200);
        for (unsigned k = 0; k < 1 + random() % 4; ++k)
            bytes[random() % bytes.size()] = static_cast<char>(random() & 0xFFU);
        bytes.resize(random() % (bytes.size() + 1));
        check_frames(bytes);
        for (char& c : bytes) c = static_cast<char>(random() & 0xFFU);
        check_frames(bytes);
    }
}

TEST(PeerFrameTest, LimitsOfTheParser) {
    for (const std::size_t size : {std::size_t{100}, std::size_t{101}}) {
        FrameParser parser(100);
        const std::string bytes = encode_frame({.kind = FrameKind::answer, .body = std::string(size, 'x')});
        std::string_view left = bytes;
        const auto got = parser.take(left);
        EXPECT_EQ(got.has_value(), size == 100);
        EXPECT_TRUE(got || got.error().code == ErrorCode::corruption);
    }
    EXPECT_EQ(error_code_of(12), ErrorCode::timeout);
    EXPECT_EQ(error_code_of(0), ErrorCode::internal);
    EXPECT_EQ(error_code_of(16), ErrorCode::exhausted);
    EXPECT_EQ(error_code_of(17), ErrorCode::internal);
}

}  // namespace
}  // namespace kontor::peer
