#pragma once
// Whether a partition's file is whole, before it is mapped: one that was cut short (a copy that was broken
// off, a disk that was full) ends the process at the first page that is missing, or worse, grows again with a
// hole. Threading: any; it reads, without LMDB. Errors: corruption (cut short, or meta pages that are none or
// do not fit together), io.

#include <cstdint>
#include <string>

#include "kontor/base/result.h"

namespace kontor::store {

// Its bytes up to the last page that was ever used. 0: it is not there, and is left to LMDB, which makes it.
[[nodiscard]] Result<std::uint64_t> check_partition_file(const std::string& path);
// Whether each page that is used is one, and each of its rows within it. LMDB believes what its pages say,
// and ends the process at one that cannot be, or reads beyond the file. Reads all of it. corruption: names
// the page.
[[nodiscard]] Result<void> check_partition_pages(const std::string& path);

}  // namespace kontor::store
