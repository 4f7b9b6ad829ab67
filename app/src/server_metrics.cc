#include "server_metrics.h"

#include <cstdint>

namespace kontor::app {

void register_server_metrics(telemetry::Registry& metrics, const http::Server& server, const TlsKeeper& tls) {
    const auto figure = [&](const char* name, const char* help, std::uint64_t http::ServerStats::*field) {
        metrics.gauge(name, help, [&server, field] { return static_cast<double>(server.stats().*field); });
    };
    metrics.gauge("kontor_https_certificate_expiration_timestamp_seconds",
                  "When the certificate in use ends, as Unix time.",
                  [&tls] { return static_cast<double>(tls.not_after_s()); });
    metrics.gauge("kontor_https_authority_expiration_timestamp_seconds",
                  "When the authority of the certificate that Kontor made itself ends, as Unix time; 0: "
                  "the certificate is from files.",
                  [&tls] { return static_cast<double>(tls.authority_not_after_s()); });
    figure("kontor_http_open_connections", "HTTPS connections open now.",
           &http::ServerStats::open_connections);
    figure("kontor_http_connections_total", "HTTPS connections accepted.", &http::ServerStats::connections);
    figure("kontor_http_refused_connections_total", "HTTPS connections closed at once for want of room.",
           &http::ServerStats::refused_connections);
    figure("kontor_http_closed_for_room_total", "Idle HTTPS connections that made room for new ones.",
           &http::ServerStats::closed_for_room);
    figure("kontor_http_request_bytes", "Bytes of request bodies held or promised.",
           &http::ServerStats::request_bytes);
    figure("kontor_http_answer_bytes", "Bytes of answers that wait for slow readers.",
           &http::ServerStats::answer_bytes);
    figure("kontor_tls_delayed_total", "Times that a TLS handshake had to wait for its turn.",
           &http::ServerStats::delayed_handshakes);
    figure("kontor_http_requests_total", "HTTP requests handled.", &http::ServerStats::requests);
    figure("kontor_tls_failures_total", "TLS handshakes that failed.", &http::ServerStats::tls_failures);
    figure("kontor_http_bad_requests_total", "Requests that were no HTTP, too large or too slow.",
           &http::ServerStats::bad_requests);
}

}  // namespace kontor::app
