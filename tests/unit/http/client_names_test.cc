// Names that hang, and everybody else's connections.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"
#include "support/environment.h"
#include "support/name_servers.h"

namespace kontor::http {
namespace {

class LookingClient : public HttpFixture {
 protected:
    [[nodiscard]] ClientOptions looking() const {
        ClientOptions options = client_options();
        options.look_up = servers_.look();
        options.allow_plain_http = true;
        return options;
    }
    [[nodiscard]] std::string at(const std::string& host, std::uint16_t port) const {
        return "http://" + host + ":" + std::to_string(port) + "/";
    }
    static ClientRequest to(std::string url, std::uint64_t timeout_ms = 10'000) {
        ClientRequest request;
        request.url = std::move(url);
        request.timeout_ms = timeout_ms;
        return request;
    }
    NameServers servers_;
};

// A listening socket on a loopback address; with `is_deaf` nobody's SYN is answered any more.
class Listener {
 public:
    Listener(const char* address, std::uint16_t port, bool is_deaf) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        ::inet_pton(AF_INET, address, &where.sin_addr);
        socklen_t size = sizeof(where);
        auto* const generic = reinterpret_cast<sockaddr*>(&where);
        if (::bind(fd_, generic, size) != 0 || ::listen(fd_, is_deaf ? 0 : 16) != 0) return;
        ::getsockname(fd_, generic, &size);
        port_ = ntohs(where.sin_port);
        for (int i = 0; is_deaf && i < 4; ++i) {
            fill_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            (void)!::connect(fill_.back(), generic, size);
        }
    }
    ~Listener() {
        for (const int fd : fill_) ::close(fd);
        ::close(fd_);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
    int fd_ = -1;
    std::uint16_t port_ = 0;
    std::vector<int> fill_;
};

TEST_F(LookingClient, AHangingNameHoldsUpNoOtherAndNotTheEnd) {
    start();
    std::atomic<int> answered{0};
    const std::uint64_t before = steady_ms();
    {
        const auto client = Client::make(looking());
        for (int i = 0; i < 100; ++i)
            client->send(to("https://slow.example/"), [&](const Result<ClientResponse>& answer) {
                EXPECT_FALSE(answer);
                answered.fetch_add(1);
            });
        ASSERT_TRUE(eventually([&] { return servers_.asked("slow") == 1; }));
        EXPECT_EQ(
            client->fetch(to("https://quick.example:" + std::to_string(port()) + "/hello")).error().code,
            ErrorCode::unavailable)
            << "found, and its certificate is for another name";
        EXPECT_NE(client->fetch(to(at("none.example", 1))).error().message.find("no such name"),
                  std::string::npos);
        // It gives up at its time, whatever the name server does.
        EXPECT_EQ(client->fetch(to("https://slow.example/", 200)).error().code, ErrorCode::unavailable);
        EXPECT_EQ(servers_.asked("slow"), 1);
    }
    EXPECT_EQ(answered.load(), 100);
    EXPECT_LT(steady_ms() - before, kontor_test::patient_ms(5'000))
        << "a name server that is silent holds up other requests, or the end";
}

// Each address of a name gets its share of the time: one that swallows everything leaves some for the others.
TEST_F(LookingClient, AnAddressThatSwallowsEverythingLeavesTimeForTheNext) {
    ServerOptions all = options();
    start(all);
    const Listener deaf("127.0.0.2", port(), true);
    if (deaf.port() == 0) GTEST_SKIP() << "no 127.0.0.2 here";
    ClientOptions trusting = looking();
    const auto client = Client::make(trusting);
    const std::uint64_t before = steady_ms();
    // The certificate is for other names, so a connection is all that can be seen.
    const auto answer = client->fetch(to("https://two.example:" + std::to_string(port()) + "/hello", 3'000));
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().message.find("TLS with"), std::string::npos) << answer.error().message;
    EXPECT_GE(steady_ms() - before, 1'000U) << "half of the time was for the first address";
    EXPECT_EQ(server_->stats().connections, 1U);
}

// Nobody's failure: no try of a delivery is lost by it.
TEST_F(LookingClient, WithoutDescriptorsItIsOverloadAndComesBack) {
    start();
    ClientOptions low = looking();
    low.max_descriptor = 3;
    EXPECT_EQ(Client::make(low)->fetch(to(url("/hello"))).error().code, ErrorCode::overloaded);
    const auto client = Client::make(looking());
    ASSERT_TRUE(client->fetch(to(url("/hello"))));
    const Listener other("127.0.0.1", 0, false);
    rlimit usual{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
    rlimit none = usual;
    none.rlim_cur = 3;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto refused = client->fetch(to(at("127.0.0.1", other.port())));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
    EXPECT_EQ(refused.error().code, ErrorCode::overloaded) << refused.error().describe();
    ASSERT_TRUE(client->fetch(to(url("/hello"))));
    EXPECT_EQ(server_->stats().connections, 2U) << "what idled was closed, to make room";
}

TEST_F(LookingClient, IdleConnectionsMakeRoomAtTheLimitOfAll) {
    start();
    ClientOptions few = looking();
    few.max_connections = 2;
    const auto client = Client::make(few);
    const std::string in = ":" + std::to_string(port()) + "/hello";
    for (int turn = 0; turn < 2; ++turn)
        for (const char* host : {"https://localhost", "https://127.0.0.1", "https://[::1]"}) {
            const auto answer = client->fetch(to(host + in));
            const bool is_v6 = std::string_view(host) == "https://[::1]";  // where there is none
            ASSERT_TRUE(answer || is_v6) << answer.error().describe();
        }
    EXPECT_LE(server_->stats().open_connections, 2U);
    for (const char* host : {"https://localhost", "https://127.0.0.1"})
        client->send(to(host + std::string(":") + std::to_string(port()) + "/never", 2'000),
                     [](const Result<ClientResponse>&) {});
    ASSERT_TRUE(eventually([&] { return kept_count() == 2; }));
    const Listener other("127.0.0.1", 0, false);
    EXPECT_EQ(client->fetch(to(at("127.0.0.1", other.port()))).error().code, ErrorCode::overloaded);
}

}  // namespace
}  // namespace kontor::http
