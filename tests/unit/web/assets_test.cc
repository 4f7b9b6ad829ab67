// Holds for the built pages and for the page of a build without them.

#include "kontor/web/assets.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <string>

namespace kontor::web {
namespace {

std::string inflate(std::string_view gzip, std::size_t size) {
    std::string out(size + 1, '\0');
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, 15 + 32), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
    stream.avail_in = static_cast<uInt>(gzip.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

TEST(Assets, AreSortedAndFoundByTheirExactPath) {
    ASSERT_FALSE(assets().empty());
    EXPECT_TRUE(std::ranges::is_sorted(assets(), std::ranges::less_equal{}, &Asset::path));
    for (const Asset& asset : assets()) EXPECT_EQ(find_asset(asset.path), &asset);
    for (const std::string_view none : {"", "/", "index", "/index.html", "index.html/", "../index.html", "~"})
        EXPECT_EQ(find_asset(none), nullptr) << none;
}

TEST(Assets, SayWhatTheyAre) {
    for (const Asset& asset : assets()) {
        EXPECT_FALSE(asset.identity.empty()) << asset.path;
        EXPECT_TRUE(asset.etag.starts_with("W/\"") && asset.etag.ends_with('"') && asset.etag.size() == 20)
            << asset.etag;
        EXPECT_NE(asset.content_type.find('/'), std::string_view::npos) << asset.path;
        EXPECT_EQ(asset.immutable, asset.path.starts_with("assets/")) << asset.path;
    }
}

TEST(Assets, AreTheSameInEveryEncoding) {
    for (const Asset& asset : assets()) {
        if (asset.gzip.empty()) continue;
        EXPECT_LT(asset.gzip.size(), asset.identity.size());
        EXPECT_LE(asset.brotli.size(), asset.gzip.size()) << asset.path;
        EXPECT_EQ(inflate(asset.gzip, asset.identity.size()), asset.identity) << asset.path;
    }
}

TEST(Assets, IndexHasNothingInlineAndNamesOnlyWhatIsThere) {
    const std::string_view html = index_page().identity;
    EXPECT_EQ(index_page().content_type, "text/html; charset=utf-8");
    EXPECT_FALSE(index_page().immutable);
    EXPECT_EQ(html.find("<style"), std::string_view::npos);
    EXPECT_EQ(html.find("style="), std::string_view::npos);
    EXPECT_EQ(html.find("onload="), std::string_view::npos);
    EXPECT_EQ(html.find("http:"), std::string_view::npos);
    constexpr std::string_view kBase = "\"/admin/";
    std::size_t named = 0;
    for (std::size_t at = html.find(kBase); at != std::string_view::npos; at = html.find(kBase, at + 1)) {
        const std::size_t begin = at + kBase.size();
        const std::string_view path = html.substr(begin, html.find('"', begin) - begin);
        EXPECT_NE(find_asset(path), nullptr) << path;
        ++named;
    }
    EXPECT_EQ(named > 0, has_pages());
}

TEST(Assets, StayWithinTheirBudget) {
    std::size_t bytes = 0;
    for (const Asset& asset : assets())
        bytes += asset.gzip.empty() ? asset.identity.size() : asset.gzip.size();
    EXPECT_LE(bytes, 200U * 1024U);
}

}  // namespace
}  // namespace kontor::web
