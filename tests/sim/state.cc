#include "state.h"

#include <cstring>

#include "domains/all.h"
#include "kontor/base/bytes.h"
#include "kontor/ledger/ledger.h"
#include "kontor/machine/audit.h"

namespace kontor::sim {

namespace {

constexpr std::size_t kIdBytes = 16;

ledger::Account account_of(std::string_view row) {
    ledger::Account account;
    KONTOR_ASSERT(row.size() == sizeof account, "an account row has one size");
    std::memcpy(&account, row.data(), sizeof account);
    return account;
}

}  // namespace

void Watch::add(std::string_view key, std::string_view row, bool negative) {
    const ledger::Account account = account_of(row);
    Sums& sums = sums_[{std::string(key.substr(0, key.size() - kIdBytes)), account.ledger}];
    const auto add_to = [&](std::uint64_t& sum, std::uint64_t value) { sum += negative ? 0 - value : value; };
    add_to(sums.debits_posted, account.debits_posted);
    add_to(sums.credits_posted, account.credits_posted);
    add_to(sums.debits_pending, account.debits_pending);
    add_to(sums.credits_pending, account.credits_pending);
}

void Watch::account_changes(std::string_view key, std::optional<std::string_view> before,
                            std::string_view after) {
    if (before) add(key, *before, true);
    add(key, after, false);
}

void Watch::count(std::string_view key, std::string_view row) {
    add(key, row, false);
}

std::string Watch::unbalanced() const {
    for (const auto& [place, sums] : sums_) {
        if (sums.balance()) continue;
        return "book " + to_hex(place.first) + " ledger " + std::to_string(place.second) + ": debits " +
               std::to_string(sums.debits_posted) + " + " + std::to_string(sums.debits_pending) +
               " pending, credits " + std::to_string(sums.credits_posted) + " + " +
               std::to_string(sums.credits_pending);
    }
    return "";
}

AllRows State::all_rows() const {
    AllRows rows;
    for (const store::TableSpec& table : domains::registry().tables()) {
        for_each(table.id, [&](std::string_view key, std::string_view value) {
            rows.emplace(std::pair(table.id, std::string(key)), value);
            return true;
        });
    }
    return rows;
}

void State::recount() {
    watch_.clear();
    for_each(ledger::tables().front().id, [this](std::string_view key, std::string_view value) {
        watch_.count(key, value);
        return true;
    });
}

std::string State::whole_check() const {
    Watch again;
    for_each(ledger::tables().front().id, [&](std::string_view key, std::string_view value) {
        again.count(key, value);
        return true;
    });
    if (again.sums() != watch_.sums()) return "the sums of the rows are not those of the changes";
    const auto report = ledger::verify(
        [this](store::TableId table, const store::Reader::Visitor& visit) { for_each(table, visit); });
    if (!report.holds())
        return "the ledger does not hold: " + (report.problems.empty()
                                                   ? std::to_string(report.differences) + " accounts differ"
                                                   : report.problems.front());
    machine::AuditReport audited;
    read([&](const store::Reader& rows) {
        audited = machine::audit(
            domains::registry(), rows,
            [this](store::TableId table, const store::Reader::Visitor& visit) { for_each(table, visit); });
    });
    if (audited.holds()) return "";
    const machine::Break& first = audited.breaks.front();
    return std::string(first.invariant) + " does not hold: " + first.first;
}

}  // namespace kontor::sim
