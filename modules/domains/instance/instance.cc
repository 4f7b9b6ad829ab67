#include "domains/instance/instance.h"

#include "domains/instance/commands.h"
#include "kontor/machine/refuse.h"

namespace kontor::instance {

using namespace machine;  // the frame's words

namespace {

constexpr std::uint64_t kLayoutVersion = 2;

}  // namespace

std::optional<pb::Instance> find_instance(const store::Reader& rows) {
    return load<pb::Instance>(rows, machine::table::instance, instance_key());
}

pb::Result init_instance(Context& context, const pb::InitInstance& wanted) {
    if (find_instance(context.rows))
        return refuse(machine::outcome::already_exists, "This instance was initialised before.");
    pb::Instance instance;
    instance.set_version(kLayoutVersion);
    instance.set_created_ms(context.now.utc_ms);
    instance.set_instance_id(wanted.instance_id());
    instance.set_dev(wanted.dev());
    context.put(machine::table::instance, instance_key(), instance);
    context.journal(kInstanceScope);
    return {};
}

}  // namespace kontor::instance
