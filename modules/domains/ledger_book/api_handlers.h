#pragma once
// What the routes of /v1/ledger do; api.cc lists them. Only the query is validated when one runs.

#include <string_view>

#include "kontor/surface/call.h"

namespace kontor::ledger_book {

inline constexpr std::string_view kProtoTextType = "text/plain; charset=utf-8";

void create_ledger_accounts(const surface::CallPtr&);
void create_ledger_transfers(const surface::CallPtr&);
void retrieve_ledger_account(const surface::CallPtr&);
void retrieve_ledger_transfer(const surface::CallPtr&);
void look_up_ledger_accounts(const surface::CallPtr&);
void look_up_ledger_transfers(const surface::CallPtr&);
void retrieve_ledger_balance(const surface::CallPtr&);
void list_ledger_accounts(const surface::CallPtr&);
void list_ledger_history(const surface::CallPtr&);
void freeze_ledger_account(const surface::CallPtr&);
void unfreeze_ledger_account(const surface::CallPtr&);
void close_ledger_account(const surface::CallPtr&);
void ledger_proto(const surface::CallPtr&);

}  // namespace kontor::ledger_book
