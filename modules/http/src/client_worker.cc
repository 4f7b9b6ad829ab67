#include "client_worker.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "client_connection.h"
#include "kontor/base/log.h"

namespace kontor::http {

void ClientCall::finish(Result<ClientResponse> result) {
    if (!done) return;
    const Done call = std::move(done);
    done = nullptr;
    try {
        call(std::move(result));
    } catch (const std::exception& e) {
        log::error("net", std::string("a client's done callback threw: ") + e.what());
    }
}

ClientCall::~ClientCall() {
    if (done) finish(fail(ErrorCode::unavailable, "the client is closing"));
}

ClientWorker::ClientWorker(const ClientOptions& options, SSL_CTX& tls, transport::NameLookup& names,
                           unsigned number)
    : options_(options),
      tls_(tls),
      names_(names),
      work_(context_.get_executor()),
      tick_(context_.get_executor()),
      max_connections_(std::max<std::size_t>(1, options.max_connections_per_origin / options.threads)),
      max_all_(std::max<std::size_t>(1, options.max_connections / options.threads)),
      scratch_(kClientScratchBytes) {
    schedule_tick();
    thread_ = std::thread([this, number] {
        pthread_setname_np(pthread_self(), ("client-" + std::to_string(number)).c_str());
        if (options_.niceness > 0)
            ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), options_.niceness);
        context_.run();
    });
}

ClientWorker::~ClientWorker() {
    boost::asio::post(context_, [this] { finish(); });
    thread_.join();
}

void ClientWorker::finish() {
    finishing_ = true;
    tick_.cancel();
    work_.reset();
    for (auto& [name, origin] : origins_) {
        for (const CallPointer& call : origin.take_all())
            call->finish(fail(ErrorCode::unavailable, "the client is closing"));
        const auto open = origin.open;
        for (const auto& connection : open) connection->shut({ErrorCode::io, "the client is closing"});
    }
}

void ClientWorker::submit(CallPointer call) {
    boost::asio::post(context_, [this, box = std::move(call)]() mutable { start_call(std::move(box)); });
}

void ClientWorker::start_call(CallPointer call) {
    if (finishing_) return call->finish(fail(ErrorCode::unavailable, "the client is closing"));
    ClientOrigin& origin = origin_of(call->origin);
    const std::uint64_t account = call->request.account;
    if (!origin.may_begin(account)) free_a_draining_one(origin);
    if (!origin.may_begin(account)) {
        if (origin.waiting() >= kMaxWaitingPerOrigin)
            return call->finish(fail(ErrorCode::overloaded, "too many requests wait for " + call->origin));
        return origin.wait(std::move(call));
    }
    while (!origin.idle.empty()) {
        const auto connection = std::move(origin.idle.back());
        origin.idle.pop_back();
        if (connection->still_usable()) {
            origin.began(account);
            return connection->perform(std::move(call));
        }
        connection->shut({ErrorCode::io, "closed while idle"});
    }
    if (!make_room())
        return call->finish(fail(ErrorCode::overloaded, "too many connections to others are open"));
    ++open_;
    const auto connection = std::make_shared<ClientConnection>(*this, call->origin);
    origin.open.push_back(connection);
    origin.began(account);
    connection->open(std::move(call));
}

// Nobody waits for an answer on it any more.
void ClientWorker::free_a_draining_one(ClientOrigin& origin) {
    const auto draining = std::find_if(origin.open.begin(), origin.open.end(),
                                       [](const auto& each) { return each->is_draining(); });
    if (draining == origin.open.end()) return;
    const auto connection = *draining;
    connection->shut({ErrorCode::io, "its answer took too long"});
}

void ClientWorker::begin_next(ClientOrigin& origin) {
    if (finishing_) return;
    // Posted, so that the finished call's callback comes first and the stack does not grow.
    if (CallPointer next = origin.next()) submit(std::move(next));
}

void ClientWorker::connection_idle(const std::shared_ptr<ClientConnection>& connection) {
    ClientOrigin& origin = origin_of(connection->origin());
    origin.idle.push_back(connection);
    origin.ended(connection->account());
    begin_next(origin);
}

void ClientWorker::connection_closed(const std::shared_ptr<ClientConnection>& connection, bool was_busy) {
    const auto found = origins_.find(connection->origin());
    if (found == origins_.end()) return;
    ClientOrigin& origin = found->second;
    open_ -= std::erase(origin.open, connection);
    std::erase(origin.idle, connection);
    if (was_busy) origin.ended(connection->account());
    begin_next(origin);
}

// Looks at all, but only at the limit, where there are no more than it allows.
bool ClientWorker::make_room() {
    while (open_ >= max_all_) {
        std::shared_ptr<ClientConnection> longest;
        for (const auto& [name, origin] : origins_)
            if (!origin.idle.empty() &&
                (!longest || origin.idle.front()->idle_since_ms() < longest->idle_since_ms()))
                longest = origin.idle.front();
        if (!longest) break;
        longest->shut({ErrorCode::io, "closed while idle"});
    }
    for (auto& [name, origin] : origins_) {
        if (open_ < max_all_) break;
        free_a_draining_one(origin);
    }
    return open_ < max_all_;
}

void ClientWorker::close_idle() {
    for (auto& [name, origin] : origins_) {
        const auto idle = origin.idle;
        for (const auto& connection : idle) connection->shut({ErrorCode::io, "closed while idle"});
    }
}

void ClientWorker::schedule_tick() {
    tick_.expires_after(std::chrono::milliseconds(kClientTickMs));
    tick_.async_wait([this](const boost::system::error_code& cancelled) {
        if (cancelled || finishing_) return;
        const std::uint64_t now = now_ms();
        for (auto at = origins_.begin(); at != origins_.end();) {
            tick(at->second, now);
            const bool empty = at->second.open.empty() && at->second.waiting() == 0;
            at = empty ? origins_.erase(at) : std::next(at);
        }
        schedule_tick();
    });
}

void ClientWorker::tick(ClientOrigin& origin, std::uint64_t now) {
    const auto open = origin.open;  // a connection that closes leaves the list
    for (const auto& connection : open) connection->tick(now);
    for (const CallPointer& call : origin.take_late(now))
        call->finish(fail(ErrorCode::unavailable, "no free connection to " + call->origin + " in time"));
}

std::uint64_t ClientWorker::now_ms() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

}  // namespace kontor::http
