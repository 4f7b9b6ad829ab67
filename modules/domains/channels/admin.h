#pragma once
// Accounts at channels and the routes to them, in the back office.

#include "connectors/connector.h"
#include "kontor/channels.pb.h"
#include "kontor/surface/office_route.h"

namespace kontor::channels {

inline constexpr std::size_t kAccountsListed = 1'000;  // at least so many before there is another page

// An account keeps what its connector serves when it is opened.
void copy_serves(const connectors::Connector& connector, pb::OpenChannelAccount& open);

extern const surface::office::Resource kAdmin;

}  // namespace kontor::channels
