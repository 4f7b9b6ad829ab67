#pragma once
// What /metrics says of the HTTPS server and its certificate.
//
// Threading: at the start; the figures are read on any thread. Ownership: `server` and `tls` outlive
// `metrics`.

#include "kontor/http/server.h"
#include "kontor/telemetry/metrics.h"
#include "tls_keeper.h"

namespace kontor::app {

void register_server_metrics(telemetry::Registry& metrics, const http::Server& server, const TlsKeeper& tls);

}  // namespace kontor::app
