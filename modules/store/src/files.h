#pragma once
// The few POSIX file operations the store needs, as Results. A failed fsync is final: nobody retries it,
// since the kernel may have dropped the pages it could not write.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "kontor/base/result.h"

namespace kontor::store {

class File {
 public:
    File() = default;
    explicit File(int fd) : fd_(fd) {}
    ~File() { close(); }
    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&& other) noexcept {
        if (this != &other) {
            close();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] Result<void> write(std::string_view bytes, const std::string& path) const;
    // Begins to bring these bytes to the disk and waits for those before them, so that sync() finds little to
    // do and nobody else's sync stands behind all of a large file. Nothing is durable by it.
    [[nodiscard]] Result<void> write_back(std::uint64_t offset, std::uint64_t size,
                                          const std::string& path) const;
    [[nodiscard]] Result<void> sync(const std::string& path) const;
    void close();

 private:
    int fd_ = -1;
};

[[nodiscard]] Result<File> create_file(const std::string& path);  // truncates
[[nodiscard]] Result<std::string> read_file(const std::string& path);
[[nodiscard]] Result<void> sync_path(const std::string& path);    // a file or a folder
[[nodiscard]] Result<void> make_folder(const std::string& path);  // and its parents
// An exclusive lock on folder/LOCK, for as long as the File lives.
// `read_only`: the file is not made, but used when it is there.
[[nodiscard]] Result<File> lock_folder(const std::string& folder, bool read_only = false);

}  // namespace kontor::store
