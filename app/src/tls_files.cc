#include "tls_files.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "kontor/base/files.h"
#include "kontor/base/log.h"
#include "kontor/transport/certificates.h"
#include "secrets.h"

namespace kontor::app {
namespace {

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += name + "\n";
    return out;
}

struct Authority {
    transport::CertificateAuthority authority;
    bool is_new = false;  // what an earlier one signed does not count
};

// What is there; nothing: a part of it is not.
Result<std::optional<transport::CertificateAuthority>> read_authority(const std::string& folder) {
    std::optional<transport::CertificateAuthority> found;
    const std::string certificate_file = folder + "/ca.pem";
    const std::string key_file = folder + "/ca.key";
    if (!file_exists(certificate_file) || !file_exists(key_file)) return found;
    transport::CertificateAuthority& authority = found.emplace();
    KONTOR_TRY(authority.certificate_pem, read_file(certificate_file));
    KONTOR_TRY(authority.private_key_pem, read_file(key_file));
    if (transport::are_a_pair(authority.certificate_pem, authority.private_key_pem)) return found;
    return fail(ErrorCode::corruption,
                certificate_file + " and " + key_file +
                    " are no authority: one of them is damaged, or of another one. Put both back from the "
                    "backup of the data folder; or move " +
                    folder +
                    " aside, so that the next start makes a new authority, which clients have to be given");
}

Result<Authority> ensure_authority(const std::string& folder, const CertificateTime& time) {
    const std::string certificate_file = folder + "/ca.pem";
    KONTOR_TRY(auto found, read_authority(folder));
    if (found) return Authority{*std::move(found)};
    if (file_exists(certificate_file) || file_exists(folder + "/server.pem"))
        log::warning("tls", "event=authority_made_anew file=" + certificate_file +
                                " (it or its key was missing: clients that trust the one before refuse this "
                                "node until they have the new file)");
    KONTOR_TRY(auto authority, transport::make_authority("Kontor private CA", time.issue_ms));
    // A power cut in between leaves none, and never one's certificate with the other's key.
    std::error_code ignored;
    std::filesystem::remove(certificate_file, ignored);
    KONTOR_CHECK(write_file(folder + "/ca.key", authority.private_key_pem, 0600));
    KONTOR_CHECK(write_file(certificate_file, authority.certificate_pem, 0600));
    return Authority{std::move(authority), true};
}

bool still_good(const std::string& folder, const std::vector<std::string>& names,
                const CertificateTime& time) {
    const auto known_names = read_file(folder + "/server.names");
    const auto certificate = read_file(folder + "/server.pem");
    const auto key = read_file(folder + "/server.key");
    if (!known_names || *known_names != joined(names)) return false;
    if (!certificate || !key || !transport::are_a_pair(*certificate, *key)) return false;
    const auto validity = transport::certificate_validity(*certificate);
    if (time.keeps_dates) return validity.has_value();
    const std::int64_t now_s = time.now_ms / 1000;
    // Earlier versions made some that are valid for longer, and a clock may have been ahead.
    return validity && validity->not_before_s <= now_s && validity->not_after_s - kRenewBeforeS > now_s &&
           validity->not_after_s - validity->not_before_s <= transport::kServerCertificateDays * kDayS;
}

}  // namespace

CertificateTime::CertificateTime(const Clock& clock)
    : now_ms(clock.wall_ms()), issue_ms(std::max(now_ms, kNoClockBeforeMs)) {}

Result<std::string> read_private_key(const std::string& file) {
    KONTOR_TRY(std::string content, read_file_within(file));
    KONTOR_CHECK(check_private(file));
    return content;
}

Result<ServerTls> load_own_certificate(const std::string& certificate_file, const std::string& key_file) {
    ServerTls tls;
    KONTOR_TRY(tls.identity.certificate_chain_pem, read_file_within(certificate_file));
    KONTOR_TRY(tls.identity.private_key_pem, read_private_key(key_file));
    return tls;
}

Result<void> check_private_authority(const std::string& folder) {
    KONTOR_TRY([[maybe_unused]] const auto found, read_authority(folder));
    return {};
}

Result<ServerTls> ensure_private_certificate(const std::string& folder, const std::vector<std::string>& names,
                                             const CertificateTime& time) {
    std::error_code ec;
    std::filesystem::create_directories(folder, ec);
    if (ec) return fail(ErrorCode::io, "cannot make " + folder + ": " + ec.message());
    KONTOR_TRY(const auto found, ensure_authority(folder, time));
    const transport::CertificateAuthority& authority = found.authority;
    ServerTls tls;
    if (found.is_new || !still_good(folder, names, time)) {
        tls.is_made_now = true;
        KONTOR_TRY(const auto identity, transport::issue_server_certificate(authority, names, time.issue_ms));
        KONTOR_CHECK(write_file(folder + "/server.key", identity.private_key_pem, 0600));
        KONTOR_CHECK(write_file(folder + "/server.pem", identity.certificate_chain_pem, 0600));
        KONTOR_CHECK(write_file(folder + "/server.names", joined(names), 0600));
    }
    KONTOR_TRY(tls.identity.certificate_chain_pem, read_file(folder + "/server.pem"));
    KONTOR_TRY(tls.identity.private_key_pem, read_file(folder + "/server.key"));
    tls.ca_file = std::filesystem::absolute(folder + "/ca.pem").string();
    tls.ca_pem = authority.certificate_pem;
    return tls;
}

}  // namespace kontor::app
