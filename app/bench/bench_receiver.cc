#include "bench_receiver.h"

#include "tls_files.h"

namespace kontor::app {

Result<std::unique_ptr<BenchReceiver>> BenchReceiver::start(const std::string& tls_folder) {
    std::unique_ptr<BenchReceiver> receiver(new BenchReceiver);
    KONTOR_TRY(const ServerTls tls,
               load_own_certificate(tls_folder + "/server.pem", tls_folder + "/server.key"));
    http::ServerOptions options;
    options.threads = 1;
    options.tls = tls.identity;
    options.handler = [raw = receiver.get()](const http::Request&, const http::Responder& respond) {
        raw->counted_.fetch_add(1, std::memory_order_relaxed);
        respond(http::Response());
    };
    KONTOR_TRY(receiver->server_, http::Server::start(std::move(options)));
    return receiver;
}

std::string BenchReceiver::url(unsigned endpoint) const {
    return "https://127.0.0.1:" + std::to_string(server_->port()) + "/hooks/" + std::to_string(endpoint);
}

}  // namespace kontor::app
