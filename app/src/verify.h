#pragma once
// `kontor verify`: recomputes all balances from the transfers and compares them with the stored ones, then
// checks each scope's journal chain and what every domain says of its rows (Domain::invariants).
//
// Works on a checkpoint that it asks for first, so a running node goes on meanwhile: nothing waits but page
// reuse. Errors: a row that does not match its checksum ends the run as a problem. Limits: memory of one
// account map; the rest is looked at row by row.

#include <string>

#include "kontor/ledger/ledger.h"
#include "kontor/machine/audit.h"
#include "kontor/node/node.h"
#include "kontor/store/store.h"

namespace kontor::app {

struct Verification {
    ledger::VerifyReport ledger;
    machine::AuditReport audit;
    std::uint64_t log_index = 0;
    std::string state_hash_hex;
    std::uint64_t took_ms = 0;
    bool is_ledger_done = false;  // its verdict stands, whatever happened to the rest
    std::string not_verified;     // why not all could be looked at: says nothing about the rows
    std::string note;             // what else somebody has to know of the folder
    [[nodiscard]] bool holds() const { return not_verified.empty() && ledger.holds() && audit.holds(); }
};

[[nodiscard]] Verification verify_node(node::Node& node, const Clock& clock);
// Of a node or a store that was opened to look only: nothing is written. A store has the newest checkpoint
// without the log: of a stopped member of a cluster, which cannot know by itself what of its log counts.
[[nodiscard]] Verification verify_rows(const node::Node& node, const Clock& clock);
[[nodiscard]] Verification verify_rows(const store::Store& store, const Clock& clock);
[[nodiscard]] std::string to_json(const Verification& verification);  // one line
[[nodiscard]] std::string to_text(const Verification& verification);  // for people

}  // namespace kontor::app
