#include "kontor/transport/certificates.h"

#include <arpa/inet.h>

#include <algorithm>

#include "kontor/transport/certificate_builder.h"

namespace kontor::transport {
namespace {

constexpr std::int64_t kAuthorityDays = 3653;
// Clocks of clients differ, and our own may be set back after it was wrong.
constexpr std::int64_t kBackdateSeconds = 24 * 3600;
constexpr std::int64_t kAuthorityBackdateSeconds = 366LL * 24 * 3600;  // it cannot be made again so easily
// 2025-01-01: it is valid from then on, so that one made by a clock that was years ahead is valid today, too.
constexpr std::int64_t kAuthorityFirstDaySeconds = 1'735'689'600;
constexpr std::int64_t kServerDays = kServerCertificateDays - 1;  // and the day before
constexpr std::size_t kMaxNames = 100;
constexpr std::size_t kMaxLabelBytes = 63;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// RFC 1123, and '_', which machines have all the same.
std::string wrong_with_label(std::string_view label) {
    if (label.empty()) return "a part of it is empty";
    if (label.size() > kMaxLabelBytes) return "a part of it has more than 63 characters";
    const bool is_coded = label.size() >= 4 && (label[0] == 'x' || label[0] == 'X') &&
                          (label[1] == 'n' || label[1] == 'N') && label[2] == '-' && label[3] == '-';
    if (is_coded && label.size() == 4) return "'xn--' codes a name, and none follows";
    if (label.front() == '-' || label.back() == '-') return "a part of it begins or ends with '-'";
    if (label.find('*') != std::string_view::npos)
        return "'*' stands for the first part alone, as in *.pay.example";
    return {};
}

std::string wrong_with_name(std::string_view name) {
    if (name.starts_with("*.")) name.remove_prefix(2);
    for (std::size_t at = 0;;) {
        const std::size_t dot = name.find('.', at);
        const std::string_view label = name.substr(at, dot == std::string_view::npos ? dot : dot - at);
        if (std::string wrong = wrong_with_label(label); !wrong.empty()) return wrong;
        if (dot != std::string_view::npos) {
            at = dot + 1;
            continue;
        }
        // Clients take what ends in a number for an address.
        const bool is_number = std::all_of(label.begin(), label.end(), is_digit);
        return is_number ? "it ends in a number and is no address" : "";
    }
}

// The value goes through OpenSSL's configuration syntax, so only plain names may reach it.
Result<std::string> alternative_name(const std::string& name) {
    unsigned char address[16];
    if (inet_pton(AF_INET, name.c_str(), address) == 1 || inet_pton(AF_INET6, name.c_str(), address) == 1)
        return "IP:" + name;
    if (name.starts_with('['))
        return fail(ErrorCode::invalid_argument, "write an IPv6 address without brackets: " + name);
    if (name.empty() || name.size() > 253)
        return fail(ErrorCode::invalid_argument,
                    "a certificate name is 1 to 253 characters, not " + std::to_string(name.size()));
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '.' || c == '*' || c == '_';
        if (!plain) return fail(ErrorCode::invalid_argument, "not a DNS name or IP address: " + name);
    }
    if (const std::string wrong = wrong_with_name(name); !wrong.empty())
        return fail(ErrorCode::invalid_argument, "not a DNS name: " + name + " (" + wrong + ")");
    return "DNS:" + name;
}

}  // namespace

Result<CertificateAuthority> make_authority(const std::string& common_name, std::int64_t now_ms) {
    const KeyPointer key(EVP_EC_gen("P-256"));
    if (!key) return openssl_failed("no key");
    const std::int64_t backdate_s =
        std::max(kAuthorityBackdateSeconds, now_ms / 1000 - kAuthorityFirstDaySeconds);
    KONTOR_TRY(const X509Pointer certificate,
               build_authority(*key, common_name, now_ms, backdate_s, kAuthorityDays));
    CertificateAuthority out;
    KONTOR_TRY(out.certificate_pem, certificate_to_pem(*certificate));
    KONTOR_TRY(out.private_key_pem, key_to_pem(*key));
    return out;
}

Result<TlsIdentity> issue_server_certificate(const CertificateAuthority& authority,
                                             const std::vector<std::string>& names, std::int64_t now_ms) {
    KONTOR_CHECK(check_certificate_names(names));
    std::string alternatives;
    for (const std::string& name : names) {
        KONTOR_TRY(const std::string one, alternative_name(name));
        if (!alternatives.empty()) alternatives += ',';
        alternatives += one;
    }
    KONTOR_TRY(const X509Pointer issuer, first_certificate(authority.certificate_pem));
    KONTOR_TRY(const KeyPointer issuer_key, key_from_pem(authority.private_key_pem));
    const KeyPointer key(EVP_EC_gen("P-256"));
    const X509Pointer certificate(X509_new());
    if (!key || !certificate) return openssl_failed("no key");
    X509& x = *certificate;
    // A common name has at most 64 characters; clients look at the alternative names only.
    bool ok = X509_set_version(&x, X509_VERSION_3) == 1 && set_random_serial(x) &&
              set_validity(x, now_ms, kBackdateSeconds, kServerDays) &&
              set_common_name(x, names.front().substr(0, 64)) &&
              X509_set_issuer_name(&x, X509_get_subject_name(issuer.get())) == 1 &&
              X509_set_pubkey(&x, key.get()) == 1;
    ok = ok && add_extension(x, *issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(x, *issuer, NID_key_usage, "critical,digitalSignature") &&
         add_extension(x, *issuer, NID_ext_key_usage, "serverAuth") &&
         add_extension(x, *issuer, NID_subject_key_identifier, "hash") &&
         add_extension(x, *issuer, NID_authority_key_identifier, "keyid") &&
         add_extension(x, *issuer, NID_subject_alt_name, alternatives);
    if (!ok || X509_sign(&x, issuer_key.get(), EVP_sha256()) == 0)
        return openssl_failed("could not issue a certificate");
    TlsIdentity out;
    KONTOR_TRY(out.certificate_chain_pem, certificate_to_pem(x));
    KONTOR_TRY(out.private_key_pem, key_to_pem(*key));
    return out;
}

Result<std::string> certificate_fingerprint(const std::string& certificate_pem) {
    KONTOR_TRY(const X509Pointer certificate, first_certificate(certificate_pem));
    KONTOR_TRY(const std::string digest, certificate_digest(*certificate));
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (const char c : digest) {
        const auto byte = static_cast<unsigned char>(c);
        if (!out.empty()) out += ':';
        out += kHex[byte >> 4U];
        out += kHex[byte & 15U];
    }
    return out;
}

Result<void> check_certificate_names(const std::vector<std::string>& names) {
    if (names.empty() || names.size() > kMaxNames)
        return fail(ErrorCode::invalid_argument, "a certificate needs 1 to 100 names");
    std::string problems;
    for (const std::string& name : names)
        if (const auto one = alternative_name(name); !one)
            problems += (problems.empty() ? "" : "; ") + one.error().message;
    if (!problems.empty()) return fail(ErrorCode::invalid_argument, std::move(problems));
    return {};
}

Result<Validity> certificate_validity(const std::string& certificate_pem) {
    KONTOR_TRY(const X509Pointer certificate, first_certificate(certificate_pem));
    return validity_of(*certificate);
}

}  // namespace kontor::transport
