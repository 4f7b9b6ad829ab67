#include "verify.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "kontor/base/bytes.h"

namespace kontor::app {

namespace {

using View = std::unique_ptr<store::CheckpointView>;

// Rotten bytes are a finding; a disk without room, or one that does not answer, is none.
void note_failure(Verification& verification, const Error& error) {
    if (error.code == ErrorCode::corruption)
        verification.ledger.problems.push_back("not verified: " + error.describe());
    else
        verification.not_verified = error.describe();
}

Verification verify(const std::function<Result<View>()>& checkpoint, const Clock& clock) {
    Verification verification;
    const std::uint64_t started = clock.monotonic_ms();
    const auto run = [&]() -> Result<void> {
        KONTOR_TRY(const View view, checkpoint());
        verification.log_index = view->meta().index;
        verification.state_hash_hex = to_hex(view->meta().state_hash);
        Result<void> visited;
        verification.ledger = ledger::verify([&](store::TableId table, const store::Reader::Visitor& visit) {
            if (visited) visited = view->for_each(table, visit);
        });
        return visited;
    };
    try {
        if (const auto done = run(); !done) {
            verification.ledger = {};  // of a part of the rows
            note_failure(verification, done.error());
        }
    } catch (const store::StoreFailure& failure) {
        verification.ledger.problems.emplace_back(failure.what());
    }
    verification.took_ms = clock.monotonic_ms() - started;
    return verification;
}

using ReadBody = std::function<void(const store::Reader&, std::uint64_t)>;

// Of what nobody changes meanwhile.
Verification verify_all(
    const std::function<void(const ReadBody&)>& read,
    const std::function<void(const store::Reader&, store::TableId, const store::Reader::Visitor&)>& for_each,
    const std::string& state_hash, const Clock& clock) {
    Verification verification;
    const std::uint64_t started = clock.monotonic_ms();
    verification.state_hash_hex = to_hex(state_hash);
    try {
        read([&](const store::Reader& rows, std::uint64_t index) {
            verification.log_index = index;
            verification.ledger =
                ledger::verify([&](store::TableId table, const store::Reader::Visitor& visit) {
                    for_each(rows, table, visit);
                });
        });
    } catch (const store::StoreFailure& failure) {
        verification.ledger.problems.emplace_back(failure.what());
    }
    verification.took_ms = clock.monotonic_ms() - started;
    return verification;
}

}  // namespace

Verification verify_node(node::Node& node, const Clock& clock) {
    return verify(
        [&]() -> Result<View> {
            KONTOR_CHECK(node.checkpoint());
            return node.view_checkpoint();
        },
        clock);
}

Verification verify_rows(const node::Node& node, const Clock& clock) {
    return verify_all([&](const ReadBody& body) { node.read(body); },
                      [&](const store::Reader& rows, store::TableId table,
                          const store::Reader::Visitor& visit) { node.for_each(rows, table, visit); },
                      node.state_hash(), clock);
}

Verification verify_rows(const store::Store& store, const Clock& clock) {
    return verify_all([&](const ReadBody& body) { store.read(body); },
                      [&](const store::Reader& rows, store::TableId table,
                          const store::Reader::Visitor& visit) { store.for_each(rows, table, visit); },
                      store.state_hash(), clock);
}

std::string to_json(const Verification& verification) {
    nlohmann::ordered_json json{{"event", "verify"},
                                {"holds", verification.holds()},
                                {"verified", verification.not_verified.empty()},
                                {"accounts", verification.ledger.accounts},
                                {"transfers", verification.ledger.transfers},
                                {"ledgers", verification.ledger.ledgers},
                                {"differences", verification.ledger.differences},
                                {"problems", verification.ledger.problems},
                                {"log_index", verification.log_index},
                                {"state_hash", verification.state_hash_hex},
                                {"took_ms", verification.took_ms}};
    if (!verification.not_verified.empty())
        json["problems"].push_back("not verified: " + verification.not_verified);
    if (!verification.note.empty()) json["note"] = verification.note;
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string to_text(const Verification& verification) {
    const std::string note = verification.note.empty() ? "" : "Note: " + verification.note + "\n";
    if (!verification.not_verified.empty())
        return "The ledger could not be verified: " + verification.not_verified + "\n" + note;
    std::string out = verification.holds() ? "The ledger holds: " : "THE LEDGER DOES NOT HOLD: ";
    out += std::to_string(verification.ledger.accounts) + " accounts in " +
           std::to_string(verification.ledger.ledgers) + " ledgers, recomputed from " +
           std::to_string(verification.ledger.transfers) + " transfers at log index " +
           std::to_string(verification.log_index) + " in " + std::to_string(verification.took_ms) + " ms.\n";
    if (verification.ledger.differences > 0)
        out += std::to_string(verification.ledger.differences) + " accounts differ.\n";
    for (const std::string& problem : verification.ledger.problems) out += "  " + problem + "\n";
    out += "State hash " + verification.state_hash_hex + "\n" + note;
    return out;
}

}  // namespace kontor::app
