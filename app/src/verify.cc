#include "verify.h"

#include <nlohmann/json.hpp>

#include "kontor/base/bytes.h"

namespace kontor::app {

Verification verify_node(const node::Node& node, const Clock& clock) {
    Verification verification;
    const std::uint64_t started = clock.monotonic_ms();
    try {
        node.read([&](const store::Reader& rows, std::uint64_t index) {
            verification.log_index = index;
            verification.state_hash_hex = to_hex(node.state_hash());
            verification.ledger =
                ledger::verify([&](store::TableId table, const store::Reader::Visitor& visit) {
                    node.for_each(rows, table, visit);
                });
        });
    } catch (const store::StoreFailure& failure) {
        verification.ledger.problems.emplace_back(failure.what());
    }
    verification.took_ms = clock.monotonic_ms() - started;
    return verification;
}

std::string to_json(const Verification& verification) {
    const nlohmann::ordered_json json{{"event", "verify"},
                                      {"holds", verification.holds()},
                                      {"accounts", verification.ledger.accounts},
                                      {"transfers", verification.ledger.transfers},
                                      {"ledgers", verification.ledger.ledgers},
                                      {"differences", verification.ledger.differences},
                                      {"problems", verification.ledger.problems},
                                      {"log_index", verification.log_index},
                                      {"state_hash", verification.state_hash_hex},
                                      {"took_ms", verification.took_ms}};
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string to_text(const Verification& verification) {
    std::string out = verification.holds() ? "The ledger holds: " : "THE LEDGER DOES NOT HOLD: ";
    out += std::to_string(verification.ledger.accounts) + " accounts in " +
           std::to_string(verification.ledger.ledgers) + " ledgers, recomputed from " +
           std::to_string(verification.ledger.transfers) + " transfers at log index " +
           std::to_string(verification.log_index) + " in " + std::to_string(verification.took_ms) + " ms.\n";
    if (verification.ledger.differences > 0)
        out += std::to_string(verification.ledger.differences) + " accounts differ.\n";
    for (const std::string& problem : verification.ledger.problems) out += "  " + problem + "\n";
    out += "State hash " + verification.state_hash_hex + "\n";
    return out;
}

}  // namespace kontor::app
