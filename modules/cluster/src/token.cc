#include "token.h"

#include "kontor/base/bytes.h"

namespace kontor::cluster {
namespace {

constexpr std::size_t kMaxTokenBytes = 2'048;
constexpr const char* kPrefix = "kct1.";

}  // namespace

std::string to_text(const Token& token) {
    std::string text = kPrefix + token.authority_sha256 + "." + token.secret + ".";
    for (std::size_t i = 0; i < token.addresses.size(); ++i) text += (i == 0 ? "" : ",") + token.addresses[i];
    return text;
}

Result<Token> parse_token(const std::string& text) {
    const auto bad = [](const char* what) {
        return fail(ErrorCode::invalid_argument,
                    std::string("this is no join token (") + what +
                        "): copy the whole line that 'kontor cluster token' printed");
    };
    if (text.size() > kMaxTokenBytes) return bad("too long");
    if (!text.starts_with(kPrefix)) return bad("it does not start with kct1.");
    const std::size_t first = text.find('.') + 1;
    const std::size_t second = text.find('.', first);
    if (second == std::string::npos) return bad("a part is missing");
    const std::size_t third = text.find('.', second + 1);
    if (third == std::string::npos) return bad("a part is missing");
    Token token;
    token.authority_sha256 = text.substr(first, second - first);
    token.secret = text.substr(second + 1, third - second - 1);
    if (token.authority_sha256.size() != 64 || !from_hex(token.authority_sha256))
        return bad("the fingerprint");
    if (token.secret.size() < 16) return bad("the secret");
    std::size_t at = third + 1;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        if (end > at) token.addresses.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    if (token.addresses.empty()) return bad("the addresses");
    return token;
}

}  // namespace kontor::cluster
