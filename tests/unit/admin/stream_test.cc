// The live side: server-sent events.

#include <mutex>

#include "kontor/admin/limits.h"
#include "office.h"

namespace kontor::admin {
namespace {

using testing::Answer;
using testing::eventually;
using testing::Json;

// What a page receives.
class Listener : public http::Stream {
 public:
    void write(std::string chunk) override {
        const std::lock_guard lock(mutex_);
        if (open_) text_ += chunk;
    }
    [[nodiscard]] bool open() const override {
        const std::lock_guard lock(mutex_);
        return open_;
    }
    void close() override {
        const std::lock_guard lock(mutex_);
        open_ = false;
    }
    [[nodiscard]] std::string text() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }
    // The data of every event of this name.
    [[nodiscard]] std::vector<Json> events(const std::string& name) const {
        const std::string all = text(), head = "event: " + name + "\ndata: ";
        std::vector<Json> found;
        for (std::size_t at = all.find(head); at != std::string::npos; at = all.find(head, at + 1)) {
            const std::size_t from = at + head.size();
            found.push_back(Json::parse(all.substr(from, all.find("\n\n", from) - from), nullptr, false));
        }
        return found;
    }

 private:
    mutable std::mutex mutex_;
    bool open_ = true;
    std::string text_;
};

class Live : public testing::Office {
 protected:
    Live() {
        ada_ = set_up("ada");
        merchant("Shop");
    }
    std::shared_ptr<Listener> listen(const std::string& mode = "test") {
        const Answer answer = get(mode + "/stream");
        EXPECT_EQ(answer.status, 200) << answer.text;
        EXPECT_EQ(answer.header("Content-Type"), "text/event-stream");
        EXPECT_EQ(answer.header("Cache-Control"), "no-store");
        EXPECT_TRUE(answer.response.on_stream);
        auto listener = std::make_shared<Listener>();
        if (answer.response.on_stream) answer.response.on_stream(listener);
        return listener;
    }
    testing::Person ada_;
};

TEST_F(Live, APageHearsOfHomeAndOfEachPayment) {
    const auto page = listen(), live_page = listen("live");
    ASSERT_TRUE(eventually([&] { return page->events("home").size() == 1; })) << "at once";
    const auto ada = customer("Ada", 10'000);
    pay(ada, 1'500, "Tea");
    ASSERT_TRUE(eventually([&] { return !page->events("payment").empty(); }));
    const Json row = page->events("payment").back();
    EXPECT_EQ(row.at("status"), "succeeded");
    EXPECT_EQ(row.at("amount"), 1'500);
    EXPECT_EQ(row.at("description"), "Tea");
    ASSERT_TRUE(eventually([&] {
        const auto homes = page->events("home");
        return !homes.back().at("totals").empty() && homes.back().at("totals")[0].at("volume") == 1'500;
    }));
    EXPECT_TRUE(live_page->events("payment").empty()) << "live mode is apart";
}

TEST_F(Live, HomeComesAtMostOnceASecondHoweverBusyItIs) {
    const auto page = listen();
    const auto ada = customer("Ada", 1'000'000);
    const auto begun = system_clock().monotonic_ms();
    for (int i = 0; i < 60; ++i) {
        pay(ada, 100, "busy");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ASSERT_TRUE(eventually([&] {
        const auto homes = page->events("home");
        return !homes.empty() && !homes.back().at("totals").empty() &&
               homes.back().at("totals")[0].at("payments") == 60;
    })) << "the last one is never lost";
    const auto took = system_clock().monotonic_ms() - begun;
    EXPECT_LE(page->events("home").size(), took / 1'000 + 2);
}

TEST_F(Live, AStreamEndsWithItsSession) {
    const auto page = listen();
    next_code();
    EXPECT_TRUE(page->open());
    EXPECT_EQ(post("logout", Json::object()).status, 200);
    EXPECT_TRUE(eventually([&] { return !page->open(); }));
}

TEST_F(Live, AStreamEndsWhenItsSessionRunsOut) {
    const auto page = listen();
    clock_.pass(limits::kSessionLifetimeMs);
    EXPECT_TRUE(eventually([&] { return !page->open(); }));
}

// A page that a node which stood still goes on with would show old figures as live.
TEST_F(Live, AStreamEndsWhereTheNodeDoesNotKnowWhatIsSoNow) {
    const auto page = listen();
    ASSERT_TRUE(eventually([&] { return page->events("home").size() == 1; }));
    knows_now_ = false;
    EXPECT_TRUE(eventually([&] { return !page->open(); }));
    knows_now_ = true;
    const auto again = listen();
    EXPECT_TRUE(eventually([&] { return again->events("home").size() == 1; }));
}

TEST_F(Live, ThereIsALimitAndAClosedPageMakesRoom) {
    std::vector<std::shared_ptr<Listener>> pages;
    for (std::size_t i = 0; i < limits::kStreamsPerSession; ++i) pages.push_back(listen());
    const Answer refused = get("stream");
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.code(), "too_many_streams");
    EXPECT_EQ(refused.header("Retry-After"), "1");
    pages.front()->close();
    EXPECT_TRUE(listen()->open());
}

TEST_F(Live, SessionsAndAddressesShareTheStreams) {
    static_assert(limits::kStreamsPerAddress % limits::kStreamsPerSession == 0 &&
                  limits::kStreams == 2 * limits::kStreamsPerAddress);
    std::vector<std::shared_ptr<Listener>> pages;
    const auto fill_an_address = [&](const std::string& address) {
        peer_ = address;
        for (std::size_t i = 0; i < limits::kStreamsPerAddress; ++i) {
            if (i % limits::kStreamsPerSession == 0) {
                next_code();
                keep(login(ada_, code(ada_)));
            }
            pages.push_back(listen());
        }
        next_code();
        keep(login(ada_, code(ada_)));
    };
    fill_an_address("192.0.2.1");
    EXPECT_EQ(get("stream").status, 503) << "a new session, and its address has its share";
    fill_an_address("192.0.2.2");
    peer_ = "192.0.2.3";
    EXPECT_EQ(get("stream").status, 503) << "all";
    pages.front()->close();
    EXPECT_TRUE(listen()->open());
}

TEST_F(Live, StopClosesAndRefuses) {
    const auto page = listen();
    const Answer early = get("stream");  // its head is on its way while the surface stops
    admin_->stop();
    EXPECT_FALSE(page->open());
    const auto late = std::make_shared<Listener>();
    early.response.on_stream(late);
    EXPECT_FALSE(late->open());
    EXPECT_EQ(get("stream").status, 503);
    EXPECT_EQ(get("session").status, 200) << "the rest still answers";
}

}  // namespace
}  // namespace kontor::admin
