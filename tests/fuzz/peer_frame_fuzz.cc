// Any bytes as a frame of a peer, as they are and under the checksum that they should have.
#include <cstddef>
#include <cstdint>

#include "wire_property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace kontor::replication;
    const ClusterId cluster{'f', 'u', 'z', 'z'};
    const std::string frame(reinterpret_cast<const char*>(data), size);
    test::check_frame(frame, cluster);
    test::check_frame(test::resealed(frame, cluster), cluster);
    return 0;
}
