#include "peer_frame.h"

#include <algorithm>
#include <cstring>

#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"

namespace kontor::peer {
namespace {

constexpr std::size_t kFirstReserveBytes = 256U << 10U;

// Bytes of the kind's own fields, which the body follows.
constexpr std::size_t kNoKind = SIZE_MAX;
constexpr std::size_t field_bytes(std::uint8_t kind) {
    switch (static_cast<FrameKind>(kind)) {
        case FrameKind::hello:
            return 3;
        case FrameKind::refused:
            return 4;
        case FrameKind::message:
            return 1;
        case FrameKind::call:
            return 11;
        case FrameKind::failure:
            return 10;
        case FrameKind::answer:
        case FrameKind::ping:
        case FrameKind::pong:
            return 8;
    }
    return kNoKind;
}

constexpr bool has_id(FrameKind kind) {
    return kind >= FrameKind::call;
}
constexpr bool has_code(FrameKind kind) {
    return kind == FrameKind::hello || kind == FrameKind::refused || kind == FrameKind::call ||
           kind == FrameKind::failure;
}
constexpr bool has_group(FrameKind kind) {
    return kind == FrameKind::message || kind == FrameKind::call;
}
constexpr bool has_body(FrameKind kind) {
    return kind != FrameKind::ping && kind != FrameKind::pong;
}

template <typename T>
char* put_be(char* at, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        *at++ = static_cast<char>(static_cast<unsigned char>(value >> (8 * (sizeof(T) - 1 - i))));
    return at;
}

std::uint16_t get_be16(std::string_view at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(at[0]) << 8U |
                                      static_cast<unsigned char>(at[1]));
}

Unexpected bad_frame(const char* what) {
    return fail(ErrorCode::corruption, std::string("not a frame of this protocol: ") + what);
}

}  // namespace

std::size_t encode_head(const Frame& frame, std::array<char, kMaxFrameHeadBytes>& into) {
    const std::size_t fields = field_bytes(static_cast<std::uint8_t>(frame.kind));
    KONTOR_ASSERT(fields != kNoKind && frame.body.size() < UINT32_MAX - fields, "a frame of a known kind");
    char* at = put_be(into.data(), static_cast<std::uint32_t>(fields + frame.body.size()));
    *at++ = static_cast<char>(frame.kind);
    if (has_id(frame.kind)) at = put_be(at, frame.id);
    if (has_code(frame.kind)) at = put_be(at, frame.code);
    if (frame.kind == FrameKind::hello) *at++ = static_cast<char>(frame.purpose);
    if (frame.kind == FrameKind::refused) at = put_be(at, frame.verdict);
    if (has_group(frame.kind)) *at++ = static_cast<char>(frame.group);
    return static_cast<std::size_t>(at - into.data());
}

std::string encode_frame(const Frame& frame) {
    std::array<char, kMaxFrameHeadBytes> head{};
    const std::size_t size = encode_head(frame, head);
    return std::string(head.data(), size).append(frame.body);
}

std::size_t encoded_bytes(const Frame& frame) {
    return kFrameHeadBytes + field_bytes(static_cast<std::uint8_t>(frame.kind)) + frame.body.size();
}

ErrorCode error_code_of(std::uint16_t code) {
    const bool known = code >= static_cast<std::uint16_t>(ErrorCode::invalid_argument) &&
                       code <= static_cast<std::uint16_t>(ErrorCode::exhausted);
    return known ? static_cast<ErrorCode>(code) : ErrorCode::internal;
}

Result<void> FrameParser::read_kind() {
    length_ = get_be32(std::string_view(head_.data(), 4));
    const auto kind = static_cast<std::uint8_t>(head_[4]);
    const std::size_t fields = field_bytes(kind);
    if (fields == kNoKind) return bad_frame("unknown kind");
    frame_ = Frame{};
    frame_.kind = static_cast<FrameKind>(kind);
    if (length_ < fields) return bad_frame("too short for its kind");
    body_left_ = length_ - fields;
    if (!has_body(frame_.kind) && body_left_ != 0) return bad_frame("a ping has no body");
    if (body_left_ > max_body_bytes_) return bad_frame("larger than allowed");
    head_bytes_ = kFrameHeadBytes + fields;
    kind_known_ = true;
    return {};
}

Result<void> FrameParser::read_fields() {
    std::string_view fields(head_.data() + kFrameHeadBytes, head_bytes_ - kFrameHeadBytes);
    if (has_id(frame_.kind)) {
        frame_.id = get_be64(fields);
        fields.remove_prefix(8);
    }
    if (has_code(frame_.kind)) {
        frame_.code = get_be16(fields);
        fields.remove_prefix(2);
    }
    if (frame_.kind == FrameKind::refused) frame_.verdict = get_be16(fields);
    if (has_group(frame_.kind)) frame_.group = static_cast<std::uint8_t>(fields[0]);
    if (frame_.kind == FrameKind::hello) {
        const auto purpose = static_cast<std::uint8_t>(fields[0]);
        if (purpose < 1 || purpose > 4) return bad_frame("unknown purpose");
        frame_.purpose = static_cast<Purpose>(purpose);
    }
    frame_.body.reserve(std::min(body_left_, kFirstReserveBytes));
    return {};
}

Result<bool> FrameParser::take(std::string_view& in) {
    while (head_at_ < head_bytes_ || !kind_known_) {
        const std::size_t n = std::min(in.size(), head_bytes_ - head_at_);
        std::memcpy(head_.data() + head_at_, in.data(), n);
        in.remove_prefix(n);
        head_at_ += n;
        if (head_at_ < head_bytes_) return false;
        if (!kind_known_) KONTOR_CHECK(read_kind());
        if (head_at_ == head_bytes_) KONTOR_CHECK(read_fields());
    }
    const std::size_t n = std::min(in.size(), body_left_);
    frame_.body.append(in.substr(0, n));
    in.remove_prefix(n);
    body_left_ -= n;
    if (body_left_ != 0) return false;
    head_at_ = 0;
    head_bytes_ = kFrameHeadBytes;
    kind_known_ = false;
    return true;
}

}  // namespace kontor::peer
