#pragma once
// Events: what api.cc lists of them.

#include "kontor/surface/call.h"

namespace kontor::webhooks {

void retrieve_event(const surface::CallPtr& call);
void list_events(const surface::CallPtr& call);

}  // namespace kontor::webhooks
