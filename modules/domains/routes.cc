#include "domains/routes.h"

#include <array>

#include "domains/accounts/api.h"
#include "domains/balances/api.h"
#include "domains/customers/api.h"
#include "domains/ledger_book/api.h"
#include "domains/payments/api.h"
#include "domains/refunds/api.h"
#include "domains/webhooks/api.h"

namespace kontor::domains {

namespace {

// One line a domain that merchants can ask.
constexpr std::array<const surface::Resource*, 7> kApi = {
    &customers::kApi, &payments::kApi,    &refunds::kApi,  &balances::kApi,
    &webhooks::kApi,  &ledger_book::kApi, &accounts::kApi,
};

}  // namespace

std::span<const surface::Resource* const> api() {
    return kApi;
}

}  // namespace kontor::domains
