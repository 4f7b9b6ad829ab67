#pragma once
// A QR code as SVG: black on white whatever the theme, since that is what scanners want.

#include <string>

namespace kontor::admin {
[[nodiscard]] std::string qr_svg(const std::string& text);
}  // namespace kontor::admin
