#pragma once
// The platform's account at the sandbox, with its test-mode route: what a state needs before a card can pay.

#include <string>

#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/machine/make.h"

namespace kontor_test {

inline kontor::pb::Command open_sandbox(const std::string& sealed_credentials = "sealed") {
    using namespace kontor;
    pb::Command command = machine::new_command(pb::Actor::SYSTEM);
    auto& open = *mutable_body(command, pb::open_channel_account);
    open.set_connector("sandbox");
    open.set_name("Sandbox acquirer");
    open.set_sealed_credentials(sealed_credentials);
    open.add_set_fields("link_key");
    auto& served = *open.add_serves();
    served.set_type("card");
    for (const char* operation : {"sale", "authorize", "capture", "void", "refund"})
        served.add_operations(operation);
    open.add_route_methods("card");
    return command;
}

}  // namespace kontor_test
