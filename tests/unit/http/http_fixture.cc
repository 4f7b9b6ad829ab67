#include "http_fixture.h"

#include <chrono>
#include <stdexcept>

#include "kontor/base/log.h"

namespace kontor::http {

void HttpFixture::SetUp() {
    log::set_level(log::Level::error);
}

void HttpFixture::TearDown() {
    if (server_) server_->stop(1000);
    server_.reset();
    for (std::thread& thread : threads_) thread.join();
}

ServerOptions HttpFixture::options() {
    ServerOptions out;
    out.tls = test_identity().server;
    out.handler = [this](Request request, Responder respond) {
        handle(std::move(request), std::move(respond));
    };
    out.clock = &system_clock();
    return out;
}

void HttpFixture::start(ServerOptions options) {
    auto server = Server::start(std::move(options));
    ASSERT_TRUE(server) << server.error().describe();
    server_ = *std::move(server);
}

ClientOptions HttpFixture::client_options() const {
    ClientOptions out;
    out.ca_pem = test_identity().authority.certificate_pem;
    return out;
}

void HttpFixture::handle(Request request, Responder respond) {
    handled_.fetch_add(1);
    if (handle_odd(request, respond)) return;
    Response response;
    response.headers.push_back({"Content-Type", "text/plain"});
    if (request.path == "/echo") {
        response.body = request.method + " " + request.path + "?" + request.query + " " + request.body;
    } else if (request.path == "/large") {
        response.body.assign(1U << 20U, 'L');
    } else if (request.path == "/huge") {
        response.body.assign(32U << 20U, 'H');
        const std::string account(request.header("Account"));
        response.account = account.empty() ? 0 : std::stoull(account);
    } else if (request.path == "/static") {
        static const std::string asset(100'000, 'S');
        response.static_body = asset;
    } else if (request.path == "/inject") {
        response.headers.push_back({"X-Value", "a\r\nX-Evil: 1"});
        response.headers.push_back({"X-Bad Name", "v"});
        response.headers.push_back({"Content-Length", "999"});
        response.body = "safe";
    } else if (request.path == "/headers") {
        response.body = std::string(request.header("x-test")) + "|" + request.peer_ip;
    } else if (request.path == "/204") {
        response.status = 204;
        response.body = "must not be sent";
    } else if (request.path == "/sse") {
        response.headers[0].value = "text/event-stream";
        response.on_stream = [this](std::shared_ptr<Stream> stream) {
            stream->write("data: first\n\n");
            const std::lock_guard lock(mutex_);
            streams_.push_back(std::move(stream));
        };
    } else {
        response.body = "hello";
    }
    respond(std::move(response));
}

bool HttpFixture::handle_odd(const Request& request, const Responder& respond) {
    if (request.path == "/throw") throw std::runtime_error("on purpose");
    if (request.path == "/drop") return true;
    if (request.path == "/never") {
        const std::lock_guard lock(mutex_);
        kept_.push_back(respond);
        return true;
    }
    if (request.path == "/late") {
        const std::lock_guard lock(mutex_);
        threads_.emplace_back([respond] {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            Response late;
            late.body = "late";
            respond(std::move(late));
        });
        return true;
    }
    if (request.path == "/latedrop") {
        const std::lock_guard lock(mutex_);
        threads_.emplace_back([responder = std::make_unique<Responder>(respond)]() mutable {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            responder.reset();
        });
        return true;
    }
    if (request.path == "/twice") {
        for (const char* body : {"one", "two"}) {
            Response answer;
            answer.body = body;
            respond(std::move(answer));
        }
        return true;
    }
    if (request.path == "/prepared" || request.path == "/preparethrow") {
        const std::lock_guard lock(mutex_);
        threads_.emplace_back([respond, throws = request.path == "/preparethrow"] {
            Response later;
            later.prepare = [asked_on = std::this_thread::get_id(), throws](Response& answer) {
                if (throws) throw std::runtime_error("nothing to say");
                answer.status = 201;
                if (std::this_thread::get_id() != asked_on)
                    answer.body = "made on another thread than it was asked for on";
            };
            respond(std::move(later));
        });
        return true;
    }
    if (request.path == "/badstatus") {
        Response answer;
        answer.status = 99;
        respond(std::move(answer));
        return true;
    }
    return false;
}

}  // namespace kontor::http
