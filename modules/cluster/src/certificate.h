#pragma once
// How old a node's certificate is, and so what is to be done about it.
//
// Threading: pure. Errors: a text that is no certificate counts as one that has ended.

#include <cstdint>
#include <string>

#include "kontor/peer/certificates.h"

namespace kontor::cluster {

// A third of its life: a node may be away for four months.
inline constexpr std::int64_t kRenewBeforeMs = peer::kNodeCertificateDays * 24 * 3600 * 1000 / 3;

enum class CertificateAge : std::uint8_t { good, old, ended };
[[nodiscard]] CertificateAge age_of(const std::string& certificate_pem, std::int64_t now_ms);

}  // namespace kontor::cluster
