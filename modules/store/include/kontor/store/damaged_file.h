#pragma once
// What a process does when it meets a page of a partition's file that LMDB cannot go on from. Pages have no
// checksums, so damage in one of them is met by an assertion in the middle of a read or a write: there is no
// way back from it, and no answer to the caller.
//
// Threading: call once, before a store is opened; it holds for the whole process. `end` runs on whichever
// thread met the page, and ends the process. Errors: what `end` gets is corruption, and names the file.

#include <functional>

#include "kontor/base/result.h"

namespace kontor::store {

// Without it, and when `end` returns, the damage is logged and the process aborts.
void end_at_damaged_file(std::function<void(const Error&)> end);

}  // namespace kontor::store
