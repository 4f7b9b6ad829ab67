#pragma once
// What the rules of one command work with: its number and time, its rows, its journal.
//
// A handler checks first and writes then: what it refuses leaves no row behind. Journal rows are written by
// finish(), one for each merchant and mode that was touched, with the deliveries of their events.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/object_id.h"
#include "kontor/commands.pb.h"
#include "kontor/ledger/ledger.h"
#include "kontor/payments/machine.h"
#include "rows.h"

namespace kontor::payments {

class Context {
 public:
    Context(store::Writer& rows, std::uint64_t index, std::size_t position, Times now,
            const pb::Command& command, Effects& effects, std::string& buffer);

    store::Writer& rows;
    const Times now;
    const pb::Command& command;
    Effects& effects;
    Scope scope;                           // of the command; of the attempt where a channel answered
    std::optional<pb::Merchant> merchant;  // of the scope
    ledger::Ledger ledger;
    std::string idempotency_row;         // key of the command's idempotency record, "" if none
    std::uint64_t ledger_timestamp = 0;  // see pb::Result
    bool lost_race = false;              // refused because something else is under way: not kept for replays

    [[nodiscard]] std::uint64_t command_no() const { return command_no_; }
    // Numbers of new objects and transfers, in the order of the calls.
    [[nodiscard]] std::uint64_t next_no();

    template <typename T>
    void put(store::TableId table, const Key& key, const T& message) {
        message.SerializeToString(&buffer_);
        rows.put(table, key.view(), buffer_);
    }
    void put_index(store::TableId table, const Key& key) { rows.put(table, key.view(), kIndexValue); }
    void link(std::uint64_t parent, LinkKind kind, std::uint64_t child) {
        put_index(table::links, link_key(scope, parent, kind, child));
    }
    // Objects of the scope.
    void put(const pb::Customer& row) { put(table::customers, object_key(scope, row.no()), row); }
    void put(const pb::PaymentIntent& row) { put(table::intents, object_key(scope, row.no()), row); }
    void put(const pb::Charge& row) { put(table::charges, object_key(scope, row.no()), row); }
    void put(const pb::Refund& row) { put(table::refunds, object_key(scope, row.no()), row); }
    void put(const pb::BalanceTransaction& row) {
        put(table::balance_transactions, object_key(scope, row.no()), row);
    }

    // The head row of a scope; changes are written by finish().
    [[nodiscard]] const pb::ScopeHead& head(Scope of) { return book(of).head; }
    [[nodiscard]] pb::ScopeHead& change_head(Scope of);
    // Marks the scope as changed: it gets a journal row even without events.
    pb::Journal& journal(Scope of);
    pb::Journal& journal() { return journal(scope); }
    // The journal rows of an intent are found by it.
    void journal_about_intent(std::uint64_t intent_no);
    // The image is taken now: call when the object is as the command leaves it.
    void event(std::string_view type, const pb::PaymentIntent& object);
    void event(std::string_view type, const pb::Charge& object, std::string previous = {});
    void event(std::string_view type, const pb::Refund& object, std::string previous = {});
    void event(std::string_view type, const pb::Customer& object, std::string previous = {});
    void changed(const pb::PaymentIntent& object) {
        *journal().add_changes()->mutable_payment_intent() = object;
    }

    void due(DueClock clock, std::int64_t due_ms, DueKind kind, std::string_view payload);
    void finish();

 private:
    struct Book {
        Scope scope;
        pb::ScopeHead head;
        pb::Journal journal;
        bool has_journal = false;
        bool head_changed = false;
        std::vector<std::uint64_t> intents;
    };
    Book& book(Scope of);
    pb::Event& new_event(std::string_view type, std::string previous);
    void announce(Book& book);
    void close(Book& book);

    std::uint64_t command_no_;
    std::uint64_t objects_ = 0;
    std::deque<Book> books_;
    std::string& buffer_;
};

// "payment_intent" of the oneof: what the journal calls the command.
[[nodiscard]] std::string_view command_name(const pb::Command& command);

// Ids of payments' transfers: the system bit, then the object number; callers of the ledger API cannot take
// them.
[[nodiscard]] ledger::Id128 transfer_id(std::uint64_t no);
[[nodiscard]] std::string id_bytes(ledger::Id128 id);
[[nodiscard]] ledger::Id128 id_from_bytes(std::string_view bytes);

}  // namespace kontor::payments
