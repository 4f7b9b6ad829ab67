#include "clean_text.h"

#include <gtest/gtest.h>

namespace kontor::outbox {
namespace {

TEST(CleanText, KeepsUtf8CutsBetweenCharactersReplacesTheRest) {
    EXPECT_EQ(clean_text("plain", 100), "plain");
    EXPECT_EQ(clean_text("茶 ü 😀", 100), "茶 ü 😀");
    EXPECT_EQ(clean_text("茶館", 5), "茶") << "no half character at the end";
    EXPECT_EQ(clean_text("abc", 2), "ab");
    EXPECT_EQ(clean_text(std::string("a\nb\x7F\0c", 6), 100), "a?b??c");
    EXPECT_EQ(clean_text("\xC0\xAF", 100), "??") << "overlong";
    EXPECT_EQ(clean_text("\xED\xA0\x80", 100), "???") << "a surrogate";
    EXPECT_EQ(clean_text("\xF4\x90\x80\x80", 100), "????") << "above U+10FFFF";
    EXPECT_EQ(clean_text("\xE2\x82", 100), "??") << "cut off";
}

}  // namespace
}  // namespace kontor::outbox
