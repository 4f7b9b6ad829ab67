#pragma once
// A finished copy (copy_draft.h) takes the place of a store.
//
// Threading: any, while nobody has either of them open. Errors: see each function.

#include <functional>
#include <string>

#include "kontor/base/result.h"

namespace kontor::store {

// Where the copy of a store lies until it takes its place: live + ".incoming".
[[nodiscard]] std::string incoming_folder(const std::string& live);
// The finished copy takes the place of the store, which must be closed (conflict otherwise) or not there. A
// crash at any moment leaves the old or the new one to Store::open, which finishes or undoes the exchange.
// invalid_argument: not incoming_folder(live); unavailable: the copy is not finished. `crash` is a test seam.
[[nodiscard]] Result<void> replace_store_folder(const std::string& live, const std::string& incoming,
                                                const std::function<void(const char* step)>& crash = nullptr);
// Ends what an interrupted exchange left; Store::open calls it first.
[[nodiscard]] Result<void> finish_store_replacement(
    const std::string& live, const std::function<void(const char* step)>& crash = nullptr);

}  // namespace kontor::store
