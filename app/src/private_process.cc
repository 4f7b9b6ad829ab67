#include "private_process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

namespace kontor::app {
namespace {

constexpr mode_t kForOthers = S_IRWXG | S_IRWXO;

void tighten(const std::string& path, Tightened& result) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return;  // gone meanwhile
    const bool is_ours = S_ISREG(info.st_mode) || S_ISDIR(info.st_mode) || S_ISSOCK(info.st_mode);
    if (!is_ours || (info.st_mode & kForOthers) == 0) return;
    if (::chmod(path.c_str(), info.st_mode & 07777 & ~kForOthers) == 0) {
        if (result.changed++ == 0) result.first_changed = path;
    } else if (errno != ENOENT) {
        if (result.failed++ == 0) result.first_failed = path;
    }
}

}  // namespace

void keep_process_private() {
    ::umask(077);
    // A core file would hold keys and customers' data. Where the limit may not be set, the unit has set it.
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0);  // also where core files go to a program, which limits do not stop
}

Tightened keep_folder_private(const std::string& folder,
                              const std::function<bool(const std::string& name)>& is_ours) {
    namespace fs = std::filesystem;
    Tightened result;
    std::error_code ec;
    const fs::path root = fs::canonical(folder, ec);
    if (ec) return result;
    tighten(root.string(), result);
    fs::recursive_directory_iterator at(root, fs::directory_options::skip_permission_denied, ec), end;
    for (; !ec && at != end; at.increment(ec)) {
        if (at.depth() == 0 && !is_ours(at->path().filename().string())) {
            at.disable_recursion_pending();
            continue;
        }
        tighten(at->path().string(), result);
    }
    return result;
}

}  // namespace kontor::app
