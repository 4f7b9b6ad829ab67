#pragma once
// What the rules of one command work with: its number and time, its rows, its audit record.
//
// A handler checks first and writes then: what it refuses leaves no row behind. Audit records are written by
// finish(), one for each merchant and mode that was touched, with the deliveries of their events.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kontor/base/object_id.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/ledger/ledger.h"
#include "kontor/log.pb.h"
#include "kontor/machine/chain.h"
#include "kontor/machine/domain.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/rows.h"

namespace kontor::machine {

// Memory that the commands of an entry use one after the other.
struct Scratch {
    std::string row;
    ChainHasher chain;
};

class Context {
 public:
    Context(const Registry& registry, store::Writer& rows, std::uint64_t index, std::size_t position,
            Times now, std::string_view salt, const pb::Command& command, Effects& effects, Scratch& scratch);
    // Of a stored command, at the place of the one that lets it run, which may have made nothing yet.
    Context(const Context& approving, const pb::Command& stored);

    const Registry& registry;
    store::Writer& rows;
    const Times now;
    const pb::Command& command;
    Effects& effects;
    Scope scope;       // of the command; of the attempt where a channel answered
    pb::Object owner;  // the merchant of the scope, for the domain that has merchants
    ledger::Ledger ledger;
    std::string idempotency_row;                 // key of the command's idempotency record, "" if none
    std::uint64_t ledger_timestamp = 0;          // see pb::Result
    const pb::ApprovalNote* approval = nullptr;  // for the audit record, where somebody else has to agree
    bool lost_race = false;  // refused because something else is under way: not kept for replays

    [[nodiscard]] std::uint64_t command_no() const { return command_no_; }
    // Numbers of new objects and transfers, in the order of the calls; of what announces an event, at
    // finish().
    [[nodiscard]] std::uint64_t next_no();
    // How many more this command may give, with what its events so far may need to be announced. The house
    // book's timestamps derive from the command's number as well, and end with the same limit.
    [[nodiscard]] std::uint64_t numbers_left() const;

    template <typename T>
    void put(store::TableId table, const Key& key, const T& message) {
        message.SerializeToString(&scratch_.row);
        rows.put(table, key.view(), scratch_.row);
    }
    void put_index(store::TableId table, const Key& key) { rows.put(table, key.view(), kIndexValue); }
    void link(std::uint64_t parent, LinkKind kind, std::uint64_t child) {
        put_index(table::links, link_key(scope, parent, kind, child));
    }
    // The head row of a scope; changes are written by finish().
    [[nodiscard]] const pb::ScopeHead& head(Scope of) { return book(of).head; }
    [[nodiscard]] pb::ScopeHead& change_head(Scope of);
    // Marks the scope as changed: it gets an audit record even without events.
    pb::AuditRecord& audit_record(Scope of);
    pb::AuditRecord& audit_record() { return audit_record(scope); }
    // The audit record is found again by the object it is about, under a kind of link of the domain's.
    void audit_record_about(LinkKind kind, std::uint64_t no);
    // The image is taken now: call when the object is as the command leaves it.
    template <typename Id, typename T>
    void event(std::string_view type, const Id& id, const T& object, std::string previous = {}) {
        *mutable_object(new_event(type, std::move(previous)), id) = object;
    }
    // A change that the merchant API has no event for: projections read it, nobody else sees it.
    template <typename Id, typename T>
    void changed(const Id& id, const T& object) {
        *mutable_object(*audit_record().add_changes(), id) = object;
    }

    void due(DueClock clock, std::int64_t due_ms, DueKind kind, std::string_view payload);
    void finish();

 private:
    struct Book {
        Scope scope;
        pb::ScopeHead head;
        pb::AuditRecord audit_record;
        bool has_audit_record = false;
        bool head_changed = false;
        std::vector<std::pair<LinkKind, std::uint64_t>> about;
    };
    Book& book(Scope of);
    pb::Event& new_event(std::string_view type, std::string previous);
    void close(Book& book);

    std::uint64_t command_no_;
    std::string_view salt_;  // of the batch
    std::uint64_t objects_ = 0;
    std::uint64_t reserved_ = 0;  // of the numbers that follow: for announcing events
    std::deque<Book> books_;
    Scratch& scratch_;
};

}  // namespace kontor::machine
