#include "tls_files.h"

#include <algorithm>
#include <filesystem>

#include "kontor/base/files.h"
#include "kontor/base/log.h"
#include "kontor/net/certificates.h"
#include "secrets.h"

namespace kontor::app {
namespace {

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += name + "\n";
    return out;
}

struct Authority {
    net::CertificateAuthority authority;
    bool is_new = false;  // what an earlier one signed does not count
};

Result<Authority> ensure_authority(const std::string& folder, const CertificateTime& time) {
    const std::string certificate_file = folder + "/ca.pem";
    const std::string key_file = folder + "/ca.key";
    if (file_exists(certificate_file) && file_exists(key_file)) {
        net::CertificateAuthority authority;
        KONTOR_TRY(authority.certificate_pem, read_file(certificate_file));
        KONTOR_TRY(authority.private_key_pem, read_file(key_file));
        return Authority{std::move(authority)};
    }
    if (file_exists(certificate_file) || file_exists(folder + "/server.pem"))
        log::warning("tls", "event=authority_made_anew file=" + certificate_file +
                                " (it or its key was missing: clients that trust the one before refuse this "
                                "node until they have the new file)");
    KONTOR_TRY(auto authority, net::make_authority("Kontor private CA", time.issue_ms));
    KONTOR_CHECK(write_file(key_file, authority.private_key_pem, 0600));
    KONTOR_CHECK(write_file(certificate_file, authority.certificate_pem, 0600));
    return Authority{std::move(authority), true};
}

bool still_good(const std::string& folder, const std::vector<std::string>& names,
                const CertificateTime& time) {
    const auto known_names = read_file(folder + "/server.names");
    const auto certificate = read_file(folder + "/server.pem");
    if (!known_names || !certificate || !file_exists(folder + "/server.key") || *known_names != joined(names))
        return false;
    const auto validity = net::certificate_validity(*certificate);
    if (time.keeps_dates) return validity.has_value();
    const std::int64_t now_s = time.now_ms / 1000;
    // Earlier versions made some that are valid for longer, and a clock may have been ahead.
    return validity && validity->not_before_s <= now_s && validity->not_after_s - kRenewBeforeS > now_s &&
           validity->not_after_s - validity->not_before_s <= net::kServerCertificateDays * kDayS;
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

Result<ServerTls> ensure_private_certificate(const std::string& folder, const std::vector<std::string>& names,
                                             const CertificateTime& time) {
    std::error_code ec;
    std::filesystem::create_directories(folder, ec);
    if (ec) return fail(ErrorCode::io, "cannot make " + folder + ": " + ec.message());
    KONTOR_TRY(const auto found, ensure_authority(folder, time));
    const net::CertificateAuthority& authority = found.authority;
    ServerTls tls;
    if (found.is_new || !still_good(folder, names, time)) {
        tls.is_made_now = true;
        KONTOR_TRY(const auto identity, net::issue_server_certificate(authority, names, time.issue_ms));
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
