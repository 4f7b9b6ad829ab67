#pragma once
// Applies journals to the database: upserts of the objects' images, each journal exactly once (its number
// against the cursor of its merchant and mode, in the same transaction).
//
// Threading: the projection's writer thread. Errors: as sqlite.h. Limits: the caller bounds a transaction.

#include <cstdint>
#include <set>

#include "kontor/payments/queries.h"
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
    [[nodiscard]] Result<std::uint64_t> cursor(payments::Scope scope);
    [[nodiscard]] Result<std::uint64_t> stored_log_index();
    // Intents whose rows changed since begin().
    [[nodiscard]] const std::set<std::uint64_t>& changed() const { return changed_; }

 private:
    explicit JournalWriter(Database& database) : database_(database) {}
    Result<void> prepare();
    Result<void> apply_event(const pb::Journal& journal, const pb::Event& event);
    Result<void> put_payment(const pb::PaymentIntent& intent);
    Result<void> put_customer(const pb::Customer& customer);
    Result<std::string> customer_words(std::uint64_t customer_no);
    Result<void> count(const pb::Journal& journal, const char* channel, std::uint32_t currency,
                       const char* status, std::int64_t volume);
    Result<void> move(const pb::Journal& journal, const pb::Event& event, const char* type,
                      std::uint64_t source_no, std::int64_t amount, std::uint32_t currency);
    Result<void> apply_intent_event(const pb::Journal& journal, const pb::Event& event);
    Result<void> apply_charge_event(const pb::Journal& journal, const pb::Event& event);
    Result<void> apply_refund_event(const pb::Journal& journal, const pb::Event& event);

    Database& database_;
    Statement put_payment_, put_refunded_, put_customer_, find_customer_, find_channel_, put_cursor_,
        find_cursor_, put_meta_, find_meta_, count_, move_, rename_;
    std::set<std::uint64_t> changed_;
};

[[nodiscard]] const char* channel_name(pb::MethodKind kind);

}  // namespace kontor::reporting
