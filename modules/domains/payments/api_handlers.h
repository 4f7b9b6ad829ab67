#pragma once
// What the routes of payment intents and charges do; api.cc lists them. Parameters are validated when one
// runs.

#include "kontor/surface/call.h"

namespace kontor::payments::handlers {

void create_intent(const surface::CallPtr&);
void retrieve_intent(const surface::CallPtr&);
void update_intent(const surface::CallPtr&);
void confirm_intent(const surface::CallPtr&);
void capture_intent(const surface::CallPtr&);
void cancel_intent(const surface::CallPtr&);
void list_intents(const surface::CallPtr&);
void retrieve_charge(const surface::CallPtr&);
void list_charges(const surface::CallPtr&);

}  // namespace kontor::payments::handlers
