#include "kontor/surface/command_parts.h"

#include <algorithm>

#include "kontor/machine.pb.h"
#include "kontor/money/money.h"

namespace kontor::surface {

void fill_metadata(const Node& params, Pairs* pairs, bool creating) {
    const Node* metadata = params.find("metadata");
    if (metadata == nullptr || !metadata->is_container()) return;
    std::vector<const Node*> sorted;
    for (const Node& pair : metadata->children) {
        if (creating && pair.text.empty()) continue;
        sorted.push_back(&pair);
    }
    std::sort(sorted.begin(), sorted.end(), [](const Node* a, const Node* b) { return a->key < b->key; });
    for (const Node* pair : sorted) {
        pb::Pair* added = pairs->Add();
        added->set_key(pair->key);
        added->set_value(pair->text);
    }
}

bool clears_metadata(const Node& params) {
    const Node* metadata = params.find("metadata");
    return metadata != nullptr && metadata->is_empty_leaf();
}

std::uint32_t currency_of(const Node& params) {
    const auto text = params.text_of("currency");
    if (!text) return 0;
    const auto currency = money::Currency::from_code(*text);
    return currency ? currency->numeric() : 0U;
}

}  // namespace kontor::surface
