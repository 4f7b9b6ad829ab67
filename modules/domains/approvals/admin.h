#pragma once
// Requests for approval and their policy in the back office.

#include "kontor/surface/office_route.h"

namespace kontor::approvals {

extern const surface::office::Resource kAdmin;

}  // namespace kontor::approvals
