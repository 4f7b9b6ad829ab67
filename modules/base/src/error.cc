#include "kontor/base/error.h"

#include <cerrno>
#include <system_error>

namespace kontor {

std::string_view to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
            return "invalid argument";
        case ErrorCode::not_found:
            return "not found";
        case ErrorCode::already_exists:
            return "already exists";
        case ErrorCode::permission_denied:
            return "permission denied";
        case ErrorCode::unauthenticated:
            return "unauthenticated";
        case ErrorCode::too_large:
            return "too large";
        case ErrorCode::corruption:
            return "corruption";
        case ErrorCode::io:
            return "i/o error";
        case ErrorCode::no_space:
            return "no space left";
        case ErrorCode::overloaded:
            return "overloaded";
        case ErrorCode::unavailable:
            return "unavailable";
        case ErrorCode::timeout:
            return "timeout";
        case ErrorCode::conflict:
            return "conflict";
        case ErrorCode::unsupported:
            return "unsupported";
        case ErrorCode::internal:
            return "internal error";
        case ErrorCode::exhausted:
            return "used up";
    }
    return "unknown error";
}

std::string Error::describe() const {
    return std::string(to_string(code)) + ": " + message;
}

Error errno_error(std::string_view what, int error_number) {
    // A limit of file sizes (ulimit -f) is met as a quota is.
    const bool full = error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
    return Error{full ? ErrorCode::no_space : ErrorCode::io,
                 std::string(what) + ": " + std::generic_category().message(error_number)};
}

}  // namespace kontor
