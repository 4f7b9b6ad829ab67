#pragma once
// The words of calls to the back office, for this module's own routes.

#include "kontor/admin/admin.h"
#include "kontor/admin/limits.h"
#include "kontor/surface/office_call.h"

namespace kontor::admin {

using surface::office::add_security_headers;
using surface::office::Call;
using surface::office::Caller;
using surface::office::CallPtr;

}  // namespace kontor::admin
