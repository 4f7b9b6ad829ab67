#pragma once
// What this process makes and holds is for its own user only: files, whatever library makes them, and memory.
//
// Threading: keep_process_private() before the first thread; the rest anywhere. Errors: what could not be
// tightened is counted, and the start goes on: the file's owner has to do it.

#include <cstddef>
#include <functional>
#include <string>

namespace kontor::app {

// Files get mode 0600 and folders 0700 at most; no core file, no debugger of another process of this user.
void keep_process_private();

struct Tightened {
    std::size_t changed = 0, failed = 0;
    std::string first_changed, first_failed;
};
// Takes from group and others whatever an earlier version or a restore gave them, the folder itself included.
// Follows no symbolic link but the folder's own.
// `is_ours`: of which names in the folder; what somebody else put there is left as it is.
[[nodiscard]] Tightened keep_folder_private(const std::string& folder,
                                            const std::function<bool(const std::string& name)>& is_ours);

}  // namespace kontor::app
