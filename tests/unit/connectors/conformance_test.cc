// Every connector of the binary through the kit: its transcripts are in tests/data/connectors/<name>.
#include "connectors/all.h"
#include "support/connector_kit.h"

namespace kontor::connectors {
namespace {

std::vector<Recorded> recorded() {
    std::vector<Recorded> list;
    for (const Connector* connector : all())
        list.push_back(
            {connector, KONTOR_SOURCE_DIR "/tests/data/connectors/" + std::string(connector->name.value)});
    return list;
}

INSTANTIATE_TEST_SUITE_P(All, Conformance, ::testing::ValuesIn(recorded()), name_of);

}  // namespace
}  // namespace kontor::connectors
