#pragma once
// What a domain tells the frame: its commands, outcomes, objects, tables, due work, as tables of constants.
// The frame includes no domain; whoever runs the machine hands it the list of them (modules/domains/all.h).
//
// Every column that decides about money, permission or compatibility is Required: a record without it does
// not compile. Numbers and names are checked over all domains at compile time (check()).

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/required.h"
#include "kontor/bodies.h"
#include "kontor/json/fields.h"
#include "kontor/log.pb.h"
#include "kontor/machine/approval.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/permission.h"
#include "kontor/machine/rows.h"
#include "kontor/machine/times.h"
#include "kontor/store/row_store.h"

namespace kontor::machine {

class Audit;
class Context;
struct Expansion;

// ---- commands
// ------------------------------------------------------------------------------------------------

// Whom a command concerns. It says which rows it may touch, and later which lane it runs in.
enum class Concerns : std::uint8_t {
    merchant,  // the merchant and mode it names, which must exist
    instance,  // the installation: merchants, keys, operators, members
    worker,    // what the platform's own workers report; the rows say whom it concerns
};
// Whether a client that got no answer may send it again without an idempotency key.
enum class Repeatable : std::uint8_t { no, yes };
// Whether a member of the cluster may ask the leader to propose it.
enum class Peers : std::uint8_t { never, may_ask, may_ask_in_test_mode };

using Run = pb::Result (*)(Context&);
using Weight = std::uint64_t (*)(const pb::Command&);
// One unit of work: what nearly every command is.
[[nodiscard]] constexpr std::uint64_t one(const pb::Command& /*command*/) {
    return 1;
}

struct Command {
    Required<std::uint32_t> number;  // frozen: the body's number in Command (x_bodies.proto)
    Required<std::string_view> name;
    Required<Concerns> concerns;
    Required<std::uint32_t> since;  // feature level (features.h)
    RequiredPointer<const Permission*> permission;
    Required<Approval> approval;
    Required<Repeatable> repeatable;
    Required<Peers> peers;
    RequiredPointer<Weight> weight;                      // for batches and fairness
    Required<std::span<const Outcome* const>> outcomes;  // besides ok and those of every command
    RequiredPointer<Run> run;
};

// ---- objects
// -------------------------------------------------------------------------------------------------

using fields::Pointer;

// Kinds without a message in Object, which an answer alone shows: from here on, where Object takes no message
// (carriers.proto).
inline constexpr std::uint32_t kFirstRenderedObject = 1'000;

struct ObjectKind {
    Required<std::uint32_t> number;               // frozen: the object's number in Object (x_bodies.proto)
    Required<std::string_view> name;              // `object` of its JSON
    Required<std::string_view> prefix;            // of its ids
    RequiredPointer<const fields::Shape*> shape;  // its fields
    // Where the expandable field of that name leads. Null: to what the command's result has already.
    Required<Pointer (*)(const pb::Object&, std::string_view field)> follow;
    // Of a scope, into `found`; false: there is none. Null: not to be found by number, as what is only shown.
    Required<bool (*)(const store::Reader&, Scope, std::uint64_t no, pb::Object& found)> find;
    Required<std::uint64_t (*)(const pb::Object&)> number_of;
    // As the API shows it, and as an event's image does.
    Required<std::string (*)(const pb::Object&, const Expansion&)> json;
    Required<std::string (*)(const pb::Object&)> event_json;
};

// ---- rows and due work
// ---------------------------------------------------------------------------------------

// A kind of rows in the table `links`. Letters are frozen.
struct Link {
    Required<LinkKind> kind;
    // Whether both ends are there and belong together.
    Required<bool (*)(const store::Reader&, Scope, std::uint64_t parent, std::uint64_t child)> holds;
};
// A kind of rows in the table `outbox_due`. Letters are frozen.
struct Outbox {
    Required<OutboxKind> kind;
    // Whether what the row names waits for that moment.
    Required<bool (*)(const store::Reader&, std::int64_t due_ms, std::uint64_t no)> waits;
};
// Work that a Tick does when its moment has come: a queue of rows in the table `due`. Numbers are frozen.
struct DueQueue {
    Required<DueKind> kind;
    Required<DueClock> clock;
    Required<std::size_t> payload_bytes;  // of each of its rows: the frame looks before `work` reads it
    // How many units of work it was, at most `limit`; finished when less than that.
    Required<std::size_t (*)(Context&, DueClock, std::string_view payload, std::size_t limit)> work;
};
// Due work that is not kept in the table `due`, such as the ledger's time-outs.
struct OwnQueue {
    Required<std::size_t (*)(Context&, std::size_t limit)> work;
    Required<std::optional<std::int64_t> (*)(const store::Reader&)> next_machine_ms;
};

// What holds of the domain's rows, whatever happened: `kontor verify` checks it (audit.h).
struct Invariant {
    Required<std::string_view> name;  // as a sentence
    Required<void (*)(Audit&)> check;
};

// ---- the domain
// ----------------------------------------------------------------------------------------------

using Enter = std::optional<pb::Result> (*)(Context&);
using Announce = void (*)(Context&, Scope, pb::AuditRecord&, const pb::ScopeHead&);
// The name of the operator's role at this moment; nothing: not there, or disabled.
using RoleOf = std::optional<std::string> (*)(const store::Reader&, std::uint64_t operator_no);
// The answer of a command that waits for somebody else's approval; nothing: it needs none and is run.
using Hold = std::optional<pb::Result> (*)(Context&, const Command&);

struct Domain {
    Required<std::string_view> name;
    std::span<const Command> commands = {};
    std::span<const Outcome* const> outcomes = {};
    std::span<const ObjectKind> objects = {};
    std::span<const std::string_view> events = {};  // types, such as "customer.created"
    std::span<const store::TableSpec> tables = {};
    std::span<const Link> links = {};
    std::span<const Outbox> outboxes = {};
    std::span<const DueQueue> due = {};
    std::span<const OwnQueue> own_queues = {};
    std::span<const Invariant> invariants = {};
    // For commands that concern a merchant, before anything else: says why there is no such scope, and may
    // keep the merchant in context.owner. One domain has it.
    std::optional<Enter> enter = {};
    // Each audit record with events, before it is written: who gets to know them. One domain has it.
    std::optional<Announce> announce = {};
    // Who acts, where it is a person. One domain has it.
    std::optional<RoleOf> role_of = {};
    // Commands of people whose record says by_policy, before they are run. One domain has it.
    std::optional<Hold> hold = {};
};

class Registry {
 public:
    // `key_role`: the name of the role of every API key.
    Registry(std::span<const Domain* const> domains, std::span<const Role> roles, std::string_view key_role);

    [[nodiscard]] std::span<const Domain* const> domains() const { return domains_; }
    // Null: a newer binary's.
    [[nodiscard]] const Command* command(std::uint32_t number) const {
        return number < commands_.size() ? commands_[number] : nullptr;
    }
    [[nodiscard]] const Outcome* outcome(std::uint32_t number) const {
        return number < outcomes_.size() ? outcomes_[number] : nullptr;
    }
    [[nodiscard]] const ObjectKind* object(std::uint32_t number) const {
        return number < objects_.size() ? objects_[number] : nullptr;
    }
    [[nodiscard]] const ObjectKind* object(std::string_view name) const;
    [[nodiscard]] const ObjectKind* object_by_prefix(std::string_view id_prefix) const;
    // Of all domains, the frame's and the ledger's own among them.
    [[nodiscard]] std::span<const store::TableSpec> tables() const { return tables_; }
    // In the order in which they share what a Tick may do.
    [[nodiscard]] std::span<const DueQueue> due() const { return due_; }
    [[nodiscard]] std::span<const OwnQueue> own_queues() const { return own_; }
    [[nodiscard]] std::span<const std::string_view> events() const { return events_; }
    // Null: there is none of this name, and whoever has it may do nothing.
    [[nodiscard]] const Role* role(std::string_view name) const;
    // Whether API keys have the permission of the command with this number: one look, on the way of each
    // payment.
    [[nodiscard]] bool keys_may(std::uint32_t number) const {
        return number < keys_may_.size() && keys_may_[number] != 0;
    }

    Enter enter = nullptr;
    Announce announce = nullptr;
    RoleOf role_of = nullptr;
    Hold hold = nullptr;

 private:
    std::span<const Domain* const> domains_;
    std::span<const Role> roles_;
    std::vector<std::uint8_t> keys_may_;    // by number of the command
    std::vector<const Command*> commands_;  // by number
    std::vector<const Outcome*> outcomes_;
    std::vector<const ObjectKind*> objects_;
    std::vector<store::TableSpec> tables_;
    std::vector<DueQueue> due_;
    std::vector<OwnQueue> own_;
    std::vector<std::string_view> events_;
};

}  // namespace kontor::machine
