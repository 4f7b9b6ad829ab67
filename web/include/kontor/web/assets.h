#pragma once
// The admin pages as part of the binary: what web/ builds, embedded with .incbin.
//
// A build without the pages (KONTOR_WEB=OFF, or no Node.js) has one page that says how to get them.
//
// Threading: constant data; from any thread. Ownership: views of the binary's own read-only memory, valid for
// ever. Errors: an unknown path is nullptr. Limits: 200 KiB compressed in all, held by the build of the
// pages.

#include <span>
#include <string_view>

namespace kontor::web {

struct Asset {
    std::string_view path;          // below /admin/: "index.html", "favicon.svg", "assets/index-Bq3x.js"
    std::string_view content_type;  // with charset where it is text
    std::string_view etag;          // weak, quotes included: one value for all encodings
    std::string_view identity;
    std::string_view gzip;    // empty: not smaller than identity
    std::string_view brotli;  // empty: not smaller than identity
    bool immutable;           // its name changes with its content: may be cached for ever
};

// Sorted by path.
[[nodiscard]] std::span<const Asset> assets();
// `path` as in Asset::path, exact; nullptr: there is none.
[[nodiscard]] const Asset* find_asset(std::string_view path);
// index.html: the answer for every address below /admin/ that is neither an asset nor below api/ or assets/.
[[nodiscard]] const Asset& index_page();
// False in a build without the pages.
[[nodiscard]] bool has_pages();

}  // namespace kontor::web
