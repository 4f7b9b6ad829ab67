#include "durable_mark.h"

#include <fcntl.h>

#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "kontor/base/log.h"

namespace kontor::replication {

namespace {
constexpr std::string_view kMagic = "KONTORDM";
constexpr std::size_t kBytes = 36;  // within one sector: it is never torn
}  // namespace

Result<void> DurableMark::open(const std::string& folder, const Uuid& cluster, FileOps& files) {
    files_ = &files;
    cluster_ = cluster;
    KONTOR_TRY(file_, files.open(folder + "/durable", O_RDWR | O_CREAT));
    KONTOR_TRY(const std::string bytes, read_at(file_, 0, kBytes));
    if (bytes.empty()) return {};
    const bool is_whole = bytes.size() == kBytes && bytes.starts_with(kMagic) &&
                          get_le<std::uint32_t>(std::string_view(bytes).substr(32)) ==
                              crc32c(std::string_view(bytes).substr(0, 32));
    if (!is_whole) {
        log::warning("replication", "event=durable_mark_unreadable file=" + file_.path());
    } else if (std::string_view(bytes).substr(16, 16) == std::string_view(cluster.data(), cluster.size())) {
        index_ = get_le<std::uint64_t>(std::string_view(bytes).substr(8));
    }
    return {};
}

Result<void> DurableMark::raise(std::uint64_t index) {
    return index > index_ ? write(index) : Result<void>{};
}

Result<void> DurableMark::lower(std::uint64_t index) {
    if (index >= index_) return {};
    KONTOR_CHECK(write(index));
    return files_->sync_data(file_);
}

Result<void> DurableMark::write(std::uint64_t index) {
    std::string bytes(kMagic);
    put_le(bytes, index);
    bytes.append(cluster_.data(), cluster_.size());
    put_le(bytes, crc32c(bytes));
    KONTOR_ASSERT(bytes.size() == kBytes, "durable mark layout");
    KONTOR_CHECK(files_->write_at(file_, 0, bytes));
    index_ = index;
    return {};
}

}  // namespace kontor::replication
