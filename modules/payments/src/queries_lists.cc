// The lists of the merchant API.
#include "email_index.h"
#include "kontor/base/object_id.h"
#include "kontor/payments/bounded_queries.h"
#include "kontor/payments/json.h"
#include "kontor/payments/queries.h"
#include "page.h"

namespace kontor::payments {
namespace {

Source objects(store::TableId table, Scope scope) {
    return {table, Key().scope(scope)};
}
Source children(Scope scope, std::uint64_t parent, LinkKind kind) {
    return {table::links, Key().scope(scope).be64(parent).byte(static_cast<char>(kind))};
}

// Through an index, in steps: first some numbers, then their objects, since other reads end the views of a
// scan. Not 0: the bound on the work was hit at this number.
template <typename T, typename Wanted>
std::uint64_t list_indexed(const store::Reader& rows, Scope scope, store::TableId table, const Source& source,
                           Range range, std::size_t limit, std::size_t max, Wanted wanted,
                           std::vector<T>& found) {
    std::uint64_t last = 0;
    for (std::size_t looked_at = 0; looked_at < max;) {
        std::vector<std::uint64_t> numbers;
        (void)visit_page(rows, source, range, max, [&](std::uint64_t no, std::string_view) {
            numbers.push_back(no);
            return numbers.size() <= limit;
        });
        for (const std::uint64_t no : numbers) {
            auto row = load<T>(rows, table, object_key(scope, no));
            if (row && wanted(*row)) found.push_back(std::move(*row));
            if (found.size() > limit) return 0;
        }
        if (numbers.size() <= limit) return 0;
        last = numbers.back();
        looked_at += numbers.size();
        (range.ascending ? range.low : range.high) = numbers.back() + (range.ascending ? 1 : 0);
    }
    return last;
}

// A page of T: from the objects' own table, or through an index whose rows name them (`indexed`).
template <typename T, typename Wanted>
Listed<T> list(const store::Reader& rows, Scope scope, store::TableId table, const Source& source,
               const ListQuery& query, bounded::Bound& bound, Wanted wanted) {
    // Bounds of time are those of the objects' own table, also for an index, whose rows are the same numbers.
    const Range range = range_of(rows, objects(table, scope), query, [](std::string_view value) {
        return parse_row<T>(value, "list").created_ms();
    });
    const auto meant = [&](const T& row) { return range.admits(row.created_ms()) && wanted(row); };
    Listed<T> page;
    const std::size_t limit = page_size(query);
    if (source.table == table) {
        bound.resume =
            visit_page(rows, source, range, bound.rows, [&](std::uint64_t, std::string_view value) {
                T row = parse_row<T>(value, "list");
                if (meant(row)) page.rows.push_back(std::move(row));
                return page.rows.size() <= limit;
            });
    } else {
        bound.resume =
            list_indexed<T>(rows, scope, table, source, range, limit, bound.rows, meant, page.rows);
    }
    page.has_more = bound.resume != 0;
    if (page.rows.size() > limit) {
        page.rows.resize(limit);
        page.has_more = true;
    }
    if (range.ascending) std::reverse(page.rows.begin(), page.rows.end());
    return page;
}

}  // namespace

namespace bounded {

Listed<pb::Customer> list_customers(const store::Reader& rows, Scope scope, const ListQuery& query,
                                    Bound& bound) {
    Source source = objects(table::customers, scope);
    if (!query.email.empty()) source = {table::customer_emails, email_key(scope, query.email)};
    return list<pb::Customer>(
        rows, scope, table::customers, source, query, bound, [&](const pb::Customer& row) {
            return !row.deleted() && (query.email.empty() || row.email() == query.email);
        });
}

Listed<pb::PaymentIntent> list_intents(const store::Reader& rows, Scope scope, const ListQuery& query,
                                       Bound& bound) {
    const Source source = query.customer_no == 0
                              ? objects(table::intents, scope)
                              : children(scope, query.customer_no, LinkKind::customer_intent);
    return list<pb::PaymentIntent>(
        rows, scope, table::intents, source, query, bound, [&](const pb::PaymentIntent& row) {
            return query.customer_no == 0 || row.customer_no() == query.customer_no;
        });
}

Listed<pb::Charge> list_charges(const store::Reader& rows, Scope scope, const ListQuery& query,
                                Bound& bound) {
    Source source = objects(table::charges, scope);
    if (query.intent_no != 0) {
        source = children(scope, query.intent_no, LinkKind::intent_charge);
    } else if (query.customer_no != 0) {
        source = children(scope, query.customer_no, LinkKind::customer_charge);
    }
    return list<pb::Charge>(rows, scope, table::charges, source, query, bound, [&](const pb::Charge& row) {
        return query.customer_no == 0 || row.customer_no() == query.customer_no;
    });
}

Listed<pb::Refund> list_refunds(const store::Reader& rows, Scope scope, const ListQuery& query,
                                Bound& bound) {
    Source source = objects(table::refunds, scope);
    if (query.charge_no != 0) {
        source = children(scope, query.charge_no, LinkKind::charge_refund);
    } else if (query.intent_no != 0) {
        source = children(scope, query.intent_no, LinkKind::intent_refund);
    }
    return list<pb::Refund>(rows, scope, table::refunds, source, query, bound, [&](const pb::Refund& row) {
        return query.intent_no == 0 || row.intent_no() == query.intent_no;
    });
}

Listed<pb::BalanceTransaction> list_balance_transactions(const store::Reader& rows, Scope scope,
                                                         const ListQuery& query, Bound& bound) {
    const auto wanted = [&](const pb::BalanceTransaction& row) {
        return (query.type.empty() || row.type() == query.type) &&
               (query.currency == 0 || row.currency() == query.currency) &&
               (query.source_id.empty() || row.source_id() == query.source_id);
    };
    if (query.source_id.empty()) {
        return list<pb::BalanceTransaction>(rows, scope, table::balance_transactions,
                                            objects(table::balance_transactions, scope), query, bound,
                                            wanted);
    }
    // At most two, and the source names them: no scan.
    std::vector<std::uint64_t> numbers;
    if (const auto no = parse_id(prefix::charge, query.source_id)) {
        if (const auto charge = find_charge(rows, scope, *no)) {
            numbers = {charge->balance_transaction_no()};
        }
    } else if (const auto refund_no = parse_id(prefix::refund, query.source_id)) {
        if (const auto refund = find_refund(rows, scope, *refund_no)) {
            numbers = {refund->failure_balance_transaction_no(), refund->balance_transaction_no()};
        }
    }
    Listed<pb::BalanceTransaction> page;
    const Range range = range_of(
        rows, objects(table::balance_transactions, scope), query,
        [](std::string_view value) { return parse_row<pb::BalanceTransaction>(value, "list").created_ms(); });
    for (const std::uint64_t no : numbers) {
        if (no == 0 || no < range.low || no >= range.high) continue;
        auto row = find_balance_transaction(rows, scope, no);
        if (row && range.admits(row->created_ms()) && wanted(*row)) page.rows.push_back(std::move(*row));
    }
    if (page.rows.size() > page_size(query)) {
        page.has_more = true;
        page.rows.erase(range.ascending ? page.rows.begin() : page.rows.end() - 1);
    }
    return page;
}

Listed<pb::WebhookEndpoint> list_webhook_endpoints(const store::Reader& rows, Scope scope,
                                                   const ListQuery& query, Bound& bound) {
    return list<pb::WebhookEndpoint>(rows, scope, table::webhook_endpoints,
                                     objects(table::webhook_endpoints, scope), query, bound,
                                     [](const pb::WebhookEndpoint& row) { return !row.deleted(); });
}

Listed<FoundEvent> list_events(const store::Reader& rows, Scope scope, const ListQuery& query, Bound& bound) {
    const Source source = objects(table::journals, scope);
    // Bounds on events are bounds on journals, but that the bounding event's own journal is looked at too.
    ListQuery journals = query;
    journals.starting_after = journals.ending_before = 0;
    Range range = range_of(rows, source, journals, [](std::string_view value) {
        return parse_row<pb::Journal>(value, "journals").time_ms();
    });
    if (query.ending_before != 0) {
        range.low = std::max(range.low, command_no(query.ending_before));
        range.ascending = true;
    }
    if (query.starting_after != 0) range.high = std::min(range.high, command_no(query.starting_after) + 1);
    const auto wanted = [&](const pb::Event& event) {
        if (query.starting_after != 0 && event.no() >= query.starting_after) return false;
        if (query.ending_before != 0 && event.no() <= query.ending_before) return false;
        if (query.type.empty() && query.types.empty()) return true;
        return event.type() == query.type ||
               std::find(query.types.begin(), query.types.end(), event.type()) != query.types.end();
    };
    Listed<FoundEvent> page;
    const std::size_t limit = page_size(query);
    bound.resume = visit_page(rows, source, range, bound.rows, [&](std::uint64_t, std::string_view value) {
        const auto journal = std::make_shared<const pb::Journal>(parse_row<pb::Journal>(value, "journals"));
        if (!range.admits(journal->time_ms())) return true;
        const int size = journal->events_size();
        for (int i = 0; i < size && page.rows.size() <= limit; ++i) {
            const pb::Event& event = journal->events(range.ascending ? i : size - 1 - i);
            if (wanted(event)) page.rows.push_back(FoundEvent{journal, &event});
        }
        return page.rows.size() <= limit;
    });
    // Behind all events of the journal that was looked at last.
    if (bound.resume != 0 && range.ascending) bound.resume |= kMaxObjectsPerCommand - 1;
    page.has_more = bound.resume != 0;
    if (page.rows.size() > limit) {
        page.rows.resize(limit);
        page.has_more = true;
    }
    if (range.ascending) std::reverse(page.rows.begin(), page.rows.end());
    return page;
}

}  // namespace bounded

// In one read, for those who are alone with their rows.
Listed<pb::Customer> list_customers(const store::Reader& rows, Scope scope, const ListQuery& query) {
    bounded::Bound bound{limits::kListScanMax};
    return bounded::list_customers(rows, scope, query, bound);
}
Listed<pb::PaymentIntent> list_intents(const store::Reader& rows, Scope scope, const ListQuery& query) {
    bounded::Bound bound{limits::kListScanMax};
    return bounded::list_intents(rows, scope, query, bound);
}
Listed<pb::Charge> list_charges(const store::Reader& rows, Scope scope, const ListQuery& query) {
    bounded::Bound bound{limits::kListScanMax};
    return bounded::list_charges(rows, scope, query, bound);
}
Listed<pb::Refund> list_refunds(const store::Reader& rows, Scope scope, const ListQuery& query) {
    bounded::Bound bound{limits::kListScanMax};
    return bounded::list_refunds(rows, scope, query, bound);
}
Listed<pb::BalanceTransaction> list_balance_transactions(const store::Reader& rows, Scope scope,
                                                         const ListQuery& query) {
    bounded::Bound bound{limits::kListScanMax};
    return bounded::list_balance_transactions(rows, scope, query, bound);
}
Listed<FoundEvent> list_events(const store::Reader& rows, Scope scope, const ListQuery& query) {
    bounded::Bound bound{limits::kListScanMax};
    return bounded::list_events(rows, scope, query, bound);
}
Listed<pb::WebhookEndpoint> list_webhook_endpoints(const store::Reader& rows, Scope scope,
                                                   const ListQuery& query) {
    bounded::Bound bound{limits::kListScanMax};
    return bounded::list_webhook_endpoints(rows, scope, query, bound);
}

}  // namespace kontor::payments
