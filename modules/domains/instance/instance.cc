#include "domains/instance/instance.h"

#include "domains/instance/commands.h"
#include "kontor/base/data_format.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/refuse.h"

namespace kontor::instance {

using namespace machine;  // the frame's words

std::optional<pb::Instance> find_instance(const store::Reader& rows) {
    return load<pb::Instance>(rows, machine::table::instance, instance_key());
}

void use_id_key(const store::Reader& rows) {
    const auto instance = find_instance(rows);
    if (!instance) return;  // a new folder: init_instance makes it
    if (instance->id_key().size() != kIdKeyBytes)
        row_failure("instance", "the key of public ids has another size");
    set_id_key(instance->id_key());
}

pb::Result init_instance(Context& context, const pb::InitInstance& wanted) {
    if (find_instance(context.rows))
        return refuse(machine::outcome::already_exists, "This instance was initialised before.");
    if (wanted.id_key().size() != kIdKeyBytes)
        return refuse(machine::outcome::invalid_parameter, "The key of public ids has another size.");
    pb::Instance instance;
    instance.set_version(kDataFormat);
    instance.set_created_ms(context.now.utc_ms);
    instance.set_instance_id(wanted.instance_id());
    instance.set_dev(wanted.dev());
    instance.set_id_key(wanted.id_key());
    set_id_key(wanted.id_key());  // from here on, ids are shown
    context.put(machine::table::instance, instance_key(), instance);
    context.audit_record(kInstanceScope);
    return {};
}

}  // namespace kontor::instance
