#pragma once
// What samples of records have in common (Sample in route.h).

#include "kontor/machine.pb.h"

namespace kontor::surface {

// The fields that nearly every record has.
template <typename Record>
void fill_sample(Record& record) {
    record.set_no(1);
    record.set_created_ms(1);
    pb::Pair* pair = record.add_metadata();
    pair->set_key("order");
    pair->set_value("6735");
}

}  // namespace kontor::surface
