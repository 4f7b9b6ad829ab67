#include "kontor/node/folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "kontor/base/shortage.h"

namespace kontor::node {
namespace {

// The names in a folder survive a power cut only when the folder was synced; that its files were is not
// enough.
Result<void> sync_names_in(const std::filesystem::path& folder) {
    const int fd = open_file(folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return fail(errno_error("open " + folder.string(), errno));
    const int code = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    if (code != 0) return fail(errno_error("fsync " + folder.string(), code));
    return {};
}

}  // namespace

Result<void> make_durable_folder(const std::filesystem::path& folder) {
    const auto parent = std::filesystem::absolute(folder / "").parent_path().parent_path();
    std::error_code ec;
    if (!std::filesystem::exists(parent, ec)) KONTOR_CHECK(make_durable_folder(parent));
    std::filesystem::create_directories(folder, ec);
    if (ec)
        return fail(ErrorCode::io, "cannot make the data folder " + folder.string() + ": " + ec.message());
    const bool is_readable = ::access(parent.c_str(), R_OK) == 0;
    return is_readable ? sync_names_in(parent) : Result<void>{};
}

}  // namespace kontor::node
