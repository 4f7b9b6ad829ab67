#include "support/test_identity.h"

#include "kontor/base/clock.h"

namespace kontor_test {

using namespace kontor;

std::int64_t real_now_ms() {
    return system_clock().wall_ms();
}
std::uint64_t steady_ms() {
    return system_clock().monotonic_ms();
}

const TestIdentity& test_identity() {
    static const TestIdentity identity = [] {
        TestIdentity out;
        out.authority = transport::make_authority("Kontor test CA", real_now_ms()).value();
        out.server = transport::issue_server_certificate(out.authority, {"localhost", "127.0.0.1", "::1"},
                                                         real_now_ms())
                         .value();
        return out;
    }();
    return identity;
}

}  // namespace kontor_test
