#pragma once
// What one may do with customers and their wallets. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::customers::permission {

inline constexpr machine::Permission read{"customers.read"};
inline constexpr machine::Permission write{"customers.write"};
inline constexpr machine::Permission read_wallet{"wallets.read"};
inline constexpr machine::Permission write_wallet{"wallets.write"};

}  // namespace kontor::customers::permission
