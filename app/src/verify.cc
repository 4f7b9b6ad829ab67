#include "verify.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "domains/all.h"
#include "kontor/base/bytes.h"

namespace kontor::app {

namespace {

constexpr std::uint64_t kRowsBetweenLooks = 256;

using View = std::unique_ptr<store::CheckpointView>;

// Rotten bytes are a finding; a disk without room, or one that does not answer, is none.
void note_failure(Verification& verification, const Error& error) {
    if (error.code == ErrorCode::corruption)
        verification.ledger.problems.push_back("not verified: " + error.describe());
    else
        verification.not_verified = error.describe();
}

// Both proofs, over the same rows. What was found in a part of the rows is no finding.
void check(Verification& verification, const store::Reader& rows, const machine::EachRow& each_row) {
    try {
        verification.ledger = ledger::verify(each_row);
        verification.is_ledger_done = true;
        verification.audit = machine::audit(domains::registry(), rows, each_row);
    } catch (const store::ViewEnded& ended) {
        note_failure(verification, ended.error);
    }
}

Verification timed(const Clock& clock, const std::function<void(Verification&)>& run) {
    Verification verification;
    const std::uint64_t started = clock.monotonic_ms();
    try {
        run(verification);
    } catch (const store::StoreFailure& failure) {
        verification.ledger.problems.emplace_back(failure.what());
    }
    verification.took_ms = clock.monotonic_ms() - started;
    return verification;
}

// "webhooks: each pending delivery is in the outbox …: merchant … : …, and 3 more"
std::string describe(const machine::Break& one) {
    std::string text = std::string(one.domain) + ": " + std::string(one.invariant) + ": " + one.first;
    if (one.count > 1) text += ", and " + std::to_string(one.count - 1) + " more";
    return text;
}

using ReadBody = std::function<void(const store::Reader&, std::uint64_t)>;

// Of what nobody changes meanwhile.
Verification verify_all(
    const std::function<void(const ReadBody&)>& read,
    const std::function<void(const store::Reader&, store::TableId, const store::Reader::Visitor&)>& for_each,
    const std::string& state_hash, const Clock& clock) {
    return timed(clock, [&](Verification& verification) {
        verification.state_hash_hex = to_hex(state_hash);
        read([&](const store::Reader& rows, std::uint64_t index) {
            verification.log_index = index;
            check(verification, rows, [&](store::TableId table, const store::Reader::Visitor& visit) {
                for_each(rows, table, visit);
            });
        });
    });
}

}  // namespace

Verification verify_node(node::Node& node, const Clock& clock, const std::function<bool()>& shall_stop) {
    return timed(clock, [&](Verification& verification) {
        const auto open = [&]() -> Result<View> {
            KONTOR_CHECK(node.checkpoint());
            return node.view_checkpoint();
        };
        const auto opened = open();
        if (!opened) return note_failure(verification, opened.error());
        store::CheckpointView& view = **opened;
        verification.log_index = view.meta().index;
        verification.state_hash_hex = to_hex(view.meta().state_hash);
        check(verification, view.reader(), [&](store::TableId table, const store::Reader::Visitor& visit) {
            std::uint64_t visited = 0;
            bool is_cut = false;
            const auto visit_or_stop = [&](std::string_view key, std::string_view value) {
                is_cut = ++visited % kRowsBetweenLooks == 0 && shall_stop && shall_stop();
                return !is_cut && visit(key, value);
            };
            const auto done = view.for_each(table, visit_or_stop);
            if (!done) throw store::ViewEnded(done.error());
            if (is_cut) throw store::ViewEnded({ErrorCode::unavailable, "this node is stopping"});
        });
    });
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

namespace {

nlohmann::ordered_json holds_in_json(Verdict verdict) {
    if (verdict == Verdict::not_known) return nullptr;
    return verdict == Verdict::holds;
}

}  // namespace

Verdict verdict_of(const Error& error) {
    return error.code == ErrorCode::corruption ? Verdict::broken : Verdict::not_known;
}

Verdict verdict_in(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    const auto holds = json.is_object() ? json.value("holds", nlohmann::json()) : nlohmann::json();
    if (!holds.is_boolean()) return Verdict::not_known;
    return holds.get<bool>() ? Verdict::holds : Verdict::broken;
}

std::string to_json(const Error& error) {
    const nlohmann::ordered_json json{{"event", "verify"},
                                      {"holds", holds_in_json(verdict_of(error))},
                                      {"verified", false},
                                      {"error", error.describe()},
                                      {"problems", {error.describe()}}};
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string to_json(const Verification& verification) {
    auto problems = verification.ledger.problems;
    auto breaks = nlohmann::ordered_json::array();
    for (const machine::Break& one : verification.audit.breaks) {
        problems.push_back(describe(one));
        breaks.push_back({{"domain", one.domain},
                          {"invariant", one.invariant},
                          {"first", one.first},
                          {"count", one.count}});
    }
    if (!verification.not_verified.empty()) problems.push_back("not verified: " + verification.not_verified);
    nlohmann::ordered_json json{{"event", "verify"},
                                {"holds", holds_in_json(verification.verdict())},
                                {"verified", verification.not_verified.empty()},
                                {"accounts", verification.ledger.accounts},
                                {"transfers", verification.ledger.transfers},
                                {"ledgers", verification.ledger.ledgers},
                                {"differences", verification.ledger.differences},
                                {"invariants", verification.audit.invariants},
                                {"rows", verification.audit.rows},
                                {"breaks", breaks},
                                {"problems", problems},
                                {"log_index", verification.log_index},
                                {"state_hash", verification.state_hash_hex},
                                {"took_ms", verification.took_ms}};
    if (!verification.note.empty()) json["note"] = verification.note;
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string to_text(const Verification& verification) {
    const std::string note = verification.note.empty() ? "" : "Note: " + verification.note + "\n";
    if (!verification.not_verified.empty() && !verification.is_ledger_done)
        return "The ledger could not be verified: " + verification.not_verified + "\n" + note;
    std::string out = verification.ledger.holds() ? "The ledger holds: " : "THE LEDGER DOES NOT HOLD: ";
    out += std::to_string(verification.ledger.accounts) + " accounts in " +
           std::to_string(verification.ledger.ledgers) + " ledgers, recomputed from " +
           std::to_string(verification.ledger.transfers) + " transfers at log index " +
           std::to_string(verification.log_index) + " in " + std::to_string(verification.took_ms) + " ms.\n";
    if (verification.ledger.differences > 0)
        out += std::to_string(verification.ledger.differences) + " accounts differ.\n";
    for (const std::string& problem : verification.ledger.problems) out += "  " + problem + "\n";
    if (!verification.not_verified.empty())
        return out + "Everything else could not be verified: " + verification.not_verified + "\n" + note;
    if (verification.audit.invariants != 0) {
        out += verification.audit.holds() ? "Everything else holds: " : "SOMETHING ELSE DOES NOT HOLD: ";
        out += std::to_string(verification.audit.invariants) + " invariants over " +
               std::to_string(verification.audit.rows) +
               " rows, the audit records' hash chains among them.\n";
    }
    for (const machine::Break& one : verification.audit.breaks) out += "  " + describe(one) + "\n";
    out += "State hash " + verification.state_hash_hex + "\n" + note;
    return out;
}

}  // namespace kontor::app
