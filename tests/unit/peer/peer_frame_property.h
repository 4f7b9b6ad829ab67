#pragma once
// What must hold for any bytes that arrive on the peer port; the fuzzer and a unit test call it.

#include <string>
#include <string_view>

#include "kontor/base/assert.h"
#include "peer_frame.h"

namespace kontor::peer {

// Parsed whole or byte by byte, the same frames come out; what the parser takes encodes to the same bytes.
inline void check_frames(std::string_view bytes, std::size_t max_body = 4'096) {
    FrameParser whole(max_body), slow(max_body);
    std::string_view left = bytes;
    std::size_t at = 0;
    bool broken = false;
    while (!left.empty() && !broken) {
        const std::size_t before = left.size();
        const auto got = whole.take(left);
        broken = !got;
        const bool complete = got && *got;
        KONTOR_ASSERT(broken || complete || left.empty(), "a parser that wants more has taken all");
        bool slow_complete = false, slow_broken = false;
        const std::size_t end = at + (before - left.size());
        while (at < end && !slow_broken) {
            std::string_view one = bytes.substr(at, 1);
            const auto step = slow.take(one);
            ++at;
            slow_broken = !step;
            slow_complete = step && *step;
            KONTOR_ASSERT(!slow_complete || at == end, "byte by byte, the same end");
        }
        KONTOR_ASSERT(slow_broken == broken && slow_complete == complete, "byte by byte, the same outcome");
        if (!complete) continue;
        KONTOR_ASSERT(whole.frame().body.size() <= max_body, "the limit holds");
        const std::string again = encode_frame(whole.frame());
        KONTOR_ASSERT(again == bytes.substr(end - again.size(), again.size()), "a frame has one spelling");
        KONTOR_ASSERT(again == encode_frame(slow.frame()), "byte by byte, the same frame");
        KONTOR_ASSERT(encoded_bytes(whole.frame()) == again.size(), "the size is known before");
    }
}

}  // namespace kontor::peer
