#pragma once
// A stopped replica's folder beside its marker (docs/formats/marker.md), before anything is opened.
//
// Threading: any. Errors: io, permission_denied, corruption.

#include <cstdint>
#include <optional>
#include <string>

#include "kontor/base/result.h"
#include "kontor/replication/promise.h"
#include "kontor/replication/replica.h"

namespace kontor::replication {

// What a stopped replica's folder and its marker say, for people who have to decide what becomes of it.
struct FolderLook {
    struct Marker {
        std::uint64_t node_id = 0;
        ClusterId cluster{};
        bool is_member = false;  // of a cluster
        Promise promise;
    };
    std::optional<FolderIdentity> owner;      // nullopt: there is no log
    std::uint64_t first_index = 0;            // of its oldest segment; 0: it has none
    std::optional<std::uint64_t> last_index;  // where its entries end; nullopt: only a start can tell
    std::optional<Marker> marker;             // nullopt: none, or none that can be read
    bool is_of_marker = false;                // the marker is of this folder's node
    std::string forgotten;  // what the folder lacks of what its marker remembers; "": nothing
    // Entries after the last one that the marker remembers; nullopt: it cannot tell.
    std::optional<std::uint64_t> lost_entries;
};

// Changes nothing, and reads the newest segment only.
[[nodiscard]] Result<FolderLook> look_at_folder(const std::string& folder, const std::string& marker);
// A single node became a member while it runs: its marker shall know. Errors: also no_space.
[[nodiscard]] Result<void> remember_membership(const std::string& marker);

}  // namespace kontor::replication
