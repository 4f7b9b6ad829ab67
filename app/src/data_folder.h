#pragma once
// A data folder is taken by one process before anything else is opened or listens, so that whatever is wrong
// with it is said once, in its own words: another user's, another process's, read-only, no folder,
// incomplete.
//
// Threading: none. Ownership: the folder is this process's as long as the object lives.
// Errors: permission_denied (another user's, not accessible), unavailable (in use), invalid_argument (no
// folder; parts are missing), io, no_space. Each says what to do.

#include <string>

#include "kontor/base/result.h"
#include "settings.h"

namespace kontor::app {

class DataFolder {
 public:
    // Makes it, with mode 0700, if it is not there. What others may read of it is taken from them.
    [[nodiscard]] static Result<DataFolder> take(const std::string& path);
    DataFolder() = default;
    DataFolder(DataFolder&& other) noexcept;
    DataFolder& operator=(DataFolder&& other) noexcept;
    ~DataFolder();

 private:
    int lock_ = -1;
};

// Where the marker lies (docs/formats/marker.md): data.marker, or its place beside the data folder.
[[nodiscard]] std::string marker_path(const Settings& settings);
// A node's log or rows are in it.
[[nodiscard]] bool holds_data(const std::string& folder);

}  // namespace kontor::app
