#include "domains/routes.h"

#include <array>

#include "domains/accounts/admin.h"
#include "domains/accounts/api.h"
#include "domains/approvals/admin.h"
#include "domains/balances/api.h"
#include "domains/channels/admin.h"
#include "domains/customers/api.h"
#include "domains/keys/admin.h"
#include "domains/ledger_book/api.h"
#include "domains/payments/admin.h"
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

// One line a domain that operators can ask.
constexpr std::array<const surface::office::Resource*, 5> kAdmin = {
    &payments::kAdmin, &accounts::kAdmin, &keys::kAdmin, &channels::kAdmin, &approvals::kAdmin,
};

}  // namespace

std::span<const surface::Resource* const> api() {
    return kApi;
}

std::span<const surface::office::Resource* const> admin() {
    return kAdmin;
}

}  // namespace kontor::domains
