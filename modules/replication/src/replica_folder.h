#pragma once
// The folder of a replica: what opening it and installing a checkpoint into it share. Internal.

#include <optional>

#include "install.h"
#include "replica_impl.h"

namespace kontor::replication {

[[nodiscard]] Result<void> check_options(const ReplicaOptions& options);
[[nodiscard]] Result<void> check_owner(const ReplicaOptions& options, const NodeState& state);
[[nodiscard]] Result<File> lock_folder(const std::string& folder, FileOps& files);
[[nodiscard]] LogOptions log_options(const ReplicaOptions& options, const Uuid& cluster, FileOps& files);
// Without a state file nothing was ever acknowledged: it is written last. What an interrupted bootstrap left
// is removed; a log with more than that means that the state file was lost.
[[nodiscard]] Result<void> clear_interrupted_bootstrap(const std::string& folder, FileOps& files);

[[nodiscard]] Result<void> undo_install(const ReplicaOptions& options, const InstallMark& mark,
                                        const StateFile& state, FileOps& files);
[[nodiscard]] Result<std::optional<InstallMark>> settle_install(const ReplicaOptions& options,
                                                                const std::optional<SnapshotMeta>& snapshot,
                                                                const StateFile& state,
                                                                PromiseKeeper& promises, FileOps& files);

// The newest configuration of the folder, committed or not.
[[nodiscard]] Result<Configuration> newest_configuration(const StartState& start);

}  // namespace kontor::replication
