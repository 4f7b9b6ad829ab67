#pragma once
// What a server shows of itself, as PEM texts.

#include <string>

namespace kontor::transport {

struct TlsIdentity {
    std::string certificate_chain_pem;
    std::string private_key_pem;
};

}  // namespace kontor::transport
