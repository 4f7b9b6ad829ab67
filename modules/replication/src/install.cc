#include "install.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"

namespace kontor::replication {

namespace {

constexpr std::string_view kMagic = "KONTORIN";
constexpr std::size_t kBytes = 64;

std::string path_in(const std::string& folder) {
    return folder + "/install";
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace

InstallPlan plan_install(std::uint64_t first, std::uint64_t term_at, std::uint64_t index,
                         std::uint64_t term) {
    if (first > index + 1) return InstallPlan::refuse;
    // Our own checkpoint covers the entry, and the log goes on right after it.
    if (first == index + 1) return InstallPlan::keep_log;
    return term_at == term ? InstallPlan::keep_log : InstallPlan::reset_log;
}

Result<std::optional<InstallMark>> load_install_mark(const std::string& folder) {
    const std::string path = path_in(folder);
    if (!exists(path)) return std::optional<InstallMark>{};
    KONTOR_TRY(const File file, real_file_ops().open(path, O_RDONLY));
    KONTOR_TRY(const std::string bytes, read_at(file, 0, kBytes));
    const std::string_view in = bytes;
    if (in.size() != kBytes || !in.starts_with(kMagic) ||
        get_le<std::uint32_t>(in.substr(kBytes - 4)) != crc32c(in.substr(0, kBytes - 4))) {
        return fail(ErrorCode::corruption, path + ": not a whole install mark at offset 0");
    }
    InstallMark mark;
    const auto state = get_le<std::uint32_t>(in.substr(8));
    if (state < 1 || state > 3) return fail(ErrorCode::corruption, path + ": unknown state at offset 8");
    mark.state = static_cast<InstallMark::State>(state);
    mark.index = get_le<std::uint64_t>(in.substr(12));
    mark.term = get_le<std::uint64_t>(in.substr(20));
    mark.empty_after = get_le<std::uint64_t>(in.substr(28));
    mark.empty_after_term = get_le<std::uint64_t>(in.substr(36));
    return std::optional(mark);
}

Result<void> store_install_mark(const std::string& folder, const InstallMark& mark, const Uuid& cluster,
                                FileOps& files) {
    std::string bytes(kMagic);
    put_le(bytes, static_cast<std::uint32_t>(mark.state));
    put_le(bytes, mark.index);
    put_le(bytes, mark.term);
    put_le(bytes, mark.empty_after);
    put_le(bytes, mark.empty_after_term);
    bytes.append(cluster.data(), cluster.size());
    put_le(bytes, crc32c(bytes));
    KONTOR_ASSERT(bytes.size() == kBytes, "install mark layout");
    const std::string temporary = path_in(folder) + ".tmp";
    KONTOR_TRY(const File file, files.open(temporary, O_RDWR | O_CREAT | O_TRUNC));
    KONTOR_CHECK(files.write_at(file, 0, bytes));
    KONTOR_CHECK(files.sync_data(file));
    KONTOR_CHECK(files.rename(temporary, path_in(folder)));
    return files.sync_folder(folder);
}

Result<void> remove_install_mark(const std::string& folder, FileOps& files) {
    if (!exists(path_in(folder))) return {};
    KONTOR_CHECK(files.remove(path_in(folder)));
    return files.sync_folder(folder);
}

Result<void> remove_log(const std::string& folder, FileOps& files) {
    if (exists(folder + "/durable")) {
        KONTOR_CHECK(files.remove(folder + "/durable"));
        KONTOR_CHECK(files.sync_folder(folder));
    }
    KONTOR_TRY(const auto names, list_folder(folder));
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
        if (!name->starts_with("log-")) continue;
        KONTOR_CHECK(files.remove(folder + "/" + *name));
        KONTOR_CHECK(files.sync_folder(folder));
    }
    return {};
}

}  // namespace kontor::replication
