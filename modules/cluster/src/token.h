#pragma once
// A join token as people copy it: "kct1.<SHA-256 of the authority, 64
// hex>.<secret>.<host:port>[,<host:port>]".

#include <string>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::cluster {

struct Token {
    std::string authority_sha256;  // 64 hex digits
    std::string secret;
    std::vector<std::string> addresses;
};

[[nodiscard]] std::string to_text(const Token& token);
[[nodiscard]] Result<Token> parse_token(const std::string& text);

}  // namespace kontor::cluster
