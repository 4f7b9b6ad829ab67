#include "domains/customers/invariants.h"

#include "domains/customers/customers.h"
#include "domains/customers/email_index.h"
#include "domains/customers/tables.h"
#include "kontor/base/bytes.h"

namespace kontor::customers {

using namespace machine;  // the frame's words

namespace {

bool is_found_by_email(const pb::Customer& customer) {
    return !customer.deleted() && !customer.email().empty();
}

}  // namespace

void check_emails(Audit& audit) {
    audit.each_object<pb::Customer>(
        table::customers, "customers", [&](Scope scope, const pb::Customer& customer) {
            if (is_found_by_email(customer) &&
                !audit.has(table::customer_emails, email_key(scope, customer.email()).be64(customer.no())))
                audit.broken(scope, customer.no(), "the customer is not found by its e-mail address");
        });
    audit.each(table::customer_emails, [&](std::string_view key, std::string_view) {
        const Scope scope = scope_of(key);
        const std::string found_by(key);
        const std::uint64_t no = get_be64(key.substr(key.size() - 8));
        const auto customer = find_customer(audit.rows, scope, no);
        if (!customer || !is_found_by_email(*customer) ||
            email_key(scope, customer->email()).be64(no).view() != found_by)
            audit.broken(scope, no, "is found by an e-mail address that no such customer has");
    });
}

}  // namespace kontor::customers
