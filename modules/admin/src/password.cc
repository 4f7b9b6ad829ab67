#include "password.h"

#include <algorithm>
#include <array>
#include <string>

#include "kontor/admin/limits.h"

namespace kontor::admin {
namespace {

// Long enough to pass the length rule and tried first by everybody. Compared in lower case.
constexpr std::array<std::string_view, 24> kCommon{
    "123456789012",   "1234567890123",    "12345678901234", "123456123456",     "111111111111",
    "000000000000",   "abcdefghijkl",     "abcd12345678",   "qwertyuiop12",     "qwertyuiop123",
    "qwerty123456",   "qwertyuiopas",     "password1234",   "passwordpassword", "password12345",
    "password123456", "passw0rd1234",     "iloveyou1234",   "administrator",    "adminadminadmin",
    "letmeinletmein", "changemechangeme", "welcome12345",   "kontorkontor"};

std::size_t characters(std::string_view utf8) {
    return static_cast<std::size_t>(std::count_if(
        utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_one_character(std::string_view utf8) {
    std::size_t size = 1;
    while (size < utf8.size() && (static_cast<unsigned char>(utf8[size]) & 0xC0U) == 0x80U) ++size;
    for (std::size_t at = 0; at < utf8.size(); at += size)
        if (utf8.substr(at, size) != utf8.substr(0, size)) return false;
    return true;
}

}  // namespace

std::string_view password_problem(std::string_view password, std::string_view operator_name) {
    if (characters(password) < limits::kPasswordMinCharacters) return "password_too_short";
    if (password.size() > limits::kPasswordMaxBytes) return "password_too_long";
    std::string lower(password);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    const bool is_name = !operator_name.empty() && lower.find(operator_name) != std::string::npos &&
                         lower.size() < operator_name.size() + 4;
    const bool listed = std::find(kCommon.begin(), kCommon.end(), lower) != kCommon.end();
    return is_one_character(lower) || is_name || listed ? "password_too_common" : "";
}

}  // namespace kontor::admin
