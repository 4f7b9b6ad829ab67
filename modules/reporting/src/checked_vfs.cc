#include "checked_vfs.h"

#include <sqlite3.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "kontor/base/assert.h"
#include "kontor/base/crc32c.h"
#include "kontor/base/shortage.h"

namespace kontor::reporting {
namespace {

constexpr const char* kName = "kontor-checked";
constexpr int kMinPageBytes = 512, kMaxPageBytes = 65'536;
constexpr std::size_t kReservedAt = 20;  // in the database's header: bytes left alone in each page

sqlite3_vfs* real_vfs = nullptr;  // constant once registered

struct CheckedFile {
    sqlite3_file base;
    bool has_pages;  // the database itself: not its log, not temporary files
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
CheckedFile& of(sqlite3_file* file) {
    return *reinterpret_cast<CheckedFile*>(file);
}
sqlite3_file* real_of(sqlite3_file* file) {
    return of(file).real();
}

using Sum = std::array<char, kPageChecksumBytes>;
Sum sum_of(const char* page, std::size_t bytes, std::uint64_t number) {
    const std::size_t covered = bytes - kPageChecksumBytes, half = covered / 2;
    const std::uint32_t seed = crc32c({reinterpret_cast<const char*>(&number), sizeof number});
    const std::array<std::uint32_t, 2> sums{crc32c({page, half}, seed),
                                            crc32c({page + half, covered - half}, seed)};
    Sum sum{};
    static_assert(sizeof sums == sizeof sum);
    std::memcpy(sum.data(), sums.data(), sizeof sums);
    return sum;
}

// SQLite reads and writes the database file by pages, but for the header at its beginning.
bool is_page(sqlite3_file* file, int amount, sqlite3_int64 offset) {
    return of(file).has_pages && amount >= kMinPageBytes && amount <= kMaxPageBytes &&
           std::has_single_bit(static_cast<unsigned>(amount)) && offset % amount == 0;
}

int read(sqlite3_file* file, void* bytes, int amount, sqlite3_int64 offset) {
    const int code = real_of(file)->pMethods->xRead(real_of(file), bytes, amount, offset);
    if (code != SQLITE_OK || !is_page(file, amount, offset)) return code;
    const auto* page = static_cast<const char*>(bytes);
    const auto size = static_cast<std::size_t>(amount);
    const Sum sum = sum_of(page, size, static_cast<std::uint64_t>(offset / amount));
    const bool intact = std::memcmp(page + size - sum.size(), sum.data(), sum.size()) == 0 &&
                        (offset != 0 || page[kReservedAt] == kPageChecksumBytes);
    return intact ? SQLITE_OK : SQLITE_IOERR_DATA;
}

int write(sqlite3_file* file, const void* bytes, int amount, sqlite3_int64 offset) {
    if (!is_page(file, amount, offset))
        return real_of(file)->pMethods->xWrite(real_of(file), bytes, amount, offset);
    static thread_local std::array<char, kMaxPageBytes> page;
    const auto size = static_cast<std::size_t>(amount);
    std::memcpy(page.data(), bytes, size);
    const Sum sum = sum_of(page.data(), size, static_cast<std::uint64_t>(offset / amount));
    std::memcpy(page.data() + size - sum.size(), sum.data(), sum.size());
    return real_of(file)->pMethods->xWrite(real_of(file), page.data(), amount, offset);
}

// Everything else goes through. Version 2: with the shared memory of the write-ahead log, without mapping the
// database into memory, where nobody could check a page.
const sqlite3_io_methods kMethods = {
    2,
    [](sqlite3_file* file) { return real_of(file)->pMethods->xClose(real_of(file)); },
    read,
    write,
    [](sqlite3_file* file, sqlite3_int64 size) {
        return real_of(file)->pMethods->xTruncate(real_of(file), size);
    },
    [](sqlite3_file* file, int flags) { return real_of(file)->pMethods->xSync(real_of(file), flags); },
    [](sqlite3_file* file, sqlite3_int64* size) {
        return real_of(file)->pMethods->xFileSize(real_of(file), size);
    },
    [](sqlite3_file* file, int level) { return real_of(file)->pMethods->xLock(real_of(file), level); },
    [](sqlite3_file* file, int level) { return real_of(file)->pMethods->xUnlock(real_of(file), level); },
    [](sqlite3_file* file, int* held) {
        return real_of(file)->pMethods->xCheckReservedLock(real_of(file), held);
    },
    [](sqlite3_file* file, int what, void* argument) {
        return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
    },
    [](sqlite3_file* file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); },
    [](sqlite3_file* file) { return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file)); },
    [](sqlite3_file* file, int region, int bytes, int extend, void volatile** at) {
        return real_of(file)->pMethods->xShmMap(real_of(file), region, bytes, extend, at);
    },
    [](sqlite3_file* file, int offset, int count, int flags) {
        return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
    },
    [](sqlite3_file* file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); },
    [](sqlite3_file* file, int remove) { return real_of(file)->pMethods->xShmUnmap(real_of(file), remove); },
    nullptr,
    nullptr,
};

int open(sqlite3_vfs* /*vfs*/, const char* path, sqlite3_file* file, int flags, int* got_flags) {
    CheckedFile& checked = of(file);
    checked.base.pMethods = nullptr;
    checked.has_pages = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    // SQLite says of a lack of descriptors only that the file cannot be opened; errno knows.
    int code = SQLITE_OK;
    (void)wait_for_room(path != nullptr ? std::string("open ") + path : "open a temporary file", [&] {
        errno = 0;
        code = real_vfs->xOpen(real_vfs, path, checked.real(), flags, got_flags);
        return code == SQLITE_CANTOPEN ? errno : 0;
    });
    // SQLite closes what has methods, also after a failure.
    if (checked.real()->pMethods != nullptr) checked.base.pMethods = &kMethods;
    return code;
}

sqlite3_vfs make_vfs() {
    sqlite3_vfs vfs{};
    vfs.iVersion = 2;
    vfs.szOsFile = static_cast<int>(sizeof(CheckedFile)) + real_vfs->szOsFile;
    vfs.mxPathname = real_vfs->mxPathname;
    vfs.zName = kName;
    vfs.xOpen = open;
    vfs.xDelete = [](sqlite3_vfs*, const char* path, int sync) {
        return real_vfs->xDelete(real_vfs, path, sync);
    };
    vfs.xAccess = [](sqlite3_vfs*, const char* path, int flags, int* result) {
        return real_vfs->xAccess(real_vfs, path, flags, result);
    };
    vfs.xFullPathname = [](sqlite3_vfs*, const char* path, int size, char* out) {
        return real_vfs->xFullPathname(real_vfs, path, size, out);
    };
    vfs.xRandomness = [](sqlite3_vfs*, int size, char* out) {
        return real_vfs->xRandomness(real_vfs, size, out);
    };
    vfs.xSleep = [](sqlite3_vfs*, int us) { return real_vfs->xSleep(real_vfs, us); };
    vfs.xCurrentTime = [](sqlite3_vfs*, double* now) { return real_vfs->xCurrentTime(real_vfs, now); };
    vfs.xGetLastError = [](sqlite3_vfs*, int size, char* out) {
        return real_vfs->xGetLastError(real_vfs, size, out);
    };
    vfs.xCurrentTimeInt64 = [](sqlite3_vfs*, sqlite3_int64* now) {
        return real_vfs->xCurrentTimeInt64(real_vfs, now);
    };
    return vfs;
}

}  // namespace

const char* checked_vfs() {
    static_assert(sizeof(CheckedFile) % alignof(std::max_align_t) == 0);
    static const int registered = [] {
        // For this process alone: the index of the write-ahead log is in its memory, not in a file that
        // somebody could cut short under it, which the kernel ends a process for.
        real_vfs = sqlite3_vfs_find("unix-excl");
        KONTOR_ASSERT(real_vfs != nullptr && real_vfs->iVersion >= 2, "SQLite has a file system layer");
        static sqlite3_vfs vfs = make_vfs();
        return sqlite3_vfs_register(&vfs, 0);
    }();
    KONTOR_ASSERT(registered == SQLITE_OK, "SQLite takes a file system layer");
    return kName;
}

}  // namespace kontor::reporting
