#pragma once
// Commands of operators.

#include "kontor/machine/context.h"
#include "kontor/operators.pb.h"

namespace kontor::operators {

pb::Result create_setup_token(machine::Context& context, const pb::CreateSetupToken& wanted);
pb::Result set_up_operator(machine::Context& context, const pb::SetUpOperator& wanted);
pb::Result open_session(machine::Context& context, const pb::OpenSession& wanted);
pb::Result close_session(machine::Context& context, const pb::CloseSession& wanted);
pb::Result login_failed(machine::Context& context, const pb::LoginFailed& wanted);

}  // namespace kontor::operators
