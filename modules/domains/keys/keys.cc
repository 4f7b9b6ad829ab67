#include "domains/keys/keys.h"

#include "domains/accounts/accounts.h"
#include "domains/accounts/ids.h"
#include "domains/keys/commands.h"
#include "domains/keys/ids.h"
#include "domains/keys/tables.h"
#include "kontor/bodies.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/machine/refuse.h"

namespace kontor::keys {

using namespace machine;  // the frame's words

std::optional<pb::ApiKey> find_api_key(const store::Reader& rows, std::string_view key_sha256) {
    if (key_sha256.size() != kHashBytes) return std::nullopt;
    return load<pb::ApiKey>(rows, table::api_keys, Key().bytes(key_sha256));
}

std::string api_key_hash(const store::Reader& rows, std::uint64_t merchant_no, std::uint64_t key_no) {
    return std::string(
        rows.get(table::merchant_keys, Key().be64(merchant_no).be64(key_no).view()).value_or(""));
}

std::vector<pb::ApiKey> list_api_keys(const store::Reader& rows, std::uint64_t merchant_no,
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

pb::Result create_api_key(Context& context, const pb::CreateApiKey& wanted) {
    if (!accounts::find_merchant(context.rows, wanted.merchant_no()))
        return no_such("merchant", accounts::prefix::merchant, wanted.merchant_no(), "merchant");
    if (!is_hash(wanted.key_sha256()))
        return refuse(machine::outcome::invalid_parameter, "A key is stored by its SHA-256.", "key");
    if (find_api_key(context.rows, wanted.key_sha256()))
        return refuse(machine::outcome::already_exists, "There is such a key.", "key");
    pb::Result result;
    pb::ApiKey& key = *mutable_object(result, pb::api_key);
    key.set_no(context.next_no());
    key.set_merchant_no(wanted.merchant_no());
    key.set_livemode(wanted.livemode());
    key.set_name(wanted.name());
    key.set_hint(wanted.hint());
    key.set_created_ms(context.now.utc_ms);
    context.put(table::api_keys, Key().bytes(wanted.key_sha256()), key);
    context.rows.put(table::merchant_keys, Key().be64(key.merchant_no()).be64(key.no()).view(),
                     wanted.key_sha256());
    context.audit_record(kInstanceScope);
    context.effects.keys_changed = true;
    return result;
}

pb::Result revoke_api_key(Context& context, const pb::RevokeApiKey& wanted) {
    std::optional<pb::ApiKey> key;
    if (is_hash(wanted.key_sha256())) key = find_api_key(context.rows, wanted.key_sha256());
    if (!key) return refuse(machine::outcome::resource_missing, "There is no such key.", "key");
    pb::Result result;
    if (key->revoked_ms() == 0) {
        key->set_revoked_ms(context.now.utc_ms);
        context.put(table::api_keys, Key().bytes(wanted.key_sha256()), *key);
        context.audit_record(kInstanceScope);
        context.effects.keys_changed = true;
    }
    *mutable_object(result, pb::api_key) = *key;
    return result;
}

}  // namespace kontor::keys
