#pragma once
// Where a replication group's parts lie in a node's data folder (docs/formats/folder.md).
//
// Threading: any. Errors: io of what cannot be made or synced.

#include <cstdint>
#include <filesystem>
#include <string>

#include "kontor/base/object_id.h"
#include "kontor/base/result.h"

namespace kontor::node {

[[nodiscard]] inline std::string group_folder(const std::string& data_folder,
                                              std::uint64_t group = kFirstGroup) {
    return data_folder + "/groups/" + std::to_string(group);
}
[[nodiscard]] inline std::string log_folder(const std::string& data_folder,
                                            std::uint64_t group = kFirstGroup) {
    return group_folder(data_folder, group) + "/log";
}
[[nodiscard]] inline std::string store_folder(const std::string& data_folder,
                                              std::uint64_t group = kFirstGroup) {
    return group_folder(data_folder, group) + "/store";
}

// Makes the folder and what leads to it. Also of one that is there, the name is made durable: its maker may
// have died before. A parent that may not be read is somebody else's, and so is the folder's name in it.
[[nodiscard]] Result<void> make_durable_folder(const std::filesystem::path& folder);

}  // namespace kontor::node
