#include "kontor/web/assets.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace kontor::web {

#include "assets_table.inc"

namespace {

std::string_view view(const char* begin, const char* end) {
    return {begin, static_cast<std::size_t>(end - begin)};
}

const std::array<Asset, KONTOR_WEB_ASSET_COUNT>& table() {
    static const std::array<Asset, KONTOR_WEB_ASSET_COUNT> rows{{KONTOR_WEB_ASSET_ROWS}};
    return rows;
}

}  // namespace

std::span<const Asset> assets() {
    return table();
}

const Asset* find_asset(std::string_view path) {
    const auto found = std::ranges::lower_bound(table(), path, {}, &Asset::path);
    return found != table().end() && found->path == path ? &*found : nullptr;
}

const Asset& index_page() {
    static const Asset* const index = find_asset("index.html");
    if (index == nullptr) std::abort();  // the embedding always has one
    return *index;
}

bool has_pages() {
    return kHasPages;
}

}  // namespace kontor::web
