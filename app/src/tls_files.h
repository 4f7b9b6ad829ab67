#pragma once
// The server's certificate: the operator's own files, or one that Kontor's private CA signs, kept in a folder
// (ca.pem, ca.key, server.pem, server.key) and renewed at start when fewer than 30 days are left or the names
// changed.

#include <string>
#include <vector>

#include "kontor/base/clock.h"
#include "kontor/base/result.h"
#include "kontor/net/server.h"

namespace kontor::app {

struct ServerTls {
    net::TlsIdentity identity;
    std::string ca_file;  // of the private CA; "" with the operator's own certificate
    std::string ca_pem;
};

[[nodiscard]] Result<ServerTls> load_own_certificate(const std::string& certificate_file,
                                                     const std::string& key_file);
[[nodiscard]] Result<ServerTls> ensure_private_certificate(const std::string& folder,
                                                           const std::vector<std::string>& names,
                                                           const Clock& clock);

}  // namespace kontor::app
