#include "domains/ledger_book/invariants.h"

#include "domains/ledger_book/tables.h"
#include "kontor/ledger/ledger.h"

namespace kontor::ledger_book {

using namespace machine;  // the frame's words

void check_failed_ids(Audit& audit) {
    const ledger::TableVisitor heads = [&](store::TableId table, const store::Reader::Visitor& visit) {
        audit.each(table, [&](std::string_view key, std::string_view value) { (void)visit(key, value); });
    };
    ledger::visit_failed_generations(heads, [&](ledger::Book book, const ledger::Ledger::FailedBegan& kept) {
        const Scope scope{book.owner, book.kind == ledger::Book::Kind::live};
        const auto due_ms = static_cast<std::int64_t>(kept.drop_from_ms);
        if (!audit.has(machine::table::due, due_key(kFailedIdsDue, DueClock::running, due_ms)
                                                .bytes(failed_ids_payload(scope, kept.generation).view())))
            audit.broken(scope, 0, "ids that failed are never forgotten");
    });
}

}  // namespace kontor::ledger_book
