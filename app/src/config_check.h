#pragma once
// The check of a configuration before anything is made of it: `config check`, `serve`, `dev` and `cluster
// join` ask this one function, so what it approves they do not refuse. It looks at the settings, at the files
// that they name and at this machine (addresses, ports, folders, clock), and changes nothing.
//
// Threading: call on one thread, before others exist. Errors: all problems at once, each with where the
// value comes from. A new reason to refuse a start belongs here.

#include "kontor/base/clock.h"
#include "output.h"
#include "settings.h"

namespace kontor::app {

enum class Purpose {
    serve,
    look,    // the same for a node that may be running: its folder is its own
    reload,  // the same for the node that this process is: its ports are its own, too
    join,    // a new member: it needs an address of its own, and is not served from yet
    dev,     // a key is made on the way, and the folder too when data.folder is empty
};

struct CheckedSettings {
    Settings settings;  // usable only without problems
    LoadNotes notes;
    std::vector<Problem> problems;
    [[nodiscard]] bool may_pass() const;  // every problem may be gone in a moment
};
// Starts from `defaults`: those of `kontor dev` differ.
[[nodiscard]] CheckedSettings check_configuration(const SettingSources& sources, Purpose purpose,
                                                  const Clock& clock, const Settings& defaults = {});

// Prints warnings and problems; true when there is no problem.
[[nodiscard]] bool report(const CheckedSettings& checked, const Output& output);

// What the certificate that Kontor makes itself is for: https.names, and where this node is reached.
[[nodiscard]] std::vector<std::string> certificate_names(const Settings& settings);

}  // namespace kontor::app
