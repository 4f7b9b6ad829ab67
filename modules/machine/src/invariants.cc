// What holds of the frame's own rows. Idempotency records: idempotency.cc.
#include <array>

#include "kontor/base/bytes.h"
#include "kontor/base/object_id.h"
#include "kontor/log.pb.h"
#include "kontor/machine/audit.h"
#include "kontor/machine/chain.h"
#include "kontor/machine/frame.h"

namespace kontor::machine {
namespace {

constexpr std::size_t kScopeBytes = 8 + 1;
constexpr std::size_t kOutboxKeyBytes = 1 + 8 + 8;
constexpr std::size_t kDueHeadBytes = 1 + 1 + 1 + 8;

void check_row(Audit& audit, Scope scope, std::string_view key, const pb::AuditRecord& row) {
    const std::uint64_t no = get_be64(key.substr(kScopeBytes));
    if (row.no() != no || row.merchant_no() != scope.merchant_no || row.livemode() != scope.livemode)
        audit.broken(scope, no, "the audit record stands under another key");
    for (const pb::Event& event : row.events())
        if (command_no(event.no()) != no)
            audit.broken(scope, no, "the audit record has another command's event");
    const std::size_t salt = row.salt().size(), digest = row.personal_digest().size();
    if (digest != 0 && (salt != 0 || digest != kDigestBytes))
        audit.broken(scope, no, "the audit record was not erased as a row is");
    else if (digest == 0 && salt != (has_images(row) ? kSaltBytes : 0))
        audit.broken(scope, no, "the audit record has no salt of its own");
}

void check_scope(Audit& audit, Scope scope, const std::string& newest_hash) {
    ChainHasher chain;
    std::string hash;
    std::uint64_t last = 0;
    audit.scan(table::audit_records, object_key(scope, 0), scope_end(scope),
               [&](std::string_view key, std::string_view value) {
                   if (key.size() != kScopeBytes + 8) row_failure("audit_records", "a key has another shape");
                   const std::uint64_t no = get_be64(key.substr(kScopeBytes));
                   const auto row = parse_row<pb::AuditRecord>(value, "audit_records");
                   check_row(audit, scope, key, row);
                   if (row.previous_hash() != hash) {
                       audit.broken(scope, no,
                                    last == 0 ? "the first audit record names one before it"
                                              : "the audit record does not follow from the one before it, " +
                                                    to_hex(Key().be64(last).view()) +
                                                    ": either was changed, or one between them is gone");
                   }
                   hash = chain.hash(value);
                   last = no;
               });
    if (hash != newest_hash)
        audit.broken(scope, last,
                     last == 0 ? "the audit record is gone, and its head is there"
                               : "the newest audit record is not the one that the head names");
}

}  // namespace

void check_chain(Audit& audit) {
    audit.each<pb::ScopeHead>(table::scope_heads, "scope_heads",
                              [&](std::string_view key, const pb::ScopeHead& head) {
                                  if (key.size() != kScopeBytes)
                                      row_failure("scope_heads", "a key has another shape");
                                  check_scope(audit, scope_of(key), head.audit_hash());
                              });
}

void check_due(Audit& audit) {
    audit.each(table::due, [&](std::string_view key, std::string_view value) {
        if (key.size() < kDueHeadBytes || key[0] != kDuePartition)
            return audit.broken({}, 0, "a key of due is too short: " + to_hex(key));
        for (const DueQueue& queue : audit.registry.due()) {
            if (static_cast<char>(queue.kind.value) != key[1] ||
                static_cast<char>(queue.clock.value) != key[2])
                continue;
            if (key.size() != kDueHeadBytes + queue.payload_bytes || value != kIndexValue)
                audit.broken({}, 0, "due work has another form: " + to_hex(key));
            return;
        }
        audit.broken({}, 0, "nobody does this due work: " + to_hex(key));
    });
}

void check_outbox(Audit& audit) {
    std::array<const Outbox*, 256> kinds{};
    for (const Domain* domain : audit.registry.domains())
        for (const Outbox& outbox : domain->outboxes)
            kinds[static_cast<unsigned char>(outbox.kind.value)] = &outbox;
    audit.each(table::outbox_due, [&](std::string_view key, std::string_view) {
        const Outbox* kind = key.empty() ? nullptr : kinds[static_cast<unsigned char>(key[0])];
        if (key.size() != kOutboxKeyBytes || kind == nullptr)
            return audit.broken({}, 0, "a row of the outbox has another form: " + to_hex(key));
        const auto due_ms = static_cast<std::int64_t>(get_be64(key.substr(1)));
        const std::uint64_t no = get_be64(key.substr(9));
        if (!kind->waits.value(audit.rows, due_ms, no))
            audit.broken({}, no,
                         "is in the outbox at " + std::to_string(due_ms) + " and does not wait for that");
    });
}

void check_links(Audit& audit) {
    std::array<const Link*, 256> kinds{};
    for (const Domain* domain : audit.registry.domains())
        for (const Link& link : domain->links) kinds[static_cast<unsigned char>(link.kind.value)] = &link;
    audit.each(table::links, [&](std::string_view key, std::string_view) {
        const Link* kind =
            key.size() == kLinkKeyBytes ? kinds[static_cast<unsigned char>(key[kScopeBytes + 8])] : nullptr;
        if (kind == nullptr) return audit.broken({}, 0, "a link has another form: " + to_hex(key));
        const Scope scope = scope_of(key);
        const std::uint64_t parent = get_be64(key.substr(kScopeBytes));
        const std::uint64_t child = get_be64(key.substr(kScopeBytes + 8 + 1));
        const char letter = key[kScopeBytes + 8];
        if (!kind->holds.value(audit.rows, scope, parent, child))
            audit.broken(scope, child,
                         std::string("the link '") + letter + "' to it from " +
                             to_hex(Key().be64(parent).view()) + " is wrong");
    });
}

}  // namespace kontor::machine
