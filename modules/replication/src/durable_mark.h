#pragma once
// How far the log was durable, in a file of its own (docs/formats/log.md).
//
// A record that is not whole at the end of the log is a torn write if it never was durable, and corruption if
// it was; the log itself cannot tell, since nothing was written after it. So after each sync its index is
// noted here. The note is not synced: it costs a copy into the page cache. A killed process loses none of it,
// a power cut the last seconds of it, and it never says more than is true.
//
// Threading: the log's. Errors: errno of the call. A note that is not whole or of another log says nothing.

#include "file_ops.h"
#include "log_format.h"

namespace kontor::replication {

class DurableMark {
 public:
    [[nodiscard]] Result<void> open(const std::string& folder, const Uuid& cluster, FileOps& files);
    [[nodiscard]] std::uint64_t index() const { return index_; }  // 0: nothing is known
    [[nodiscard]] Result<void> raise(std::uint64_t index);        // after the sync of that entry
    // Before entries above `index` are removed, and durable when it returns: an older note would call that
    // corruption.
    [[nodiscard]] Result<void> lower(std::uint64_t index);

 private:
    [[nodiscard]] Result<void> write(std::uint64_t index);

    FileOps* files_ = nullptr;
    File file_;
    Uuid cluster_{};
    std::uint64_t index_ = 0;
};

}  // namespace kontor::replication
