#pragma once
// The ledger API in the description: bodies of rows instead of parameters.

#include <string>

#include "kontor/surface/route.h"

namespace kontor::ledger_book {

extern const surface::OwnBodies kOne, kCreates, kLooksUp, kLists, kProtoText;
[[nodiscard]] std::string request_schemas();  // members of components/schemas

}  // namespace kontor::ledger_book
