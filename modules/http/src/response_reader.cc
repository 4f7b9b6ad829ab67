#include "response_reader.h"

#include <algorithm>
#include <charconv>

#include "ascii.h"

namespace kontor::http {
namespace {

constexpr std::string_view kBlank = " \t";

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

Error no_http(const std::string& what) {
    return {ErrorCode::io, "malformed response: " + what};
}

// Each element of a list as "close, upgrade".
template <typename Visit>
void each_element(std::string_view list, Visit visit) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const std::string_view one = trim(list.substr(0, comma));
        if (!one.empty()) visit(one);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
}

template <typename Number>
bool parse_all(std::string_view text, Number& number, int base) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

void ResponseReader::begin() {
    phase_ = Phase::status_line;
    headers_.clear();
    says_close_ = says_keep_alive_ = is_doubtful_ = false;
    has_length_ = has_coding_ = is_chunked_ = false;
    length_ = 0;
}

Result<std::size_t> ResponseReader::put(std::string_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && phase_ != Phase::complete) {
        const std::string_view rest = bytes.substr(used);
        if (phase_ == Phase::body || phase_ == Phase::chunk || phase_ == Phase::until_end) {
            std::size_t taken = 0;
            KONTOR_TRY(taken, take_body(rest));
            used += taken;
            continue;
        }
        const std::size_t end = rest.find('\n');
        const std::size_t taken = end == std::string_view::npos ? rest.size() : end + 1;
        used += taken;
        head_bytes_ += taken;
        if (head_bytes_ > kMaxHeadBytes)
            return fail(ErrorCode::too_large, "the head of the response is too long");
        line_.append(rest.substr(0, std::min(end, rest.size())));
        has_begun_ = has_begun_ || line_.find_first_not_of('\r') != std::string::npos;
        if (end == std::string_view::npos) break;
        if (line_.ends_with('\r')) line_.pop_back();
        KONTOR_CHECK(take_line(line_));
        line_.clear();
    }
    return used;
}

bool ResponseReader::put_end() {
    keep_alive_ = false;
    if (phase_ == Phase::until_end) phase_ = Phase::complete;
    return is_complete();
}

Result<void> ResponseReader::take_line(std::string_view line) {
    switch (phase_) {
        case Phase::status_line:
            return line.empty() ? Result<void>() : take_status_line(line);
        case Phase::fields:
            if (line.empty()) return end_of_head();
            take_field(line);
            return {};
        case Phase::chunk_size:
            return take_chunk_size(line);
        case Phase::chunk_end:
            if (!line.empty()) return fail(no_http("a chunk is longer than it says"));
            phase_ = Phase::chunk_size;
            return {};
        case Phase::trailers:
            if (line.empty()) phase_ = Phase::complete;
            return {};
        case Phase::body:
        case Phase::chunk:
        case Phase::until_end:
        case Phase::complete:
            break;
    }
    KONTOR_UNREACHABLE("bodies have no lines");
}

// "HTTP/1.1 200 OK", and what comes close to it.
Result<void> ResponseReader::take_status_line(std::string_view line) {
    constexpr std::string_view kName = "HTTP/";
    constexpr std::size_t kShown = 40;
    const auto bad = [&] {
        std::string shown(line.substr(0, kShown));
        for (char& c : shown)
            if (c < 0x20 || c > 0x7E) c = '?';
        return fail(no_http("its first line is '" + shown + "'"));
    };
    if (!equal_ignoring_case(line.substr(0, kName.size()), kName)) return bad();
    const std::size_t blank = line.find_first_of(kBlank);
    if (blank == std::string_view::npos) return bad();
    const std::string_view version = line.substr(kName.size(), blank - kName.size());
    if (version.empty() || version.find_first_not_of("0123456789.") != std::string_view::npos) return bad();
    is_http_11_ = version == "1.1";
    const std::string_view rest = trim(line.substr(blank));
    constexpr std::size_t kDigits = 3;
    const std::size_t end = std::min(rest.find_first_of(kBlank), rest.size());
    if (end != kDigits || !parse_all(rest.substr(0, kDigits), status_, 10) || status_ < 100) return bad();
    phase_ = Phase::fields;
    return {};
}

void ResponseReader::take_field(std::string_view line) {
    if (kBlank.find(line.front()) != std::string_view::npos) {  // folded: the last field goes on
        if (headers_.empty()) return;
        // What frames the body must not depend on how a fold is read.
        const std::string& name = headers_.back().name;
        is_doubtful_ = is_doubtful_ || equal_ignoring_case(name, "content-length") ||
                       equal_ignoring_case(name, "transfer-encoding");
        headers_.back().value.append(" ").append(trim(line));
        return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view name = trim(line.substr(0, colon));
    if (name.empty()) return;
    headers_.push_back({std::string(name), std::string(trim(line.substr(colon + 1)))});
}

void ResponseReader::take_length(std::string_view value) {
    bool is_number = false;
    each_element(value, [&](std::string_view one) {
        std::uint64_t length = 0;
        is_number = parse_all(one, length, 10);
        if (!is_number || (has_length_ && length != length_)) is_doubtful_ = true;
        if (!is_number || has_length_) return;
        has_length_ = true;
        length_ = length;
    });
    if (!is_number) is_doubtful_ = true;
}

void ResponseReader::take_connection(std::string_view value) {
    each_element(value, [&](std::string_view one) {
        says_close_ = says_close_ || equal_ignoring_case(one, "close");
        says_keep_alive_ = says_keep_alive_ || equal_ignoring_case(one, "keep-alive");
    });
}

Result<void> ResponseReader::end_of_head() {
    constexpr int kSwitchingProtocols = 101, kNoContent = 204, kNotModified = 304;
    const bool is_interim = status_ < 200 && status_ != kSwitchingProtocols;
    if (is_interim) {
        begin();
        return {};
    }
    for (const Header& field : headers_) {
        if (equal_ignoring_case(field.name, "content-length")) take_length(field.value);
        if (equal_ignoring_case(field.name, "connection")) take_connection(field.value);
        if (!equal_ignoring_case(field.name, "transfer-encoding")) continue;
        each_element(field.value, [&](std::string_view one) {
            if (equal_ignoring_case(one, "identity")) return;
            has_coding_ = true;
            is_chunked_ = equal_ignoring_case(one, "chunked");  // counts as the last one
        });
    }
    keep_alive_ = !says_close_ && (is_http_11_ || says_keep_alive_);
    is_doubtful_ = is_doubtful_ || (has_coding_ && has_length_);
    head_bytes_ = 0;  // trailers may have as much
    if (answers_head_ || status_ == kNoContent || status_ == kNotModified) {
        phase_ = Phase::complete;
    } else if (has_coding_) {
        phase_ = is_chunked_ ? Phase::chunk_size : Phase::until_end;
    } else if (has_length_) {
        if (length_ > max_body_) {
            phase_ = Phase::until_end;  // never complete; the head is there
            return fail(ErrorCode::too_large, "the body of the response is too long");
        }
        left_ = length_;
        phase_ = left_ == 0 ? Phase::complete : Phase::body;
    } else {
        phase_ = Phase::until_end;
    }
    if (phase_ == Phase::until_end) keep_alive_ = false;
    return {};
}

// "1a; extension": the size in hexadecimal digits.
Result<void> ResponseReader::take_chunk_size(std::string_view line) {
    if (!parse_all(trim(line.substr(0, std::min(line.find(';'), line.size()))), left_, 16))
        return fail(no_http("a chunk without a size"));
    head_bytes_ = 0;
    phase_ = left_ == 0 ? Phase::trailers : Phase::chunk;
    return {};
}

Result<std::size_t> ResponseReader::take_body(std::string_view bytes) {
    const bool has_end = phase_ != Phase::until_end;
    const std::size_t taken =
        has_end ? static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())) : bytes.size();
    if (taken > max_body_ - body_.size())
        return fail(ErrorCode::too_large, "the body of the response is too long");
    body_.append(bytes.substr(0, taken));
    if (!has_end) return taken;
    left_ -= taken;
    if (left_ == 0) phase_ = phase_ == Phase::body ? Phase::complete : Phase::chunk_end;
    return taken;
}

}  // namespace kontor::http
