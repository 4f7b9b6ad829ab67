#include "domains/keys/invariants.h"

#include "domains/accounts/accounts.h"
#include "domains/keys/keys.h"
#include "domains/keys/tables.h"
#include "kontor/base/bytes.h"

namespace kontor::keys {

using namespace machine;  // the frame's words

void check_keys(Audit& audit) {
    audit.each<pb::ApiKey>(table::api_keys, "api_keys", [&](std::string_view hash, const pb::ApiKey& key) {
        const std::string is(hash);
        const Scope scope{key.merchant_no(), key.livemode()};
        if (api_key_hash(audit.rows, key.merchant_no(), key.no()) != is)
            audit.broken(scope, key.no(), "the key is not found by its merchant");
        if (!accounts::find_merchant(audit.rows, key.merchant_no()))
            audit.broken(scope, key.no(), "the key's merchant is not there");
    });
    audit.each(table::merchant_keys, [&](std::string_view place, std::string_view hash) {
        if (place.size() != 8 + 8) row_failure("merchant_keys", "a key has another shape");
        const std::uint64_t merchant_no = get_be64(place), no = get_be64(place.substr(8));
        const auto key = find_api_key(audit.rows, std::string(hash));
        if (!key || key->merchant_no() != merchant_no || key->no() != no)
            audit.broken({merchant_no, false}, no,
                         "the merchant has a key that is not there, or is another's");
    });
}

}  // namespace kontor::keys
