#pragma once
// What can be told of the partitions of a folder that nobody has open: how many it was made with, as those
// that are left of it say, and whether they are whole.
//
// Threading: any; changes nothing. Errors: not_found (it has none), corruption, unsupported, io.

#include <span>
#include <string>

#include "kontor/base/result.h"
#include "kontor/store/row_store.h"

namespace kontor::store {

[[nodiscard]] Result<unsigned> partitions_made(const std::string& folder);
// Whether each partition's file is as long as it says itself. corruption: one was cut short, or does not say.
[[nodiscard]] Result<void> check_partition_files(const std::string& folder);
// Of a folder without partitions. corruption: there are redo files, so that they were lost.
[[nodiscard]] Result<void> check_no_partitions(const std::string& folder);
// Everything that opening the store would look at, redo files included. Takes as long as opening it.
[[nodiscard]] Result<void> check_store(const std::string& folder, std::span<const TableSpec> tables);

}  // namespace kontor::store
