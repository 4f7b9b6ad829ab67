#pragma once
// What the routes do. Parameters are validated when a handler runs.

#include "call.h"

namespace kontor::api::handlers {

void create_customer(const CallPtr&);
void retrieve_customer(const CallPtr&);
void update_customer(const CallPtr&);
void delete_customer(const CallPtr&);
void list_customers(const CallPtr&);
void retrieve_cash_balance(const CallPtr&);
void fund_cash_balance(const CallPtr&);  // test mode only
void top_up(const CallPtr&);

void create_intent(const CallPtr&);
void retrieve_intent(const CallPtr&);
void update_intent(const CallPtr&);
void confirm_intent(const CallPtr&);
void capture_intent(const CallPtr&);
void cancel_intent(const CallPtr&);
void list_intents(const CallPtr&);

void retrieve_charge(const CallPtr&);
void list_charges(const CallPtr&);

void create_refund(const CallPtr&);
void retrieve_refund(const CallPtr&);
void update_refund(const CallPtr&);
void list_refunds(const CallPtr&);

void retrieve_balance(const CallPtr&);
void retrieve_balance_transaction(const CallPtr&);
void list_balance_transactions(const CallPtr&);

void retrieve_event(const CallPtr&);
void list_events(const CallPtr&);

void create_webhook_endpoint(const CallPtr&);
void retrieve_webhook_endpoint(const CallPtr&);
void update_webhook_endpoint(const CallPtr&);
void delete_webhook_endpoint(const CallPtr&);
void list_webhook_endpoints(const CallPtr&);

void create_ledger_accounts(const CallPtr&);
void create_ledger_transfers(const CallPtr&);
void retrieve_ledger_account(const CallPtr&);
void retrieve_ledger_transfer(const CallPtr&);
void retrieve_ledger_balance(const CallPtr&);
void list_ledger_accounts(const CallPtr&);
void list_ledger_history(const CallPtr&);
void look_up_ledger_accounts(const CallPtr&);
void look_up_ledger_transfers(const CallPtr&);
void freeze_ledger_account(const CallPtr&);
void unfreeze_ledger_account(const CallPtr&);
void close_ledger_account(const CallPtr&);
void ledger_proto(const CallPtr&);

void retrieve_account(const CallPtr&);
void openapi(const CallPtr&);

}  // namespace kontor::api::handlers
