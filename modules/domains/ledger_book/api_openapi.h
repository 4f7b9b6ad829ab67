#pragma once
// The ledger API in the description: bodies of rows instead of parameters.

#include <string>
#include <vector>

#include "kontor/surface/route.h"

namespace kontor::ledger_book {

extern const surface::OwnBodies kOne, kCreates, kLooksUp, kLists;
[[nodiscard]] std::string request_schemas();  // members of components/schemas

[[nodiscard]] std::vector<std::string> account_samples();
[[nodiscard]] std::vector<std::string> accounts_samples();      // of a look-up
[[nodiscard]] std::vector<std::string> account_list_samples();  // a page
[[nodiscard]] std::vector<std::string> balance_samples();
[[nodiscard]] std::vector<std::string> history_samples();
[[nodiscard]] std::vector<std::string> results_samples();
[[nodiscard]] std::vector<std::string> transfer_samples();
[[nodiscard]] std::vector<std::string> transfers_samples();

}  // namespace kontor::ledger_book
