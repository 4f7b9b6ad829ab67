#pragma once
// The binary that takes over this process in place (execve): the process id, the standard streams and the
// arguments stay, so systemd and the shell notice nothing. It is found as the shell found this one:
// by the path that it was started with, whatever lies there now.
//
// Threading: remember_start() first in main(); the rest anywhere. Errors: not_found, io; timeout when the
// binary does not say its version in kSuccessorAnswerMs.

#include <cstdint>
#include <string>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::app {

inline constexpr int kSuccessorAnswerMs =
    6'000;  // twice: less than the other nodes wait (cluster/restart.cc)

// The path that `name` (argv[0]) stands for, absolute, symbolic links kept; "" when there is none.
[[nodiscard]] std::string path_of_command(const std::string& name, const std::string& search_path,
                                          const std::string& working_folder);

void remember_start(int argc, char** argv);
// What `BINARY --version` says, without the program's name. An error too when it would refuse this process's
// configuration (`BINARY config check` with the arguments of our own `serve`): then nothing must stop.
[[nodiscard]] Result<std::string> successor_version();
[[nodiscard]] Result<std::string> version_of(const std::string& binary);
// `arguments`: of the process, its name first. invalid_argument: all that is wrong.
[[nodiscard]] Result<void> check_configuration_with(const std::string& binary,
                                                    const std::vector<std::string>& arguments);
// Returns only when it could not be done.
[[nodiscard]] Error become_successor();

}  // namespace kontor::app
