// Reads that follow an index: balances, outbox, journals, what belongs to a payment.
#include "chain_hash.h"
#include "kontor/base/bytes.h"
#include "kontor/base/object_id.h"
#include "kontor/ledger/chart.h"
#include "kontor/payments/bounded_queries.h"
#include "kontor/payments/limits.h"
#include "kontor/payments/queries.h"
#include "postings.h"
#include "rows.h"

namespace kontor::payments {
namespace {

// A bound for reads that have no limit of their own: what one payment collects.
constexpr std::size_t kRelatedMax = limits::kListScanMax;

std::vector<std::uint64_t> children(const store::Reader& rows, Scope scope, std::uint64_t parent,
                                    LinkKind kind, std::uint64_t after_no = 0,
                                    std::size_t limit = kRelatedMax) {
    std::vector<std::uint64_t> numbers;
    const Key low = link_key(scope, parent, kind, after_no + 1);
    const Key high = link_key(scope, parent, static_cast<LinkKind>(static_cast<char>(kind) + 1), 0);
    rows.scan(table::links, low.view(), high.view(), store::Direction::ascending,
              [&](std::string_view key, std::string_view) {
                  if (key.size() != kLinkKeyBytes) row_failure("links", "a key has another shape");
                  numbers.push_back(get_be64(key.substr(kLinkKeyBytes - 8)));
                  return numbers.size() < limit;
              });
    return numbers;
}

std::vector<Due> due_in_outbox(const store::Reader& rows, OutboxKind kind, std::int64_t until_ms,
                               std::size_t limit, Due after) {
    std::vector<Due> found;
    if (limit == 0) return found;
    rows.scan(table::outbox_due, outbox_key(kind, after.due_ms, after.no + 1).view(), {},
              store::Direction::ascending, [&](std::string_view key, std::string_view) {
                  if (key.size() != 1 + 8 + 8) row_failure("outbox_due", "a key has another shape");
                  const Due due{static_cast<std::int64_t>(get_be64(key.substr(1))), get_be64(key.substr(9))};
                  if (due.due_ms > until_ms) return false;
                  found.push_back(due);
                  return found.size() < limit;
              });
    return found;
}

}  // namespace

std::vector<pb::Merchant> list_merchants(const store::Reader& rows, std::uint64_t after_no,
                                         std::size_t limit) {
    std::vector<pb::Merchant> found;
    if (limit == 0) return found;
    rows.scan(table::merchants, merchant_key(after_no + 1).view(), {}, store::Direction::ascending,
              [&](std::string_view, std::string_view value) {
                  found.push_back(parse_row<pb::Merchant>(value, "merchants"));
                  return found.size() < limit;
              });
    return found;
}

std::string api_key_hash(const store::Reader& rows, std::uint64_t merchant_no, std::uint64_t key_no) {
    return std::string(
        rows.get(table::merchant_keys, Key().be64(merchant_no).be64(key_no).view()).value_or(""));
}

std::vector<pb::ApiKey> bounded::list_api_keys(const store::Reader& rows, std::uint64_t merchant_no,
                                               std::uint64_t after_no, std::size_t limit) {
    std::vector<std::string> hashes;
    if (limit == 0) return {};
    rows.scan(table::merchant_keys, Key().be64(merchant_no).be64(after_no + 1).view(), {},
              store::Direction::ascending, [&](std::string_view, std::string_view hash) {
                  hashes.emplace_back(hash);
                  return hashes.size() < limit;
              });
    std::vector<pb::ApiKey> found;
    for (const std::string& hash : hashes) {
        auto key = find_api_key(rows, hash);
        if (!key) row_failure("merchant_keys", "names a key that is not there");
        found.push_back(std::move(*key));
    }
    return found;
}

std::vector<BalanceLine> merchant_balance(const store::Reader& rows, Scope scope) {
    std::vector<BalanceLine> lines;
    const auto head = load<pb::ScopeHead>(rows, table::scope_heads, Key().scope(scope));
    if (!head) return lines;
    for (const std::uint32_t currency : head->currencies()) {
        lines.push_back({currency, available(rows, scope, currency, merchant_available(scope)),
                         available(rows, scope, currency, merchant_pending(scope))});
    }
    return lines;
}

std::vector<BalanceLine> wallet_balance(const store::Reader& rows, Scope scope, std::uint64_t customer_no) {
    std::vector<BalanceLine> lines;
    const auto head = load<pb::ScopeHead>(rows, table::scope_heads, Key().scope(scope));
    if (!head || !find_customer(rows, scope, customer_no)) return lines;
    for (const std::uint32_t currency : head->wallet_currencies()) {
        const auto account =
            ledger::find_account(rows, ledger::system_account(ledger::AccountKind::customer_wallet,
                                                              ledger_of(scope, currency), customer_no));
        if (!account) continue;
        lines.push_back({currency, static_cast<std::int64_t>(ledger::available_to_debit(*account)),
                         static_cast<std::int64_t>(account->debits_pending)});
    }
    return lines;
}

std::vector<Due> due_deliveries(const store::Reader& rows, std::int64_t until_ms, std::size_t limit,
                                Due after) {
    return due_in_outbox(rows, OutboxKind::delivery, until_ms, limit, after);
}

std::vector<Due> due_attempts(const store::Reader& rows, std::int64_t until_ms, std::size_t limit,
                              Due after) {
    return due_in_outbox(rows, OutboxKind::attempt, until_ms, limit, after);
}

std::vector<std::uint64_t> pending_deliveries(const store::Reader& rows, Scope scope,
                                              std::uint64_t endpoint_no, std::uint64_t after_no,
                                              std::size_t limit) {
    if (limit == 0) return {};
    return children(rows, scope, endpoint_no, LinkKind::endpoint_pending, after_no, limit);
}

std::vector<pb::WebhookDelivery> deliveries_of_event(const store::Reader& rows, Scope scope,
                                                     std::uint64_t event_no) {
    std::vector<pb::WebhookDelivery> found;
    for (const std::uint64_t no : children(rows, scope, event_no, LinkKind::event_delivery)) {
        if (auto delivery = find_delivery(rows, no)) found.push_back(std::move(*delivery));
    }
    return found;
}

std::vector<pb::ApiKey> list_api_keys(const store::Reader& rows, std::uint64_t merchant_no) {
    return bounded::list_api_keys(rows, merchant_no, 0, kRelatedMax);
}

std::vector<pb::ChannelAttempt> attempts_of_intent(const store::Reader& rows, Scope scope,
                                                   std::uint64_t intent_no) {
    return bounded::attempts_of_intent(rows, scope, intent_no, 0, kRelatedMax);
}

std::vector<pb::ChannelAttempt> bounded::attempts_of_intent(const store::Reader& rows, Scope scope,
                                                            std::uint64_t intent_no, std::uint64_t after_no,
                                                            std::size_t limit) {
    std::vector<pb::ChannelAttempt> found;
    for (const std::uint64_t no :
         children(rows, scope, intent_no, LinkKind::intent_attempt, after_no, limit)) {
        if (auto attempt = find_attempt(rows, no)) found.push_back(std::move(*attempt));
    }
    return found;
}

void visit_journals(const store::Reader& rows, Scope scope, std::uint64_t after_command_no, std::size_t limit,
                    const std::function<bool(const pb::Journal&)>& visit) {
    if (limit == 0) return;
    std::size_t visited = 0;
    rows.scan(table::journals, object_key(scope, after_command_no + 1).view(), scope_end(scope).view(),
              store::Direction::ascending, [&](std::string_view, std::string_view value) {
                  return visit(parse_row<pb::Journal>(value, "journals")) && ++visited < limit;
              });
}

std::string journal_hash(const pb::Journal& journal) {
    return chain_hash(journal.SerializeAsString());
}

std::vector<std::shared_ptr<const pb::Journal>> journals_of_intent(const store::Reader& rows, Scope scope,
                                                                   std::uint64_t intent_no) {
    return bounded::journals_of_intent(rows, scope, intent_no, 0, kRelatedMax);
}

std::vector<std::shared_ptr<const pb::Journal>> bounded::journals_of_intent(const store::Reader& rows,
                                                                            Scope scope,
                                                                            std::uint64_t intent_no,
                                                                            std::uint64_t after_no,
                                                                            std::size_t limit) {
    std::vector<std::shared_ptr<const pb::Journal>> found;
    for (const std::uint64_t no :
         children(rows, scope, intent_no, LinkKind::intent_journal, after_no, limit)) {
        if (auto journal = find_journal(rows, scope, no)) found.push_back(std::move(journal));
    }
    return found;
}

}  // namespace kontor::payments
