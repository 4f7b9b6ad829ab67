// Any bytes on the peer port: the parser neither breaks nor depends on how they are cut.
#include <cstddef>
#include <cstdint>

#include "peer_frame_property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    kontor::peer::check_frames(std::string_view(reinterpret_cast<const char*>(data), size));
    return 0;
}
