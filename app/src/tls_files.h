#pragma once
// The server's certificate: the operator's own files, or one that Kontor's private CA signs, kept in a folder
// (ca.pem, ca.key, server.pem, server.key) and made anew when kRenewBeforeS are left, the names changed, or
// its dates are not what they should be. tls_keeper.h asks while the node runs.

#include <string>
#include <vector>

#include "kontor/base/clock.h"
#include "kontor/base/result.h"
#include "kontor/http/server.h"

namespace kontor::app {

inline constexpr std::int64_t kDayS = 24 * 3600;
inline constexpr std::int64_t kRenewBeforeS = 30 * kDayS;

struct ServerTls {
    transport::TlsIdentity identity;
    std::string ca_file;  // of the private CA; "" with the operator's own certificate
    std::string ca_pem;
    bool is_made_now = false;  // of the private CA: it was not there before
};

// A clock that shows less has not been set yet: this version is younger.
inline constexpr std::int64_t kNoClockBeforeMs = 1'767'225'600'000;  // 2026-01-01

// What a certificate is judged and made by: clocks may be wrong.
struct CertificateTime {
    CertificateTime(const Clock& clock);  // believes the wall clock
    std::int64_t now_ms;                  // is it valid now?
    std::int64_t issue_ms;                // a new one begins with this, at the latest
    bool keeps_dates = false;             // nobody knows what time it is: one that is there stays
};

// permission_denied when everybody may read it.
[[nodiscard]] Result<std::string> read_private_key(const std::string& file);
[[nodiscard]] Result<ServerTls> load_own_certificate(const std::string& certificate_file,
                                                     const std::string& key_file);
// Whether the private CA in the folder can be used, if there is one. corruption: it is damaged.
[[nodiscard]] Result<void> check_private_authority(const std::string& folder);
// Errors: corruption as above, io.
[[nodiscard]] Result<ServerTls> ensure_private_certificate(const std::string& folder,
                                                           const std::vector<std::string>& names,
                                                           const CertificateTime& time);

}  // namespace kontor::app
