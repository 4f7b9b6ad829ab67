#include "kontor/machine/refuse.h"

#include <algorithm>

#include "kontor/crypto/public_id.h"

#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/limits.h"

namespace kontor::machine {

pb::Result refuse(const Outcome& outcome, std::string message, std::string_view param) {
    pb::Result result;
    result.set_outcome(outcome.number);
    result.mutable_error()->set_type(std::string(outcome.type));
    result.mutable_error()->set_message(std::move(message));
    result.mutable_error()->set_param(std::string(param));
    return result;
}

pb::Result no_such(std::string_view object, std::string_view id_prefix, std::uint64_t no,
                   std::string_view param) {
    std::string message("No such ");
    message.append(object).append(": '").append(format_id(id_prefix, no)).append("'");
    return refuse(outcome::resource_missing, std::move(message), param);
}

bool merge_metadata(Pairs* into, const Pairs& changes, bool clear) {
    Pairs merged;
    if (!clear) merged = *into;
    const auto below = [](const pb::Pair& a, const pb::Pair& b) { return a.key() < b.key(); };
    for (const pb::Pair& change : changes) {
        const auto at = std::lower_bound(merged.begin(), merged.end(), change, below);
        const bool known = at != merged.end() && at->key() == change.key();
        if (change.value().empty()) {
            if (known) merged.erase(at);
        } else if (known) {
            at->set_value(change.value());
        } else {
            const auto position = at - merged.begin();
            *merged.Add() = change;
            std::rotate(merged.begin() + position, merged.end() - 1, merged.end());
        }
    }
    if (static_cast<std::size_t>(merged.size()) > limits::kMetadataKeys) return false;
    into->Swap(&merged);
    return true;
}

pb::Result metadata_too_long() {
    return refuse(outcome::invalid_parameter,
                  "An object has at most " + std::to_string(limits::kMetadataKeys) + " metadata keys.",
                  "metadata");
}

}  // namespace kontor::machine
