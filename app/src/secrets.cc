#include "secrets.h"

#include <sys/stat.h>

#include <algorithm>

#include "connectors/credentials.h"
#include "data_folder.h"
#include "domains/accounts/accounts.h"
#include "domains/channels/channels.h"
#include "domains/members/members.h"
#include "domains/operators/operators.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/accounts.pb.h"
#include "kontor/base/bytes.h"
#include "kontor/base/files.h"
#include "kontor/base/log.h"
#include "kontor/machine/page.h"
#include "kontor/operators.pb.h"

namespace kontor::app {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kMerchantsLooked = 100;  // for a secret to try
constexpr std::string_view kCheckText = "kontor secrets key check v1";

std::string check_path(const std::string& data_folder) {
    return data_folder + "/secrets.check";
}

std::string check_value(const crypto::Secret& key) {
    return to_hex(crypto::hmac_sha256(key.reveal(), kCheckText)) + "\n";
}

// Of any key. What a power cut or a copy left of one tells nothing about a key.
bool is_check_value(std::string_view text) {
    return text.size() == 2 * kKeyBytes + 1 && text.back() == '\n' && from_hex(text.substr(0, 2 * kKeyBytes));
}

Unexpected another_key(const std::string& key_file, const std::string& what, const std::string& more = "") {
    return fail(
        ErrorCode::permission_denied,
        key_file + " is not the key that sealed " + what +
            ": put the right one back (from its backup, or from another node of the cluster) and start "
            "again." +
            more);
}

// What is wrong with a file of this content; "" for a good key.
std::string wrong_with(std::string_view content) {
    const std::string wrong = "must hold exactly 32 bytes, not " + std::to_string(content.size());
    if (content.empty()) return wrong + ": it is empty";
    if (content.size() == kKeyBytes + 1 && content.back() == '\n')
        return wrong + ": a line end is behind them, as editors add it (head -c 32 takes it off)";
    if (content.size() > kKeyBytes) return wrong + "; raw bytes, not a text of them";
    if (content.size() < kKeyBytes) return wrong;
    if (std::all_of(content.begin(), content.end(), [&](char byte) { return byte == content.front(); }))
        return "holds one byte 32 times, and must hold 32 random ones";
    return {};
}

}  // namespace

Result<void> check_private(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IRWXO) != 0)
        return fail(ErrorCode::permission_denied,
                    path + " may be read by everybody; run: chmod o-rwx " + path);
    return {};
}

Result<crypto::Secret> load_secrets_key(const std::string& path, const std::string& data_folder) {
    auto content = read_file_within(path);
    if (!content) {
        Error error = std::move(content).error();
        if (error.code != ErrorCode::not_found) return fail(std::move(error));
        if (!data_folder.empty() && (holds_data(data_folder) || file_exists(check_path(data_folder))))
            error.message += ", and the secrets in " + data_folder +
                             " were sealed with it: put it back from its backup, or from another node of the "
                             "cluster. No other key opens them.";
        else
            error.message += "; make it with: kontor secrets init --key-file " + path;
        return fail(std::move(error));
    }
    crypto::Secret key(*std::move(content));
    KONTOR_CHECK(check_private(path));
    if (const std::string wrong = wrong_with(key.reveal()); !wrong.empty())
        return fail(ErrorCode::invalid_argument, path + " " + wrong);
    return key;
}

Result<void> make_secrets_key(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0)  // also a link to nothing
        return fail(ErrorCode::already_exists, path + " exists; it is not replaced");
    return write_file(path, crypto::random_bytes(kKeyBytes), 0600);
}

Result<bool> check_secrets_key(const crypto::Secret& key, const std::string& key_file,
                               const std::string& data_folder) {
    const auto known = read_file(check_path(data_folder));
    if (!known && known.error().code == ErrorCode::not_found) return false;
    if (!known) return fail(known.error());
    if (!is_check_value(*known)) {
        log::warning("start", "event=key_check_unreadable file=" + check_path(data_folder) +
                                  " (what the folder holds is asked instead)");
        return false;
    }
    if (!crypto::equal_constant_time(*known, check_value(key)))
        return another_key(
            key_file, "the secrets in " + data_folder,
            " Nothing was changed. (" + check_path(data_folder) +
                " says so. If that file came from another folder and this key is the right one, "
                "remove it: then the start asks what is in the folder.)");
    return true;
}

Result<void> check_secrets_key(const crypto::Sealer& sealer, const std::string& key_file,
                               const store::Reader& rows) {
    const auto try_one = [&](const std::string& sealed, std::string_view context,
                             const std::string& what) -> Result<void> {
        if (sealed.empty() || sealer.open(sealed, context)) return {};
        return another_key(key_file, what);
    };
    if (const auto cluster = members::find_cluster(rows))
        return try_one(cluster->sealed_ca_key(), "cluster authority", "this cluster's authority");
    for (const pb::Operator& one : operators::list_operators(rows))
        if (!one.sealed_totp_secret().empty())
            return try_one(one.sealed_totp_secret(), "totp", "the operators' secrets");
    machine::ListQuery query;
    query.limit = 1;
    for (const pb::Merchant& merchant : accounts::list_merchants(rows, 0, kMerchantsLooked)) {
        for (const bool livemode : {false, true}) {
            const auto found = webhooks::list_webhook_endpoints(rows, {merchant.no(), livemode}, query);
            if (!found.rows.empty())
                return try_one(found.rows.front().sealed_secret(), "webhook-secret", "the webhooks' secrets");
        }
    }
    for (const pb::ChannelAccount& account : channels::list_accounts(rows, 0, 1))
        if (!connectors::Credentials::unseal(sealer, account.sealed_credentials()))
            return another_key(key_file, "the channels' credentials");
    return {};
}

Result<bool> check_configured_key(const std::string& key_file, const std::string& data_folder) {
    if (!file_exists(check_path(data_folder))) return false;
    KONTOR_TRY(const crypto::Secret key, load_secrets_key(key_file, data_folder));
    return check_secrets_key(key, key_file, data_folder);
}

Result<void> remember_secrets_key(const crypto::Secret& key, const std::string& data_folder) {
    return write_file(check_path(data_folder), check_value(key), 0600);
}

}  // namespace kontor::app
