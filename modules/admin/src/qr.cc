#include "qr.h"

#include <qrcodegen.hpp>

namespace kontor::admin {

std::string qr_svg(const std::string& text) {
    constexpr int kQuietZone = 4;  // modules, ISO/IEC 18004
    const auto code = qrcodegen::QrCode::encodeText(text.c_str(), qrcodegen::QrCode::Ecc::MEDIUM);
    const int size = code.getSize() + 2 * kQuietZone;
    const std::string box = std::to_string(size);
    std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + box + " " + box +
                      "\" shape-rendering=\"crispEdges\"><rect width=\"" + box + "\" height=\"" + box +
                      "\" fill=\"#fff\"/><path fill=\"#000\" d=\"";
    for (int y = 0; y < code.getSize(); ++y)
        for (int x = 0; x < code.getSize(); ++x)
            if (code.getModule(x, y))
                svg +=
                    "M" + std::to_string(x + kQuietZone) + " " + std::to_string(y + kQuietZone) + "h1v1h-1z";
    return svg + "\"/></svg>";
}

}  // namespace kontor::admin
