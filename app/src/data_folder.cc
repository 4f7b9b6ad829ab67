#include "data_folder.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "kontor/base/data_format.h"
#include "kontor/base/files.h"
#include "kontor/base/log.h"
#include "kontor/node/folder.h"
#include "private_process.h"
#include "reports/all.h"

namespace kontor::app {
namespace {

std::string name_of(uid_t uid) {
    const passwd* const user = ::getpwuid(uid);  // start-up: one thread
    return user != nullptr ? std::string(user->pw_name) : "number " + std::to_string(uid);
}

Unexpected of_another_user(const std::string& path, uid_t owner) {
    const std::string name = name_of(owner);
    return fail(ErrorCode::permission_denied,
                path + " belongs to user " + name + ", and this process runs as " + name_of(::geteuid()) +
                    ": run it as that user (sudo -u " + name + " kontor …), or give the whole folder away " +
                    "first (chown -R)");
}

// Why `path` cannot be used, from errno of the call that failed.
Unexpected not_usable(const std::string& path, int error) {
    struct stat info {};
    std::string at = path;  // the innermost part that can be looked at
    while (::stat(at.c_str(), &info) != 0 && at.size() > 1) {
        const std::size_t slash = at.rfind('/');
        if (slash == std::string::npos) break;
        at.resize(std::max<std::size_t>(slash, 1));
    }
    switch (error) {
        case EACCES:
        case EPERM:
            if (info.st_uid != ::geteuid() && ::geteuid() != 0) return of_another_user(at, info.st_uid);
            return fail(ErrorCode::permission_denied, path + " may not be used by " + name_of(::geteuid()) +
                                                          ", also not by its mode: look at 'ls -ld " + at +
                                                          "'");
        case EROFS:
            return fail(ErrorCode::io, path +
                                           " is on a file system that is mounted read-only: a node has to "
                                           "write. 'kontor verify' can look at it.");
        case ENOTDIR:
        case EEXIST:
            return fail(ErrorCode::invalid_argument, path + " is no folder, or is inside of a file");
        case ELOOP:
            return fail(ErrorCode::invalid_argument, path + " is a circle of symbolic links");
        default:
            return fail(errno_error("use " + path, error));
    }
}

Result<void> make_folders(const std::string& path) {
    std::error_code ec;
    std::filesystem::create_directories(path, ec);
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0)
        return S_ISDIR(info.st_mode) ? Result<void>{} : Result<void>(not_usable(path, ENOTDIR));
    // A symbolic link to nothing: the disk that it leads to is not mounted.
    if (::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode))
        return fail(ErrorCode::invalid_argument, path +
                                                     " is a symbolic link to a folder that is not there: is "
                                                     "its disk mounted?");
    return not_usable(path, ec ? ec.value() : ENOENT);
}

// Of a node's parts, each shows whose folder it is: by any of these it is a node's.
constexpr const char* kProofs[] = {"/format", "/peer/identity.json", "/tls/ca.pem", "/secrets.check"};
// And these, where format 1 had them: docs/formats/folder.md.
constexpr const char* kProofsOfFormat1[] = {"/log/state", "/store/partitions"};
constexpr std::string_view kFormatWords = "kontor data format ";
// What a node makes there. Parts that begin so are being replaced (format.new).
struct Part {
    std::string_view name;
    bool is_folder;
};
constexpr Part kParts[] = {
    {"LOCK", false},
    {"format", false},
    {"groups", true},
    {"groups/0", true},
    {"groups/0/log", true},
    {"groups/0/log/LOCK", false},
    {"groups/0/log/state", false},
    {"groups/0/log/durable", false},
    {"groups/0/log/promise", false},
    {"groups/0/store", true},
    {"groups/0/store/LOCK", false},
    {"groups/0/store/partitions", true},
    {"groups/0/store/redo", true},
    {"peer", true},
    {"reports", true},
    {"tls", true},
    {"tls/server.pem", false},
    {"tls/server.names", false},
    {"reserve", false},
    {"control.sock", false},
    {"secrets.check", false},
    {"dev.json", false},
};
// A group that this process is in may be its user's own; any other one is somebody else's.
bool is_of_own_group(gid_t group) {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
    groups.resize(
        static_cast<std::size_t>(std::max(0, ::getgroups(static_cast<int>(groups.size()), groups.data()))));
    return group == ::getegid() || std::find(groups.begin(), groups.end(), group) != groups.end();
}

bool may_others_write(const struct stat& info) {
    return (info.st_mode & S_IWOTH) != 0 || ((info.st_mode & S_IWGRP) != 0 && !is_of_own_group(info.st_gid));
}

// Others may have put something in, taken something out, or left a link to somewhere else.
Result<void> check_closed(const std::string& path, const struct stat& info) {
    if (!may_others_write(info)) return {};
    const bool can_be_closed =
        (info.st_uid == ::geteuid() || ::geteuid() == 0) && (info.st_mode & S_ISVTX) == 0;
    return fail(
        ErrorCode::invalid_argument,
        path + " is a folder that others may write to" +
            (can_be_closed ? ": look whether all in it is the node's (ls -lA), then 'chmod go-w " + path + "'"
                           : " (like /tmp): name a folder in it"));
}

// The parts that say whose a folder is, the first one first.
constexpr const char* kOwned[] = {
    "/format",       "/groups",         "/groups/0",          "/groups/0/log/state",
    "/groups/0/log", "/groups/0/store", "/peer/identity.json"};
constexpr std::string_view kOfTheFileSystem[] = {"lost+found", ".snapshot", ".zfs"};

bool is_of_format_1(const std::string& path) {
    return std::any_of(std::begin(kProofsOfFormat1), std::end(kProofsOfFormat1),
                       [&path](const char* proof) { return file_exists(path + proof); });
}

bool is_part(const std::string& name) {
    return std::any_of(std::begin(kParts), std::end(kParts), [&](const Part& part) {
        return name == part.name || (name.starts_with(part.name) && name[part.name.size()] == '.');
    });
}

// Folders may be links, to another disk. A file that is one is opened by nobody here: what it leads to may be
// somebody else's.
Result<void> check_no_link(const std::string& at) {
    struct stat info {};
    if (::lstat(at.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return {};
    return fail(ErrorCode::invalid_argument,
                at + " is a symbolic link, and a node has a file of its own there: put the file itself "
                     "there. Nothing was changed");
}

// A partition may be a link to a folder, for another disk; its files may not.
Result<void> check_no_links(const std::string& folder) {
    std::error_code code;
    for (std::filesystem::directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) {
        const std::string at = it->path().string();
        if (std::error_code none; !it->is_directory(none)) {
            KONTOR_CHECK(check_no_link(at));
        } else {
            for (const char* file : {"/data.mdb", "/lock.mdb"}) KONTOR_CHECK(check_no_link(at + file));
        }
    }
    return {};
}

Result<void> check_kind(const std::string& at, bool is_folder) {
    struct stat info {};
    if (::stat(at.c_str(), &info) != 0) {
        if (!is_folder || ::lstat(at.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return {};
        return fail(ErrorCode::invalid_argument, at + " is a symbolic link to a folder that is not there: is "
                                                      "its disk mounted? Nothing was changed");
    }
    if (S_ISDIR(info.st_mode) == is_folder) return {};
    return fail(ErrorCode::invalid_argument, at +
                                                 (is_folder ? " is no folder, and a node has one there"
                                                            : " is a folder, and a node has a file there") +
                                                 ": put back what was there before. Nothing was changed");
}

Result<void> check_kinds(const std::string& path) {
    for (const Part& part : kParts)
        KONTOR_CHECK(check_kind(path + "/" + std::string(part.name), part.is_folder));
    for (const char* file : {"/LOCK", "/format"}) KONTOR_CHECK(check_no_link(path + file));
    const std::string store = node::store_folder(path);
    for (const std::string& folder : {node::log_folder(path), store, store + "/redo", store + "/partitions"})
        KONTOR_CHECK(check_no_links(folder));
    for (const reporting::ReportSpec* report : reports::all())
        KONTOR_CHECK(check_kind(path + "/reports/" + std::string(report->name.value) + ".sqlite", false));
    return {};
}

// Nobody but root could use all of it.
Result<void> check_one_owner(const std::string& path) {
    std::string first;
    uid_t owner = 0;
    for (const char* part : kOwned) {
        struct stat info {};
        const std::string at = path + part;
        if (::stat(at.c_str(), &info) != 0) continue;
        if (first.empty()) {
            first = at;
            owner = info.st_uid;
        } else if (info.st_uid != owner) {
            return fail(ErrorCode::invalid_argument, first + " belongs to user " + name_of(owner) + ", and " +
                                                         at + " to user " + name_of(info.st_uid) +
                                                         ": give all of it to the node's user (chown -R)");
        }
    }
    return {};
}

bool is_of_the_file_system(const std::string& name) {
    return std::find(std::begin(kOfTheFileSystem), std::end(kOfTheFileSystem), name) !=
           std::end(kOfTheFileSystem);
}

std::string process_in(int file) {
    std::array<char, 32> text{};
    const ssize_t n = ::pread(file, text.data(), text.size() - 1, 0);
    const std::string number(text.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    const std::string pid = number.substr(0, number.find('\n'));
    return pid.empty() ? "another process" : "process " + pid;
}

constexpr int kLockTries = 5;
constexpr useconds_t kLockAgainUs = 20'000;  // somebody who only looks has it for a moment

// Tries again for a moment.
bool lock_now(int fd) {
    for (int tries = 1; ::flock(fd, LOCK_EX | LOCK_NB) != 0; ++tries) {
        if (errno != EWOULDBLOCK || tries == kLockTries) return false;
        ::usleep(kLockAgainUs);
    }
    return true;
}

Result<int> lock(const std::string& path) {
    const std::string file = path + "/LOCK";
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return not_usable(path, errno);
    if (!lock_now(fd)) {
        const int error = errno;
        const std::string who = process_in(fd);
        ::close(fd);
        if (error == EWOULDBLOCK) return fail(ErrorCode::unavailable, path + " is in use by " + who);
        return fail(errno_error("lock " + file, error));
    }
    const std::string number = std::to_string(::getpid()) + "\n";  // for people; the lock is what counts
    if (::ftruncate(fd, 0) != 0 ||
        ::pwrite(fd, number.data(), number.size(), 0) != static_cast<ssize_t>(number.size()))
        log::debug("start", "the number of this process is not in " + file);
    return fd;
}

}  // namespace

bool holds_data(const std::string& folder) {
    return file_exists(node::log_folder(folder) + "/state") || file_exists(node::store_folder(folder)) ||
           is_of_format_1(folder);
}

void drop_reports(const std::string& folder) {
    std::error_code ignored;
    for (const reporting::ReportSpec* report : reports::all())
        for (const char* suffix : reporting::kDatabaseSuffixes)
            std::filesystem::remove(
                folder + "/reports/" + std::string(report->name.value) + ".sqlite" + suffix, ignored);
}

std::string marker_path(const Settings& settings) {
    if (!settings.data_marker.empty()) return settings.data_marker;
    std::error_code ec;
    const auto folder = std::filesystem::absolute(settings.data_folder + "/", ec).lexically_normal();
    const std::string path = folder.parent_path().string();
    // The package's: nobody but root makes files in /var/lib.
    return path == "/var/lib/kontor" ? "/var/lib/kontor-state/node.mark" : path + ".mark";
}

Result<void> DataFolder::check_format(const std::string& path) {
    const auto refuse = [&path](const std::string& why) {
        return fail(ErrorCode::unsupported,
                    path + why + " Nothing was changed. (docs/operating.md, \"Data formats\")");
    };
    const std::string file = path + "/format";
    KONTOR_CHECK(check_kind(file, false));
    KONTOR_CHECK(check_no_link(file));
    if (!file_exists(file)) {
        if (is_of_format_1(path))
            return refuse(
                " was made by Kontor 0.1 or a version before it (data format 1). This version has data "
                "format " +
                std::to_string(kDataFormat) +
                " and cannot read it, and nothing converts it: go on with the version that made it, or "
                "name a new data folder.");
        if (file_exists(node::log_folder(path) + "/state") ||
            file_exists(node::store_folder(path) + "/partitions"))
            return refuse(
                " has data and no file 'format', which every start makes first: put the whole folder back "
                "from its backup.");
        return {};
    }
    auto read = read_file(file);
    if (!read && read.error().code == ErrorCode::permission_denied) return not_usable(file, EACCES);
    KONTOR_TRY(const std::string said, std::move(read));
    std::uint32_t format = 0;
    const std::string_view number = std::string_view(said).substr(std::min(kFormatWords.size(), said.size()));
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), format);
    if (!said.starts_with(kFormatWords) || error != std::errc{} ||
        std::string_view(end, static_cast<std::size_t>(number.data() + number.size() - end)) != "\n")
        return refuse(" has a file 'format' that says no format: put the whole folder back from its backup.");
    if (format == kDataFormat) return {};
    return refuse(
        " has data format " + said.substr(kFormatWords.size(), said.size() - kFormatWords.size() - 1) +
        ", and this version has " + std::to_string(kDataFormat) +
        (format > kDataFormat ? ": use the newer version that made it."
                              : ": go on with the version that made it, or name a new data folder."));
}

// A start that was cut short may have left a part of the names, and nothing in them that shows it.
Result<void> DataFolder::check_content(const std::string& path) {
    KONTOR_CHECK(check_format(path));
    KONTOR_CHECK(check_kinds(path));
    for (const char* proof : kProofs)
        if (file_exists(path + proof)) return {};
    const bool has_lock = file_exists(path + "/LOCK");
    std::error_code code;
    for (std::filesystem::directory_iterator it(path, code), end; !code && it != end; it.increment(code)) {
        const std::string name = it->path().filename().string();
        std::error_code ignored;
        const bool is_empty_folder = it->is_directory(ignored) && !it->is_symlink(ignored) &&
                                     std::filesystem::is_empty(it->path(), ignored);
        if (is_of_the_file_system(name) || (is_part(name) && (has_lock || is_empty_folder))) continue;
        return fail(
            ErrorCode::invalid_argument,
            path + " holds files that are not Kontor's (" + name +
                "): a data folder is for a node alone. Name an empty folder, or one that is not there yet");
    }
    return {};
}

// Another user who may write there all the same, root before all, would leave files that the owner cannot
// open again.
Result<void> DataFolder::check_owner(const std::string& path) {
    KONTOR_CHECK(check_one_owner(path));
    struct stat folder {};
    if (::stat(path.c_str(), &folder) == 0) {
        if ((folder.st_mode & S_IWOTH) != 0) KONTOR_CHECK(check_closed(path, folder));
        if (::geteuid() == 0 && folder.st_uid != 0) return of_another_user(path, folder.st_uid);
        KONTOR_CHECK(check_closed(path, folder));
    }
    for (const char* part : kOwned) {
        struct stat info {};
        if (::stat((path + part).c_str(), &info) == 0 && info.st_uid != ::geteuid())
            return of_another_user(path + part, info.st_uid);
    }
    return {};
}

Result<void> DataFolder::check(const std::string& path) {
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) return not_usable(path, errno);
    KONTOR_CHECK(check_owner(path));
    return check_content(path);
}

Result<void> DataFolder::check_readable(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0) {
        if (!S_ISDIR(info.st_mode) || ::access(path.c_str(), R_OK | X_OK) == 0) return {};
    } else if (errno != EACCES) {
        return {};
    }
    return not_usable(path, errno);
}

DataFolder::User DataFolder::user_of(const std::string& path) {
    const int fd = ::open((path + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return {};
    User user;
    if (::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        user.name = process_in(fd);
        user.is_this_process = user.name == "process " + std::to_string(::getpid());
    }
    ::close(fd);
    return user;
}

Result<DataFolder> DataFolder::take_existing(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 && errno == ENOENT)
        return fail(ErrorCode::not_found, path + " is not there; is its disk mounted? Nothing was changed");
    return take(path);
}

Result<DataFolder> DataFolder::take(const std::string& path) {
    KONTOR_CHECK(make_folders(path));
    KONTOR_CHECK(check(path));
    DataFolder folder;
    KONTOR_TRY(folder.lock_, lock(path));
    if (!file_exists(path + "/format"))
        KONTOR_CHECK(write_file(path + "/format",
                                std::string(kFormatWords) + std::to_string(kDataFormat) + "\n", 0600));
    const Tightened done = keep_folder_private(path, is_part);
    if (done.changed != 0)
        log::warning("start", "event=files_made_private count=" + std::to_string(done.changed) +
                                  " first=" + done.first_changed);
    if (done.failed != 0)
        log::warning("start", "event=files_readable_by_others count=" + std::to_string(done.failed) +
                                  " first=" + done.first_failed + " (chmod go-rwx by their owner)");
    return folder;
}

DataFolder::DataFolder(DataFolder&& other) noexcept : lock_(std::exchange(other.lock_, -1)) {}
DataFolder& DataFolder::operator=(DataFolder&& other) noexcept {
    std::swap(lock_, other.lock_);
    return *this;
}
DataFolder::~DataFolder() {
    if (lock_ >= 0) ::close(lock_);
}

}  // namespace kontor::app
