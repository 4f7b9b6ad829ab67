#pragma once
// Prefixes of public ids: part of the API.

#include <string_view>

#include "kontor/machine/approval.h"

namespace kontor::approvals::prefix {

inline constexpr std::string_view request = machine::kApprovalPrefix;  // the frame answers with it

}  // namespace kontor::approvals::prefix
