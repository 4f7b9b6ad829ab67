// Names that hang, and everybody else's.

#include "name_lookup.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <future>
#include <map>

#include "net_fixture.h"
#include "peer_fixture.h"
#include "support/environment.h"

namespace kontor::net {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};

// Name servers of which some do not answer. Shared with look-ups that outlive everything else.
class Servers {
 public:
    [[nodiscard]] LookUpName look() const {
        return [state = state_](const std::string& host) -> Result<std::vector<std::string>> {
            std::unique_lock lock(state->mutex);
            ++state->asked[host];
            state->changed.notify_all();
            if (host.starts_with("slow")) state->changed.wait(lock, [&] { return state->is_over; });
            if (host.starts_with("none")) return fail(ErrorCode::unavailable, "no such name: " + host);
            if (host.starts_with("two")) return std::vector<std::string>{"127.0.0.2", "127.0.0.1"};
            return std::vector<std::string>{"127.0.0.1"};
        };
    }
    ~Servers() {
        const std::lock_guard lock(state_->mutex);
        state_->is_over = true;
        state_->changed.notify_all();
    }
    [[nodiscard]] int asked(const std::string& prefix) const {
        const std::lock_guard lock(state_->mutex);
        int sum = 0;
        for (const auto& [host, count] : state_->asked) sum += host.starts_with(prefix) ? count : 0;
        return sum;
    }

 private:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        std::map<std::string, int> asked;
        bool is_over = false;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

class Answers {
 public:
    [[nodiscard]] NameLookup::Done take(const std::string& host) {
        return [this, host](const Result<NameLookup::Addresses>& found) {
            const std::lock_guard lock(mutex_);
            codes_[host].push_back(found ? ErrorCode{0} : found.error().code);
        };
    }
    [[nodiscard]] std::size_t count(const std::string& host) {
        const std::lock_guard lock(mutex_);
        return codes_[host].size();
    }
    [[nodiscard]] ErrorCode last(const std::string& host) {
        const std::lock_guard lock(mutex_);
        return codes_[host].back();
    }

 private:
    std::mutex mutex_;
    std::map<std::string, std::vector<ErrorCode>> codes_;
};

TEST(NameLookup, AsksOnceForWhatManyWantAndAnswersAll) {
    Answers answers;
    NameLookup names([](const std::string&) -> Result<std::vector<std::string>> {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return std::vector<std::string>{"192.0.2.1", "not an address", "2001:db8::1"};
    });
    for (int i = 0; i < 5; ++i)
        names.look_up("a", 1, kNever, [done = answers.take("a")](const Result<NameLookup::Addresses>& found) {
            EXPECT_EQ(found->size(), 2U);
            done(found);
        });
    EXPECT_TRUE(eventually([&] { return answers.count("a") == 5; }));
}

TEST(NameLookup, AnAccountWithHangingNamesLeavesThreadsToOthers) {
    Servers servers;
    Answers answers;
    NameLookup names(servers.look());
    for (int i = 0; i < 40; ++i)
        for (int twice = 0; twice < 2; ++twice) {
            const std::string host = "slow" + std::to_string(i);
            names.look_up(host, 1, kNever, answers.take(host));
        }
    ASSERT_TRUE(eventually([&] { return servers.asked("slow") == NameLookup::kThreads / 2; }));
    for (std::uint64_t other = 2; other < 5; ++other) {
        const std::string host = "quick" + std::to_string(other);
        names.look_up(host, other, kNever, answers.take(host));
        EXPECT_TRUE(eventually([&] { return answers.count(host) == 1; })) << other;
    }
    // Also where each of many accounts has its own.
    for (int i = 0; i < 3; ++i)
        names.look_up("slow-" + std::to_string(i), static_cast<std::uint64_t>(100 + i), kNever,
                      answers.take("more"));
    names.look_up("quick", 200, kNever, answers.take("quick"));
    EXPECT_TRUE(eventually([&] { return answers.count("quick") == 1; }));
    EXPECT_EQ(servers.asked("slow0"), 1) << "who waits for the same name waits for the same answer";
}

TEST(NameLookup, NamesThatWereSlowShareAFourth) {
    std::atomic<bool> is_over{false};
    std::atomic<int> running{0}, most{0};
    std::atomic<std::uint64_t> slow_ms{NameLookup::kSlowMs + 100};
    const auto look = [&](const std::string& host) -> Result<std::vector<std::string>> {
        if (!host.starts_with("slow")) return std::vector<std::string>{"127.0.0.1"};
        const int now = running.fetch_add(1) + 1;
        most.store(std::max(most.load(), now));
        for (std::uint64_t ms = 0; ms < slow_ms.load() && !is_over.load(); ms += 10)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        running.fetch_sub(1);
        return std::vector<std::string>{"127.0.0.1"};
    };
    Answers answers;
    {
        NameLookup names(look);
        const auto ask = [&] {
            for (int i = 0; i < 8; ++i)
                names.look_up("slow" + std::to_string(i), 1, kNever, answers.take("slow"));
        };
        ask();
        ASSERT_TRUE(eventually([&] { return answers.count("slow") == 8; }));
        EXPECT_GT(most.load(), static_cast<int>(NameLookup::kSlowThreads));
        most.store(0);
        slow_ms.store(200);
        ask();
        EXPECT_TRUE(eventually([&] { return answers.count("slow") == 16; }));
        EXPECT_EQ(most.load(), static_cast<int>(NameLookup::kSlowThreads));
        is_over.store(true);
    }
}

TEST(NameLookup, WhoHasGivenUpIsLeftOutAndQueuesEnd) {
    Servers servers;
    Answers answers;
    NameLookup names(servers.look());
    for (std::size_t i = 0; i < NameLookup::kThreads / 2; ++i)
        names.look_up("slow" + std::to_string(i), 1, kNever, answers.take("slow"));
    ASSERT_TRUE(eventually([&] { return servers.asked("slow") == NameLookup::kThreads / 2; }));
    for (std::size_t i = 0; i < NameLookup::kWaitingPerAccount; ++i)
        names.look_up("late" + std::to_string(i), 1, 1, answers.take("late"));
    EXPECT_EQ(answers.count("late"), 0U);
    names.look_up("one more", 1, kNever, answers.take("one more"));
    ASSERT_EQ(answers.count("one more"), 1U);
    EXPECT_EQ(answers.last("one more"), ErrorCode::overloaded);
    names.look_up("quick", 2, kNever, answers.take("quick"));
    EXPECT_TRUE(eventually([&] { return answers.count("quick") == 1; }));
    EXPECT_EQ(servers.asked("late"), 0);
    names.close();
    names.look_up("quick", 2, kNever, answers.take("closed"));
    EXPECT_EQ(answers.last("closed"), ErrorCode::unavailable);
}

class LookingClient : public NetFixture {
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
    Servers servers_;
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
    EXPECT_LT(steady_ms() - before, kontor_test::patient_ms(5'000));
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

using LookingPeer = PeerTest;

TEST_F(LookingPeer, ANameThatHangsHoldsUpNoOtherNodeAndNotTheEnd) {
    const Servers servers;
    PeerNode one(1), two(2);
    one.options.look_up = servers.look();
    one.start();
    two.start();
    one.net->set_peers({{2, "quick.example:" + std::to_string(two.net->port())},
                        {3, "slow.example:1"},
                        {4, "slow.example:2"}});
    EXPECT_TRUE(eventually([&] { return one.is_up(2); }));
    EXPECT_TRUE(eventually([&] { return !one.last_error(3).empty(); }));
    EXPECT_EQ(servers.asked("slow"), 1);
    const std::uint64_t before = steady_ms();
    one.stop();
    EXPECT_LT(steady_ms() - before, kontor_test::patient_ms(2'000));
}

}  // namespace
}  // namespace kontor::net
