#pragma once
// Whether the rows hold what all domains say of them (Domain::invariants): for `kontor verify`.
//
// An invariant visits rows, looks others up, and names what breaks it. The first break of each invariant is
// kept in words, the others are counted.
//
// Threading: one thread, over rows that nobody changes meanwhile. Errors: a row that does not parse breaks
// the invariant that met it; other failures of the store pass through. Limits: the memory of a few rows,
// however many there are.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/machine/domain.h"
#include "kontor/machine/rows.h"

namespace kontor::machine {

// Every row of a table, in no particular order: what a store's for_each() does.
using EachRow = std::function<void(store::TableId, const store::Reader::Visitor&)>;

struct Break {
    std::string_view domain, invariant;
    std::string first;  // where (merchant, mode, number of the command) and what
    std::uint64_t count = 0;
};
struct AuditReport {
    std::uint64_t invariants = 0, rows = 0;  // that were checked, and looked at
    std::vector<Break> breaks;
    [[nodiscard]] bool holds() const { return breaks.empty(); }
};
[[nodiscard]] AuditReport audit(const Registry& registry, const store::Reader& rows, const EachRow& each_row);

class Audit {
 public:
    Audit(const Registry& registry_in, const store::Reader& rows_in, const EachRow& each_row)
        : registry(registry_in), rows(rows_in), each_row_(each_row) {}

    const Registry& registry;
    const store::Reader& rows;

    // A visitor may look rows up; `value` ends with that.
    using Visitor = std::function<void(std::string_view key, std::string_view value)>;
    void each(store::TableId table, const Visitor& visit);
    // In the order of their keys: low <= key < high, within one partition key.
    void scan(store::TableId table, const Key& low, const Key& high, const Visitor& visit);

    template <typename T, typename Visit>
    void each(store::TableId table, std::string_view name, Visit visit) {
        each(table,
             [&](std::string_view key, std::string_view value) { visit(key, parse_row<T>(value, name)); });
    }
    // Objects of a scope, each under its own key: visit(scope, object).
    template <typename T, typename Visit>
    void each_object(store::TableId table, std::string_view name, Visit visit) {
        each<T>(table, name, [&](std::string_view key, const T& object) {
            const Scope scope{object.merchant_no(), object.livemode()};
            if (key != object_key(scope, object.no()).view())
                return broken(scope, object.no(), "stands under another key in " + std::string(name));
            visit(scope, object);
        });
    }
    // Objects whose number alone is their key.
    template <typename T, typename Visit>
    void each_numbered(store::TableId table, std::string_view name, Visit visit) {
        each<T>(table, name, [&](std::string_view key, const T& object) {
            const Scope scope{object.merchant_no(), object.livemode()};
            if (key != Key().be64(object.no()).view())
                return broken(scope, object.no(), "stands under another key in " + std::string(name));
            visit(scope, object);
        });
    }
    [[nodiscard]] bool has(store::TableId table, const Key& key) const {
        return rows.get(table, key.view()).has_value();
    }
    // `no`: of the object or command that it is about; 0: of none.
    void broken(Scope scope, std::uint64_t no, std::string_view what);

 private:
    friend AuditReport audit(const Registry&, const store::Reader&, const EachRow&);
    const EachRow& each_row_;
    std::uint64_t rows_ = 0;
    Break break_;
};

// Of a key that begins with it.
[[nodiscard]] Scope scope_of(std::string_view key);

}  // namespace kontor::machine
