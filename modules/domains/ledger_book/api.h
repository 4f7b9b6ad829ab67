#pragma once
// /v1/ledger in the merchant API: the double-entry ledger itself (docs/ledger-api.md).

#include "kontor/surface/route.h"

namespace kontor::ledger_book {

extern const surface::Resource kApi;

}  // namespace kontor::ledger_book
