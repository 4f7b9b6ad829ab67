#pragma once
// What one may do with the book of the ledger API. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::ledger_book::permission {

inline constexpr machine::Permission read{"ledger.read"};
inline constexpr machine::Permission write{"ledger.write"};

}  // namespace kontor::ledger_book::permission
