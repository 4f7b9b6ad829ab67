#pragma once
// The few system calls that make bytes durable, behind one seam, so that a test can let any of them fail.
//
// Threading: stateless; the real one is safe everywhere.
// Errors: errno of the call as Error. A failed sync is never repeated by the callers: after it the kernel may
// have dropped the pages and report success the second time.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::replication {

// An open file descriptor, closed by the destructor.
class File {
 public:
    File() = default;
    File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    File(File&& other) noexcept : fd_(other.fd_), path_(std::move(other.path_)) { other.fd_ = -1; }
    File& operator=(File&& other) noexcept;
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { close(); }

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] const std::string& path() const { return path_; }
    void close();

 private:
    int fd_ = -1;
    std::string path_;
};

class FileOps {
 public:
    virtual ~FileOps() = default;
    virtual Result<File> open(const std::string& path, int flags);
    virtual Result<void> write_at(const File& file, std::uint64_t offset, std::string_view bytes);
    virtual Result<void> allocate(const File& file, std::uint64_t size);  // reserves blocks; sets the size
    virtual Result<void> truncate(const File& file, std::uint64_t size);
    virtual Result<void> sync_data(const File& file);
    virtual Result<void> sync_folder(const std::string& folder);
    virtual Result<void> rename(const std::string& from, const std::string& to);
    virtual Result<void> remove(const std::string& path);
};

[[nodiscard]] FileOps& real_file_ops();
// Opens files for reading, an empty one in the place of one that would be made; all that changes them is done
// only in appearance.
FileOps& read_only_file_ops();

// Reading does not need the seam: what is read is checked by its CRC.
// Fewer bytes than asked: end of file.
Result<std::string> read_at(const File& file, std::uint64_t offset, std::size_t size);
Result<std::uint64_t> size_of(const File& file);
Result<std::vector<std::string>> list_folder(const std::string& folder);  // sorted names, no "." and ".."
Result<void> make_folder(const std::string& folder);                      // and its parents

}  // namespace kontor::replication
