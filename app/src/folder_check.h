#pragma once
// What a data folder, its marker and its place say before anything is opened or made: whether a node may
// start there, and if not, which command or which copy helps.
//
// Threading: none. Each function only looks. Errors: permission_denied, conflict, corruption,
// invalid_argument (all of them final), io; each text says what to do.

#include <cstdint>
#include <optional>
#include <string>

#include "kontor/base/result.h"
#include "settings.h"

namespace kontor::app {

// A folder that nobody has taken: a copy, an older one, one that was lost in part or as a whole.
// `marker`: marker_path(), or "" when nothing is to be said of it. `whole`: also what opening the store would
// find, which takes as long as opening it.
enum class FolderLook { quick, whole };
[[nodiscard]] Result<void> check_folder_state(const Settings& settings, const std::string& marker,
                                              FolderLook look);

// The log's folder, or what is missing of it where that is there. Of a folder without a log that says whose
// it is.
[[nodiscard]] std::string missing_log(const std::string& folder);

// What is wrong with the folder is known where it is opened; which cure helps is known here.
[[nodiscard]] Error with_cure(Error error, const Settings& settings, const std::string& marker);

// The folder is of a member and does not say any more which one: its number, 0 if nothing here knows it.
[[nodiscard]] std::optional<std::uint64_t> lost_member_of(const Settings& settings,
                                                          const std::string& marker);
// Its place is taken by means of a token.
[[nodiscard]] std::string cure_of_lost_member(std::uint64_t node_no);

}  // namespace kontor::app
