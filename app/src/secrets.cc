#include "secrets.h"

#include <sys/stat.h>

#include "kontor/base/files.h"

namespace kontor::app {
namespace {
constexpr std::size_t kKeyBytes = 32;
}

Result<void> check_private(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IRWXO) != 0)
        return fail(ErrorCode::permission_denied,
                    path + " may be read by everybody; run: chmod o-rwx " + path);
    return {};
}

Result<crypto::Secret> load_secrets_key(const std::string& path) {
    auto content = read_file(path);
    if (!content) {
        Error error = std::move(content).error();
        if (error.code == ErrorCode::not_found)
            error.message += "; make it with: kontor secrets init --key-file " + path;
        return fail(std::move(error));
    }
    KONTOR_CHECK(check_private(path));
    if (content->size() != kKeyBytes)
        return fail(ErrorCode::invalid_argument,
                    path + " must hold exactly 32 bytes, not " + std::to_string(content->size()));
    return crypto::Secret(*std::move(content));
}

Result<void> make_secrets_key(const std::string& path) {
    if (file_exists(path)) return fail(ErrorCode::already_exists, path + " exists; it is not replaced");
    return write_file(path, crypto::random_bytes(kKeyBytes), 0600);
}

}  // namespace kontor::app
