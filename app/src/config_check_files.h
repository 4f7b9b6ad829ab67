#pragma once
// The files and folders that a configuration names, as check_configuration() sees them. Pure but for looking.

#include <functional>

#include "config_check.h"

namespace kontor::app {

// key, what is wrong with it.
using Complaint = std::function<void(std::string_view key, std::string what)>;

// False: it cannot be used; what is in it is not worth a look.
[[nodiscard]] bool check_data_folder(const Settings& settings, const Complaint& complain,
                                     const Complaint& warn);
// Room on the disk.
void check_room(const Settings& settings, const Complaint& complain, const Complaint& warn);
// What this process may do, where it is less than a node does: file sizes, address space.
void check_limits(const Settings& settings, const Complaint& complain, const Complaint& warn);
// Where the marker goes: nothing else may be there. `config_file`: "" for none.
void check_marker_place(const Settings& settings, const std::string& config_file, const Complaint& complain,
                        const Complaint& warn);
void check_secrets_key(const Settings& settings, const Complaint& complain, const Complaint& warn);
void check_certificate_files(const Settings& settings, const LoadNotes& notes, const Clock& clock,
                             const Complaint& complain);
// That folder or something in it, whatever the spelling: links, "..", slashes, another mount of the same.
[[nodiscard]] bool lies_inside(const std::string& path, const std::string& folder);

}  // namespace kontor::app
