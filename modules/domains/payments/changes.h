#pragma once
// Rows and events of payments: what other domains change of a payment goes through here.

#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/machine/context.h"
#include "kontor/payments.pb.h"

namespace kontor::payments {

void put(machine::Context& context, const pb::PaymentIntent& row);
void put(machine::Context& context, const pb::Charge& row);
// The image is taken now. The audit record is found again by the intent.
void event(machine::Context& context, std::string_view type, const pb::PaymentIntent& row);
void event(machine::Context& context, std::string_view type, const pb::Charge& row,
           std::string previous = {});
void changed(machine::Context& context, const pb::PaymentIntent& row);
void audit_record_about(machine::Context& context, std::uint64_t intent_no);

}  // namespace kontor::payments
