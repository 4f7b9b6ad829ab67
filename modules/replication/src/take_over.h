#pragma once
// What Replica::take_over() does to a stopped replica's folder, over a disk of the caller's choice.
// Threading, errors: as there.

#include <string_view>

#include "file_ops.h"
#include "kontor/base/result.h"
#include "kontor/replication/replica.h"

namespace kontor::replication {

Result<Position> take_over_folder(const ReplicaOptions& options, std::string_view checkpoint_meta,
                                  FileOps& files);

}  // namespace kontor::replication
