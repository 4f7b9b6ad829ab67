#pragma once
// A data folder is taken by one process before anything else is opened or listens, so that whatever is wrong
// with it is said once, in its own words: another user's, another process's, read-only, no folder,
// somebody else's files in it, others who may write to it.
// What a node did not make is never touched: not its content, not its mode.
//
// Threading: none. Ownership: the folder is this process's as long as the object lives.
// Errors: permission_denied (another user's, not accessible), unavailable (in use), invalid_argument (no
// folder; of other files; others may write to it), unsupported
// (another format), io, no_space. Each says what to do.

#include <string>

#include "kontor/base/result.h"
#include "settings.h"

namespace kontor::app {

class DataFolder {
 public:
    // Makes it, with mode 0700, if it is not there. What others may read of what a node made in it is taken
    // from them.
    [[nodiscard]] static Result<DataFolder> take(const std::string& path);
    // Only one that is there: for commands that cure one. not_found.
    [[nodiscard]] static Result<DataFolder> take_existing(const std::string& path);
    // What take() would say of a folder that is there, but for who has it now; changes nothing.
    [[nodiscard]] static Result<void> check(const std::string& path);
    // Whether this version reads what is in it (kontor/base/data_format.h). unsupported: says who does.
    [[nodiscard]] static Result<void> check_format(const std::string& path);
    // The two parts of it: what is in the folder, its format among it, and whose it is.
    [[nodiscard]] static Result<void> check_content(const std::string& path);
    [[nodiscard]] static Result<void> check_owner(const std::string& path);
    // This user may look into it, or it is not there: for commands that would take what they may not see for
    // missing.
    [[nodiscard]] static Result<void> check_readable(const std::string& path);
    // Who has it now: "process 12", "another process"; "": nobody, or this process.
    struct User {
        bool is_this_process = false;
        std::string name;
    };
    [[nodiscard]] static User user_of(const std::string& path);
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
// Of a folder that does not stand for what it stood for: the next start makes its reports again from its
// ledger.
void drop_reports(const std::string& folder);

}  // namespace kontor::app
