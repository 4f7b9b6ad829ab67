#pragma once
// A private authority and a server's certificate for tests on loopback, and the real clock.

#include <cstdint>

#include "kontor/transport/certificates.h"

namespace kontor_test {

// Made once: key generation takes time under a sanitizer.
struct TestIdentity {
    kontor::transport::CertificateAuthority authority;
    kontor::transport::TlsIdentity server;  // for localhost, 127.0.0.1 and ::1
};
[[nodiscard]] const TestIdentity& test_identity();
[[nodiscard]] std::int64_t real_now_ms();
[[nodiscard]] std::uint64_t steady_ms();

}  // namespace kontor_test
