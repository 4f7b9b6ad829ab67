#include "kontor/machine/audit.h"

#include <cstdio>

#include "kontor/base/bytes.h"
#include "kontor/base/object_id.h"

namespace kontor::machine {
namespace {

// "merchant 0000000000080001 test, command 0000000000280400 (entry 5, command 1): …"
std::string place(Scope scope, std::uint64_t no) {
    char text[128];
    std::string out;
    if (scope.merchant_no != 0) {
        std::snprintf(text, sizeof text, "merchant %016llx %s",
                      static_cast<unsigned long long>(scope.merchant_no), scope.livemode ? "live" : "test");
        out = text;
    }
    if (no != 0) {
        std::snprintf(text, sizeof text, "%s%016llx (entry %llu, command %llu)", out.empty() ? "" : ", ",
                      static_cast<unsigned long long>(no), static_cast<unsigned long long>(log_index_of(no)),
                      static_cast<unsigned long long>(command_in_batch(no)));
        out += text;
    }
    return out.empty() ? out : out + ": ";
}

}  // namespace

Scope scope_of(std::string_view key) {
    if (key.size() < 9) row_failure("machine", "a key is too short for a merchant and mode");
    return {get_be64(key), key[8] != '\0'};
}

void Audit::each(store::TableId table, const Visitor& visit) {
    each_row_(table, [&](std::string_view key, std::string_view value) {
        ++rows_;
        visit(key, value);
        return true;
    });
}

void Audit::scan(store::TableId table, const Key& low, const Key& high, const Visitor& visit) {
    rows.scan(table, low.view(), high.view(), store::Direction::ascending,
              [&](std::string_view key, std::string_view value) {
                  ++rows_;
                  visit(key, value);
                  return true;
              });
}

void Audit::broken(Scope scope, std::uint64_t no, std::string_view what) {
    if (++break_.count == 1) break_.first = place(scope, no) + std::string(what);
}

AuditReport audit(const Registry& registry, const store::Reader& rows, const EachRow& each_row) {
    AuditReport report;
    for (const Domain* domain : registry.domains()) {
        for (const Invariant& invariant : domain->invariants) {
            Audit one(registry, rows, each_row);
            one.break_.domain = domain->name;
            one.break_.invariant = invariant.name;
            try {
                invariant.check.value(one);
            } catch (const RowFailure& failure) {
                one.broken({}, 0, std::string(failure.what()) + "; its other rows were not looked at");
            }
            ++report.invariants;
            report.rows += one.rows_;
            if (one.break_.count != 0) report.breaks.push_back(std::move(one.break_));
        }
    }
    return report;
}

}  // namespace kontor::machine
