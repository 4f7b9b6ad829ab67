#include "kontor/http/client.h"

#include <atomic>
#include <future>

#include "ascii.h"
#include "client_worker.h"
#include "kontor/transport/name_lookup.h"
#include "kontor/transport/tls_context.h"

namespace kontor::http {
namespace {

constexpr unsigned kMaxThreads = 64;

Result<CallPointer> make_call(const ClientOptions& options, ClientRequest request) {
    auto call = std::make_unique<ClientCall>();
    KONTOR_TRY(call->url, uri::split_url(request.url));
    if (!call->url.https && !options.allow_plain_http)
        return fail(ErrorCode::invalid_argument, "only https:// URLs are allowed");
    if (!is_token(request.method)) return fail(ErrorCode::invalid_argument, "not an HTTP method");
    for (const Header& header : request.headers)
        if (!is_token(header.name) || !is_field_value(header.value))
            return fail(ErrorCode::invalid_argument, "not an HTTP header field: " + header.name);
    call->origin =
        (call->url.https ? "https://" : "http://") + call->url.host + ":" + std::to_string(call->url.port);
    call->deadline_ms = ClientWorker::now_ms() + request.timeout_ms;
    call->request = std::move(request);
    return call;
}

class ClientImpl final : public Client {
 public:
    explicit ClientImpl(ClientOptions options) : options_(std::move(options)), names_(options_.look_up) {
        options_.threads = std::clamp(options_.threads, 1U, kMaxThreads);
        auto tls = transport::make_client_context(options_.ca_pem);
        if (!tls) {
            broken_ = tls.error();
            return;
        }
        tls_ = *std::move(tls);
        for (unsigned i = 0; i < options_.threads; ++i)
            workers_.push_back(std::make_unique<ClientWorker>(options_, *tls_, names_, i));
    }
    // A look-up that ends later must find no worker that goes.
    ~ClientImpl() override { names_.close(); }
    ClientImpl(const ClientImpl&) = delete;
    ClientImpl& operator=(const ClientImpl&) = delete;

    void send(ClientRequest request, std::function<void(Result<ClientResponse>)> done) override {
        if (broken_) return done(fail(*broken_));
        auto call = make_call(options_, std::move(request));
        if (!call) return done(fail(std::move(call).error()));
        (*call)->done = std::move(done);
        const unsigned turn = next_.fetch_add(1, std::memory_order_relaxed);
        workers_[turn % workers_.size()]->submit(*std::move(call));
    }

 private:
    ClientOptions options_;
    transport::NameLookup names_;
    transport::SslContext tls_;
    std::optional<Error> broken_;  // `ca_pem` did not parse: every call says so
    std::vector<std::unique_ptr<ClientWorker>> workers_;
    std::atomic<unsigned> next_{0};
};

}  // namespace

std::unique_ptr<Client> Client::make(ClientOptions options) {
    return std::make_unique<ClientImpl>(std::move(options));
}

Result<ClientResponse> Client::fetch(ClientRequest request) {
    const auto answer = std::make_shared<std::promise<Result<ClientResponse>>>();
    auto future = answer->get_future();
    send(std::move(request),
         [answer](Result<ClientResponse> result) { answer->set_value(std::move(result)); });
    return future.get();
}

}  // namespace kontor::http
