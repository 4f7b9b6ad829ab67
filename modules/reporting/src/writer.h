#pragma once
// Applies journals to the database: upserts of the objects' images, each journal exactly once (its number
// against the cursor of its merchant and mode, in the same transaction).
//
// What a transaction changes more than once is gathered in memory and written once, at commit: the row of a
// payment (and with it its place in three indexes and the text search), the roll-ups, the cursors.
//
// Threading: the projection's writer thread. Ownership: journals given to apply() live until commit() or
// rollback(). Errors: as sqlite.h. Limits: the caller bounds a transaction.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "kontor/customers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/rows.h"
#include "kontor/payments.pb.h"
#include "kontor/refunds.pb.h"
#include "kontor/reporting/projection.h"
#include "sqlite.h"

namespace kontor::reporting {

class JournalWriter {
 public:
    static Result<std::unique_ptr<JournalWriter>> open(Database& database);

    [[nodiscard]] Result<void> begin();
    [[nodiscard]] Result<void> commit(std::uint64_t log_index);
    [[nodiscard]] Result<void> rollback();
    // Skips a journal that was applied before.
    [[nodiscard]] Result<void> apply(const pb::Journal& journal);
    [[nodiscard]] Result<std::uint64_t> cursor(machine::Scope scope);
    [[nodiscard]] Result<std::uint64_t> stored_log_index();
    // Payments whose rows the last transaction changed, in the order of their numbers.
    struct Changed {
        std::uint64_t intent_no;
        bool livemode;
        bool operator<(const Changed& other) const { return intent_no < other.intent_no; }
    };
    [[nodiscard]] const std::vector<Changed>& changed() const { return changed_; }

 private:
    // The row of a payment as the transaction leaves it.
    struct Pending {
        const pb::PaymentIntent* intent = nullptr;  // null: only what was refunded has changed
        std::optional<std::int64_t> amount_refunded;
        bool livemode = false;
    };
    // Of a minute; hours and days are added up at the end.
    using Counted = std::tuple<bool, std::int64_t, std::uint64_t, std::string_view, std::uint32_t,
                               std::string_view>;  // mode, minute, merchant, channel, currency, status
    struct Count {
        std::int64_t count = 0, volume = 0;
    };
    using ScopeKey = std::pair<std::uint64_t, bool>;

    explicit JournalWriter(Database& database) : database_(database) {}
    Result<void> prepare();
    void forget();
    Result<void> apply_event(const pb::Journal& journal, const pb::Event& event);
    void put_payment(const pb::PaymentIntent& intent);
    Result<void> put_customer(const pb::Customer& customer);
    void count(const pb::Journal& journal, std::string_view channel, std::uint32_t currency,
               std::string_view status, std::int64_t volume);
    Result<std::int64_t> put_refund(const pb::Refund& refund);  // its status before, -1: it is new
    void apply_intent_event(const pb::Journal& journal, const pb::Event& event);
    void apply_charge_event(const pb::Event& event);
    Result<void> apply_refund_event(const pb::Journal& journal, const pb::Event& event);
    Result<std::string_view> channel_of(std::uint64_t intent_no);
    Result<void> write_payments();
    Result<void> write_payment(std::uint64_t intent_no, const Pending& pending);
    Result<void> write_counts();
    Result<void> write_cursors();

    Database& database_;
    Statement put_payment_, put_refunded_, put_customer_, find_channel_, put_cursor_, find_cursor_, put_meta_,
        find_meta_, count_, find_refund_, put_refund_;
    std::vector<Changed> changed_;
    // Of this transaction. Looked up by number, and written in the order of the numbers.
    std::unordered_map<std::uint64_t, Pending> payments_;
    std::map<Counted, Count> counts_;
    std::map<ScopeKey, std::uint64_t> cursors_;
};

[[nodiscard]] std::string_view channel_name(pb::MethodKind kind);

}  // namespace kontor::reporting
