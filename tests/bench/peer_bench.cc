// The peer port by itself: two nodes in one process over loopback, mutual TLS 1.3.
//
//     peer_bench [SECONDS] : one JSON line for each figure
//
// Messages flow one way, as many as the queue takes; calls keep a window open and each answer starts the
// next.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "kontor/base/clock.h"
#include "kontor/base/log.h"
#include "kontor/peer/peer.h"

namespace {

using namespace kontor;
using namespace kontor::peer;

std::atomic<std::uint64_t> received_frames{0}, received_bytes{0};

PeerNetOptions options_of(const kontor::transport::CertificateAuthority& authority, std::uint64_t id) {
    PeerNetOptions out;
    out.self.cluster = "peer bench 16 by";
    out.self.node_id = id;
    const auto key = make_private_key_and_request().value();
    out.credentials.ca_pem = authority.certificate_pem;
    out.credentials.certificate_pem = issue_node_certificate(authority, key.request_pem, out.self,
                                                             kNodeCertificateDays, system_clock().wall_ms())
                                          .value();
    out.credentials.private_key_pem = key.private_key_pem;
    out.on_message = [](std::uint64_t, const std::string& frame) {
        received_bytes.fetch_add(frame.size(), std::memory_order_relaxed);
        received_frames.fetch_add(1, std::memory_order_relaxed);
    };
    out.on_call = [](const PeerIdentity&, std::uint16_t, std::string body, const CallResponder& respond) {
        respond(std::move(body));
    };
    return out;
}

double seconds() {
    return static_cast<double>(system_clock().monotonic_us()) / 1e6;
}

void messages(PeerNet& from, std::size_t size, double limit) {
    // At most half of the queue's limit is on its way.
    const std::uint64_t window = (8U << 20U) / (size + 64);
    const std::uint64_t before = received_frames;
    std::uint64_t sent = before;
    const double start = seconds();
    while (seconds() - start < limit) {
        if (sent - received_frames.load(std::memory_order_relaxed) >= window) {
            std::this_thread::sleep_for(std::chrono::microseconds(50));
            continue;
        }
        for (int i = 0; i < 16; ++i, ++sent) from.send(2, std::string(size, 'm'));
    }
    const double rate = static_cast<double>(received_frames - before) / (seconds() - start);
    while (received_frames < sent && seconds() - start < limit + 10)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::printf("{\"messages\": %zu, \"a_second\": %.0f, \"mb_a_second\": %.1f, \"lost\": %llu}\n", size,
                rate, rate * static_cast<double>(size) / 1e6,
                static_cast<unsigned long long>(sent - received_frames));
}

class Caller {
 public:
    Caller(PeerNet& net, std::size_t size, PeerLane lane) : net_(net), body_(size, 'c'), lane_(lane) {}
    void run(int window, double limit) {
        const double start = seconds();
        for (int i = 0; i < window; ++i) next();
        while (seconds() - start < limit) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        const double rate = static_cast<double>(answered_) / (seconds() - start);
        stop_ = true;
        while (open_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        std::printf("{\"calls\": %zu, \"window\": %d, \"a_second\": %.0f, \"failed\": %llu}\n", body_.size(),
                    window, rate, static_cast<unsigned long long>(failed_));
    }

 private:
    void next() {
        open_.fetch_add(1);
        net_.call(
            2, 1, body_, 10'000,
            [this](const Result<std::string>& got) {
                (got ? answered_ : failed_).fetch_add(1, std::memory_order_relaxed);
                if (!stop_ && got) next();
                open_.fetch_sub(1);
            },
            lane_);
    }
    PeerNet& net_;
    const std::string body_;
    const PeerLane lane_;
    std::atomic<bool> stop_{false};
    std::atomic<int> open_{0};
    std::atomic<std::uint64_t> answered_{0}, failed_{0};
};

}  // namespace

int main(int argc, char** argv) {
    const double limit = argc > 1 ? std::atof(argv[1]) : 3;
    log::set_level(log::Level::warning);
    const auto authority = make_cluster_authority("peer bench 16 by", system_clock().wall_ms()).value();
    auto one = PeerNet::start(options_of(authority, 1)).value();
    auto two = PeerNet::start(options_of(authority, 2)).value();
    one->set_peers({{2, "127.0.0.1:" + std::to_string(two->port())}});
    while (!one->status()[0].up) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the lanes for calls
    for (const std::size_t size : {std::size_t{64}, std::size_t{4'096}, std::size_t{131'072}})
        messages(*one, size, limit);
    for (const int window : {1, 64, 1024}) Caller(*one, 64, PeerLane::fast).run(window, limit);
    Caller(*one, 1U << 20U, PeerLane::bulk).run(4, limit);
    one->stop();
    two->stop();
    return 0;
}
