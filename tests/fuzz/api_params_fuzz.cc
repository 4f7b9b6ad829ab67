// Any bytes as request parameters: neither parser breaks, and what they accept keeps its promises.
#include <cstddef>
#include <cstdint>

#include "params_property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kontor::surface::check_body(std::string_view(reinterpret_cast<const char*>(data), size));
    return 0;
}
