#pragma once
// What every connector has to pass, over what was recorded: one transcript a file (docs/contributing.md).
// KONTOR_UPDATE_TRANSCRIPTS=1 writes down what build, parse and on_inbound give now.
//
//   INSTANTIATE_TEST_SUITE_P(All, Conformance, ::testing::ValuesIn(list_of_recorded), name_of);

#include <gtest/gtest.h>

#include <string>

#include "connectors/connector.h"

namespace kontor::connectors {

struct Recorded {
    const Connector* connector;
    std::string folder;  // of its transcripts
};

class Conformance : public ::testing::TestWithParam<Recorded> {
 protected:
    const Connector& connector = *GetParam().connector;
    const std::string& folder = GetParam().folder;
};

inline std::string name_of(const ::testing::TestParamInfo<Recorded>& tested) {
    return std::string(tested.param.connector->name.value);
}

}  // namespace kontor::connectors
