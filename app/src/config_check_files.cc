#include "config_check_files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <utility>

#include "appliance.h"
#include "control.h"
#include "data_folder.h"
#include "kontor/base/disk_space.h"
#include "kontor/base/files.h"
#include "kontor/node/folder.h"
#include "kontor/replication/marker.h"
#include "kontor/store/partitions_made.h"
#include "kontor/store/store.h"
#include "kontor/transport/certificates.h"
#include "secrets.h"
#include "tls_files.h"

namespace kontor::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxEntriesLookedAt = 10'000;  // of a data folder
constexpr int kMaxDepthLookedAt = 5;
// Beside the first piece of the log: certificates, reports; and for each partition.
constexpr std::uint64_t kFirstStartBytes = 2ULL << 20, kFirstStartPartitionBytes = 64ULL << 10;
constexpr std::uint64_t kFirstStartFiles = 48, kFirstStartPartitionFiles = 3;
// Not in every <linux/magic.h>.
constexpr unsigned long kCifs = 0xFF534D42UL, kSmb2 = 0xFE534D42UL, kFuse = 0x65735546UL,
                        kNinep = 0x01021997UL;

std::string user_name(uid_t user) {
    passwd entry{};
    passwd* found = nullptr;
    char buffer[4096];
    if (::getpwuid_r(user, &entry, buffer, sizeof(buffer), &found) == 0 && found != nullptr)
        return found->pw_name;
    return "number " + std::to_string(user);
}

bool may(const fs::path& path, int what) {
    return ::faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0;
}

std::string why_not(const fs::path& path, int error) {
    if (error == EROFS) return path.string() + " is on a disk that is mounted read-only";
    struct stat info {};
    const bool is_known = ::stat(path.c_str(), &info) == 0;
    if (is_known && info.st_uid == ::geteuid())
        return path.string() + " belongs to this user (" + user_name(info.st_uid) +
               "), and its mode forbids to use it: chmod " + (S_ISDIR(info.st_mode) ? "u+rwx " : "u+rw ") +
               path.string();
    return path.string() + " may not be used by this user (" + user_name(::geteuid()) + ")" +
           (is_known ? "; it belongs to " + user_name(info.st_uid) : std::string());
}

// What is there of the path already, the deepest part.
fs::path existing_part(fs::path path) {
    std::error_code code;
    while (!fs::exists(path, code) && path.has_relative_path()) path = path.parent_path();
    return path;
}

// Root may look, and the node's user is whose the folder is.
bool is_of_others(const fs::path& path, uid_t owner) {
    struct stat info {};
    return ::geteuid() == 0 && owner != 0 && ::stat(path.c_str(), &info) == 0 && info.st_uid != owner;
}

// The first thing in a folder that its user may not read and write: made by another user, by mistake.
void check_entries(const fs::path& folder, const Complaint& complain) {
    constexpr const char* kGiveBack =
        ". Was it made by a command that another user ran? Then give all of it back with chown -R";
    struct stat whole {};
    const uid_t owner = ::stat(folder.c_str(), &whole) == 0 ? whole.st_uid : 0;
    std::error_code code;
    std::size_t looked_at = 0;
    auto it = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, code);
    for (; !code && it != fs::end(it) && ++looked_at < kMaxEntriesLookedAt; it.increment(code)) {
        if (it.depth() >= kMaxDepthLookedAt) it.disable_recursion_pending();
        std::error_code ignored;
        const auto kind = it->symlink_status(ignored).type();
        if (kind != fs::file_type::regular && kind != fs::file_type::directory) continue;
        const int what = kind == fs::file_type::directory ? R_OK | W_OK | X_OK : R_OK | W_OK;
        if (is_of_others(it->path(), owner))
            return complain("data.folder", it->path().string() + " does not belong to " + user_name(owner) +
                                               ", whose the folder is" + kGiveBack);
        if (may(it->path(), what) || errno == ENOENT) continue;  // a node that runs deletes some
        return complain("data.folder", why_not(it->path(), errno) + kGiveBack);
    }
}

unsigned long file_system_of(const fs::path& path) {
    struct statfs info {};
    return ::statfs(path.c_str(), &info) == 0 ? static_cast<unsigned long>(info.f_type) & 0xFFFFFFFFUL : 0;
}

bool is_of_the_kernel(unsigned long type) {
    return type == PROC_SUPER_MAGIC || type == SYSFS_MAGIC || type == CGROUP2_SUPER_MAGIC;
}

void check_file_system(const fs::path& path, const Complaint& complain, const Complaint& warn) {
    const unsigned long type = file_system_of(path);
    if (type == NFS_SUPER_MAGIC || type == SMB_SUPER_MAGIC || type == kCifs || type == kSmb2)
        return complain("data.folder", path.string() +
                                           " is on a network file system, where neither locks nor "
                                           "mapped files can be relied on: use a local disk");
    if (is_of_the_kernel(type)) return complain("data.folder", path.string() + " is no place for files");
    if (type == TMPFS_MAGIC || type == RAMFS_MAGIC)
        return warn("data.folder",
                    path.string() + " is in memory: everything is lost when the machine stops");
    if (type == kFuse || type == kNinep)
        warn("data.folder", path.string() + " is on a file system that may not honour fsync");
}

void check_partitions(const Settings& settings, const Complaint& complain) {
    std::error_code code;
    if (!fs::exists(node::store_folder(settings.data_folder) + "/partitions", code)) return;
    // As it was made, whatever is left of it.
    const auto made = store::partitions_made(node::store_folder(settings.data_folder));
    if (made && *made != settings.partitions)
        complain("data.partitions", "the folder has " + std::to_string(*made) + " partitions, not " +
                                        std::to_string(settings.partitions) +
                                        "; the number is chosen when the folder is made");
}

bool is_same_file(const fs::path& a, const struct stat& b) {
    struct stat info {};
    return ::stat(a.c_str(), &info) == 0 && info.st_dev == b.st_dev && info.st_ino == b.st_ino;
}

// Some folder on the way up from `path` is `folder`.
bool is_below(const fs::path& path, const fs::path& folder) {
    struct stat info {};
    const bool exists = ::stat(folder.c_str(), &info) == 0;
    for (fs::path at = path; at.has_relative_path(); at = at.parent_path())
        if (at == folder || (exists && is_same_file(at, info))) return true;
    return false;
}

fs::path without_trailing_slash(const fs::path& path) {
    return path.has_filename() || !path.has_relative_path() ? path : path.parent_path();
}

std::string in_kib(std::uint64_t bytes) {
    return std::to_string(bytes >> 10U) + " KiB";
}

std::uint64_t bytes_in(const fs::path& folder) {
    std::uint64_t bytes = 0;
    std::error_code code, ignored;
    for (auto it = fs::directory_iterator(folder, code); !code && it != fs::end(it); it.increment(code))
        if (const auto size = it->file_size(ignored); !ignored) bytes += size;
    return bytes;
}

// One that ends for want of room leaves a part of a node behind.
void check_room_of_first_start(const Settings& settings, const fs::path& disk, const Complaint& complain) {
    if (file_exists(node::log_folder(settings.data_folder) + "/state") ||
        file_exists(node::store_folder(settings.data_folder) + "/partitions"))
        return;
    const auto partitions = static_cast<std::uint64_t>(settings.partitions);
    const std::uint64_t bytes =
        log_segment_bytes(settings) + kFirstStartBytes + partitions * kFirstStartPartitionBytes;
    const std::uint64_t files = kFirstStartFiles + partitions * kFirstStartPartitionFiles;
    const auto space = disk_space(disk);
    if (!space) return;
    // What an earlier try left is made again.
    const std::uint64_t free = space->free_bytes + bytes_in(fs::path(settings.data_folder) / "log");
    if (free < bytes)
        complain("data.folder", "a first start needs " + in_kib(bytes) + " on the disk of " + disk.string() +
                                    ", and " + in_kib(free) + " are free");
    if (space->has_file_limit && space->free_files < files)
        complain("data.folder", "a first start makes " + std::to_string(files) + " files on the disk of " +
                                    disk.string() + ", and " + std::to_string(space->free_files) +
                                    " more are possible");
}

}  // namespace

bool lies_inside(const std::string& path, const std::string& folder) {
    std::error_code code;
    const fs::path whole = without_trailing_slash(fs::absolute(path, code).lexically_normal());
    const fs::path real_folder = without_trailing_slash(fs::weakly_canonical(folder, code));
    if (code) return false;
    const fs::path real_path = without_trailing_slash(fs::weakly_canonical(whole, code));
    // The name itself, and what it leads to.
    const fs::path named = fs::weakly_canonical(whole.parent_path(), code) / whole.filename();
    return is_below(real_path, real_folder) || is_below(named, real_folder);
}

bool check_data_folder(const Settings& settings, const Complaint& complain, const Complaint& warn) {
    bool is_usable = true;
    const auto problem = [&](std::string what) {
        is_usable = false;
        complain("data.folder", std::move(what));
    };
    std::error_code code;
    const fs::path folder = without_trailing_slash(fs::absolute(settings.data_folder, code));
    if (control_path(settings.data_folder).size() >= sizeof(sockaddr_un::sun_path))
        problem("the path is too long for the control socket in it: at most " +
                std::to_string(sizeof(sockaddr_un::sun_path) - 1 - control_path("").size()) + " bytes");
    const fs::path there = existing_part(folder);
    for (fs::path missing = folder; missing != there; missing = missing.parent_path())
        if (fs::is_symlink(fs::symlink_status(missing, code))) {
            problem(missing.string() + " is a link to nothing");
            return false;
        }
    if (!fs::is_directory(there, code)) {
        problem(there.string() + " is not a folder");
        return false;
    }
    check_file_system(there, complain, warn);
    if (!may(there, R_OK | W_OK | X_OK)) {
        const std::string why = why_not(there, errno);
        problem(there == folder ? why : folder.string() + " cannot be made: " + why);
        return false;
    }
    if (there != folder) return is_usable;
    if (const auto fit = DataFolder::check_content(settings.data_folder); !fit) {
        problem(fit.error().message);
        return false;
    }
    check_entries(folder, [&](std::string_view, std::string what) { problem(std::move(what)); });
    check_partitions(settings, complain);
    return is_usable;
}

void check_room(const Settings& settings, const Complaint& complain, const Complaint& warn) {
    constexpr std::uint64_t kMiB = 1ULL << 20;
    std::error_code code;
    const fs::path there = existing_part(fs::absolute(settings.data_folder, code));
    const auto space = disk_space(there);
    const std::uint64_t wanted = static_cast<std::uint64_t>(settings.min_free_mib) * kMiB;
    if (space && wanted != 0 && wanted >= space->total_bytes)
        complain("data.min_free_mib", "'data.min_free_mib' is " + std::to_string(settings.min_free_mib) +
                                          " MiB, and the disk of " + there.string() + " has " +
                                          std::to_string(space->total_bytes / kMiB) +
                                          " in all: no write would ever be taken");
    else if (space && wanted > space->free_bytes)
        warn("data.min_free_mib", "writes are refused until " + std::to_string(settings.min_free_mib) +
                                      " MiB are free on the disk of " + there.string() + "; it has " +
                                      std::to_string(space->free_bytes / kMiB));
    check_room_of_first_start(settings, there, complain);
}

void check_limits(const Settings& settings, const Complaint& complain, const Complaint& warn) {
    const auto limit = [](auto which) {
        rlimit found{};
        return ::getrlimit(which, &found) == 0 ? found.rlim_cur : RLIM_INFINITY;
    };
    const std::uint64_t segment = log_segment_bytes(settings);
    if (const rlim_t file = limit(RLIMIT_FSIZE); file < segment)
        complain("data.folder", "no file may grow beyond " + in_kib(file) +
                                    " here (ulimit -f, LimitFSIZE=), and each of the log has " +
                                    in_kib(segment) + ": take the limit away");
    else if (file != RLIM_INFINITY)
        warn("data.folder", "no file may grow beyond " + in_kib(file) +
                                " here (ulimit -f, LimitFSIZE=), which is met as a full disk");
    // Of memory this takes nothing.
    const std::uint64_t maps =
        static_cast<std::uint64_t>(settings.partitions) * store::StoreOptions().map_bytes;
    if (const rlim_t space = limit(RLIMIT_AS); space < maps)
        complain("data.folder",
                 "this process may have " + in_kib(space) +
                     " of address space (ulimit -v, LimitAS=), and the partitions are mapped in " +
                     in_kib(maps) + ": take the limit away; MemoryMax= limits memory");
}

void check_marker_place(const Settings& settings, const std::string& config_file, const Complaint& complain,
                        const Complaint& warn) {
    const char* const key = "data.marker";
    const bool is_set = !settings.data_marker.empty();
    std::error_code code;
    const fs::path marker = fs::absolute(marker_path(settings), code);
    if (lies_inside(marker, settings.data_folder))
        return complain(key, "'data.marker' must not be inside data.folder: it would go back with it");
    const fs::path real = fs::weakly_canonical(marker.parent_path(), code) / marker.filename();
    const std::pair<const char*, const std::string&> others[] = {
        {"the configuration file", config_file},
        {"secrets.key_file", settings.secrets_key_file},
        {"https.certificate_file", settings.https_certificate_file},
        {"https.private_key_file", settings.https_private_key_file}};
    for (const auto& [name, path] : others) {
        if (path.empty() || real != fs::weakly_canonical(fs::absolute(path, code), code)) continue;
        return complain(key, "'data.marker' and " + std::string(name) + " are the same file, " + path);
    }
    if (const auto free = replication::check_marker(marker); !free)
        return complain(key, free.error().message);
    // A start goes on without a marker when its usual place cannot be had; who names one wants it.
    const auto& tell = is_set ? complain : warn;
    const std::string without =
        ": the marker cannot be kept there, and a folder that was put back from an older "
        "copy would not be noticed. Name a place for it ('data.marker')";
    const fs::path folder = marker.parent_path();
    // The usual place's folder is made with the data folder.
    if (!fs::exists(folder, code) && (is_set || fs::exists(settings.data_folder, code)))
        return tell(key, folder.string() + " does not exist" + without);
    const bool is_there = fs::exists(marker, code);
    const fs::path written = is_there ? marker : existing_part(folder);
    if (!fs::is_directory(existing_part(folder), code))
        return tell(key, folder.string() + " is no folder" + without);
    if (is_of_the_kernel(file_system_of(written)))
        return tell(key, folder.string() + " is no place for files" + without);
    if (!may(written, is_there ? R_OK | W_OK : W_OK | X_OK)) tell(key, why_not(written, errno) + without);
}

void check_secrets_key(const Settings& settings, const Complaint& complain, const Complaint& warn) {
    if (lies_inside(settings.secrets_key_file, settings.data_folder)) {
        complain("secrets.key_file",
                 "'secrets.key_file' must not be inside data.folder: a stolen backup would "
                 "hold its own key");
        if (!file_exists(settings.secrets_key_file)) return;  // and none shall be made there
    }
    const auto key = load_secrets_key(settings.secrets_key_file, settings.data_folder);
    if (!key) return complain("secrets.key_file", key.error().message);
    const auto fits = check_configured_key(settings.secrets_key_file, settings.data_folder);
    if (!fits) return complain("secrets.key_file", fits.error().message);
    if (!*fits && holds_data(settings.data_folder))
        warn("secrets.key_file",
             "whether " + settings.secrets_key_file + " is the key of " + settings.data_folder +
                 " is known when it is started: secrets.check is missing there, or damaged");
}

void check_certificate_files(const Settings& settings, const LoadNotes& notes, const Clock& clock,
                             const Complaint& complain) {
    if (settings.https_certificate_file.empty() && !settings.data_folder.empty()) {
        const auto own = check_private_authority(settings.data_folder + "/tls");
        if (!own) complain("data.folder", own.error().message);
    }
    if (settings.https_certificate_file.empty() || settings.https_private_key_file.empty()) return;
    const auto chain = read_file_within(settings.https_certificate_file);
    if (!chain) complain("https.certificate_file", chain.error().message);
    const auto key = read_file_within(settings.https_private_key_file);
    if (!key) complain("https.private_key_file", key.error().message);
    // First, since all else that could be said of them follows from it.
    if (chain && key && transport::are_swapped({*chain, *key}))
        return complain("https.certificate_file",
                        "the two files are mixed up: " + settings.https_certificate_file +
                            " holds the private key, and " + settings.https_private_key_file +
                            " the certificate");
    if (key && transport::holds_private_key(*key))
        if (const auto own = check_private(settings.https_private_key_file); !own)
            complain("https.private_key_file", own.error().message);
    const transport::TlsIdentity identity{chain ? *chain : std::string(), key ? *key : std::string()};
    const auto names =
        notes.is_set("https.names") ? split_list(settings.https_names) : std::vector<std::string>();
    for (const auto& problem : transport::check_server_identity(identity, names, clock.wall_ms())) {
        if (problem.is_of_key ? !key : !chain) continue;  // said already
        const std::string& file =
            problem.is_of_key ? settings.https_private_key_file : settings.https_certificate_file;
        complain(problem.is_of_key ? "https.private_key_file" : "https.certificate_file",
                 file + " " + problem.what);
    }
}

}  // namespace kontor::app
