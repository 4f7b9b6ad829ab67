// Who asks: API keys in the Authorization header, nowhere else.
#include <algorithm>
#include <unordered_map>

#include "domains/keys/keys.h"
#include "impl.h"
#include "kontor/base/object_id.h"
#include "kontor/crypto/crypto.h"
#include "kontor/keys.pb.h"
#include "kontor/machine/service.h"

namespace kontor::api {

using surface::Caller;
using surface::unauthenticated;

namespace {

constexpr std::size_t kMaxKeyBytes = 255;

bool starts_with_word(std::string_view text, std::string_view lower_word) {
    if (text.size() <= lower_word.size() || text[lower_word.size()] != ' ') return false;
    return std::equal(lower_word.begin(), lower_word.end(), text.begin(),
                      [](char want, char c) { return want == (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
}

// Bearer KEY, or Basic with the key as user name. Empty: none given.
std::string key_of(std::string_view authorization) {
    if (starts_with_word(authorization, "bearer")) {
        authorization.remove_prefix(7);
    } else if (starts_with_word(authorization, "basic")) {
        const auto pair = crypto::from_base64(authorization.substr(6));
        return pair ? pair->substr(0, pair->find(':')) : std::string();
    } else {
        return {};
    }
    while (!authorization.empty() && authorization.front() == ' ') authorization.remove_prefix(1);
    return std::string(authorization);
}

// Keys that this thread found valid, by their hash. Not to save a look-up, which is cheap, but its wait for
// an entry that is being applied: every connection of the thread would wait with it.
class KnownKeys {
 public:
    static KnownKeys& mine() {
        thread_local KnownKeys keys;
        return keys;
    }
    // `version`: machine::Service::keys_version() as it was before the look-up, or is now.
    const Caller* find(const std::string& hash, std::uint64_t version) {
        if (version == 0 || version != version_) return nullptr;
        const auto found = callers_.find(hash);
        return found == callers_.end() ? nullptr : &found->second;
    }
    void add(const std::string& hash, std::uint64_t version, const Caller& caller) {
        if (version != version_ || callers_.size() >= kMaxKnownKeys) callers_.clear();
        version_ = version;
        callers_.emplace(hash, caller);
    }

 private:
    static constexpr std::size_t kMaxKnownKeys = 1024;
    std::uint64_t version_ = 0;
    std::unordered_map<std::string, Caller> callers_;
};

}  // namespace

std::optional<ApiError> authenticate(Call& call, const machine::Role* role) {
    const std::string key = key_of(call.request.header("Authorization"));
    if (key.empty()) {
        return unauthenticated(
            "You did not provide an API key. You need to provide your API key in the Authorization header, "
            "using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').");
    }
    if (key.starts_with("pk_")) {
        return unauthenticated(
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            "secret_key_required");
    }
    if (key.size() > kMaxKeyBytes) return unauthenticated("Invalid API Key provided.");

    const std::string hash = crypto::sha256(key);
    const std::uint64_t version = call.host->service->keys_version();
    if (const Caller* known = KnownKeys::mine().find(hash, version)) {
        call.caller = *known;
        return std::nullopt;
    }
    std::optional<pb::ApiKey> row;
    call.host->service->read(
        [&](const store::Reader& rows, std::uint64_t) { row = keys::find_api_key(rows, hash); });
    if (!row) return unauthenticated("Invalid API Key provided.");
    if (row->revoked_ms() != 0) return unauthenticated("Expired API Key provided.", "api_key_expired");
    call.caller = Caller{{row->merchant_no(), row->livemode()}, row->no(), role};
    if (version != 0) KnownKeys::mine().add(hash, version, call.caller);
    return std::nullopt;
}

std::optional<ApiError> authorize(const Call& call) {
    const machine::Permission& needed = *call.route->permission.value;
    if (call.caller.role != nullptr && call.caller.role->may(needed)) return std::nullopt;
    ApiError error = surface::invalid("The provided key does not have the permission '" +
                                      std::string(needed.name) + "' that this request needs.");
    error.status = 403;
    return error;
}

}  // namespace kontor::api
