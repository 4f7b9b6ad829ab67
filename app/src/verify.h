#pragma once
// `kontor verify`: recomputes all balances from the transfers and compares them with the stored ones, then
// checks each scope's audit chain and what every domain says of its rows (Domain::invariants).
//
// Works on a checkpoint that it asks for first, so a running node goes on meanwhile: nothing waits but page
// reuse. Errors: a row that does not match its checksum ends the run as a problem. Limits: memory of one
// account map; the rest is looked at row by row.

#include <functional>
#include <string>

#include "kontor/base/result.h"
#include "kontor/ledger/ledger.h"
#include "kontor/machine/audit.h"
#include "kontor/node/node.h"
#include "kontor/store/store.h"

namespace kontor::app {

// The command's exit codes. What was not looked at to the end, without a finding, is not known: in JSON
// "holds" is null.
enum class Verdict { holds = 0, broken = 1, not_known = 2 };

struct Verification {
    ledger::VerifyReport ledger;
    machine::AuditReport audit;
    std::uint64_t log_index = 0;
    std::string state_hash_hex;
    std::uint64_t took_ms = 0;
    bool is_ledger_done = false;  // its verdict stands, whatever happened to the rest
    std::string not_verified;     // why not all could be looked at: says nothing about the rows
    std::string note;             // what else somebody has to know of the folder
    [[nodiscard]] bool holds() const { return verdict() == Verdict::holds; }
    [[nodiscard]] Verdict verdict() const {
        if (!ledger.holds() || !audit.holds()) return Verdict::broken;
        return not_verified.empty() ? Verdict::holds : Verdict::not_known;
    }
};

// `shall_stop` is asked now and then, and may be null: then not all was looked at.
[[nodiscard]] Verification verify_node(node::Node& node, const Clock& clock,
                                       const std::function<bool()>& shall_stop = {});
// Of a node or a store that was opened to look only: nothing is written. A store has the newest checkpoint
// without the log: of a stopped member of a cluster, which cannot know by itself what of its log counts.
[[nodiscard]] Verification verify_rows(const node::Node& node, const Clock& clock);
[[nodiscard]] Verification verify_rows(const store::Store& store, const Clock& clock);
[[nodiscard]] std::string to_json(const Verification& verification);  // one line
// When nothing could be looked at: corruption is a finding, everything else says nothing about the rows.
[[nodiscard]] std::string to_json(const Error& error);
[[nodiscard]] Verdict verdict_of(const Error& error);
[[nodiscard]] Verdict verdict_in(const std::string& json);            // of what to_json() wrote, on any node
[[nodiscard]] std::string to_text(const Verification& verification);  // for people

}  // namespace kontor::app
