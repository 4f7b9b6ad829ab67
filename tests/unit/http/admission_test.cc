// Nothing is buffered for a stranger: what a head alone decides, and how much bodies and answers may hold.

#include "byte_budget.h"
#include "http_fixture.h"
#include "kontor/http/client_address.h"

namespace kontor::http {
namespace {

class AdmissionTest : public HttpFixture {
 protected:
    // The field Account: names the account; without it the request is refused with 401.
    ServerOptions doors() {
        ServerOptions with = options();
        with.admit = [this](const Request& head) {
            ++asked_;
            EXPECT_EQ(head.body, "");
            Admission admission;
            const std::string account(head.header("Account"));
            if (head.path == "/small") admission.max_body_bytes = 10'000;
            if (account.empty() && head.path != "/small") {
                admission.refusal = Response{};
                admission.refusal->status = 401;
                admission.refusal->body = "who are you";
            } else if (!account.empty()) {
                admission.account = std::stoull(account);
            }
            return admission;
        };
        return with;
    }
    static std::string head(std::string_view target, std::size_t length, std::string_view more = "") {
        return "POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(more) +
               "Content-Length: " + std::to_string(length) + "\r\n\r\n";
    }
    // The status that these bytes get, and a clean end.
    int status_of(std::string_view bytes) {
        RawClient client(port());
        EXPECT_TRUE(client.send(bytes));
        const auto answer = client.response();
        return answer ? answer->status : 0;
    }
    std::atomic<int> asked_{0};
};

TEST_F(AdmissionTest, ARefusedHeadKeepsNoByteOfTheBody) {
    start(doors());
    RawClient client(port());
    ASSERT_TRUE(client.send(head("/hello", 1'000'000) + std::string(100'000, 'b')));
    auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 401);
    EXPECT_EQ(answer->body, "who are you");
    EXPECT_EQ(answer->headers["connection"], "close");
    EXPECT_EQ(client.end(), RawClient::End::clean);
    EXPECT_EQ(handled_.load(), 0);
    EXPECT_EQ(server_->stats().request_bytes, 0U);
    // Who waits for "100 Continue" is told at once.
    EXPECT_EQ(status_of(head("/hello", 1'000, "Expect: 100-continue\r\n")), 401);
    EXPECT_EQ(status_of(head("/hello", 20'000, "Account: 1\r\n") + std::string(20'000, 'b')), 200);
    EXPECT_EQ(status_of("POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"), 401);
}

TEST_F(AdmissionTest, WhatComesWithItsHeadIsAskedNothing) {
    start(doors());
    EXPECT_EQ(status_of(post("/hello", "small")), 200);
    EXPECT_EQ(asked_.load(), 0);
}

TEST_F(AdmissionTest, ARouteHasALimitOfItsOwn) {
    start(doors());
    EXPECT_EQ(status_of(head("/small", 10'001)), 413);
    RawClient fits(port());
    ASSERT_TRUE(fits.send(head("/small", 10'000)));
    ASSERT_TRUE(eventually([this] { return server_->stats().request_bytes == 10'000; }));
    ASSERT_TRUE(fits.send(std::string(10'000, 'b')));
    ASSERT_TRUE(fits.response());
    EXPECT_EQ(server_->stats().request_bytes, 0U);
    const std::string chunked = "POST /small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    RawClient longer(port());
    ASSERT_TRUE(longer.send(chunked));
    ASSERT_TRUE(eventually([this] { return server_->stats().request_bytes == 10'000; }));
    ASSERT_TRUE(longer.send("2711\r\n" + std::string(10'001, 'b') + "\r\n0\r\n\r\n"));
    const auto answer = longer.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 413);
}

// Above the limit of all routes: who asks nothing that is here hears that, not that its body is too large.
TEST_F(AdmissionTest, AHeadThatIsRefusedHasNoBodyLimit) {
    ServerOptions small = doors();
    small.limits.max_body_bytes = 100'000;
    start(small);
    const auto chunked = [](std::string_view more) {
        return "POST /hello HTTP/1.1\r\nHost: h\r\n" + std::string(more) +
               "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n";
    };
    EXPECT_EQ(status_of(head("/hello", 100'001)), 401);
    EXPECT_EQ(status_of(head("/hello", 100'001) + std::string(60'000, 'b')), 401);
    EXPECT_EQ(status_of(chunked("")), 401);
    EXPECT_EQ(asked_.load(), 3);
    EXPECT_EQ(status_of(head("/hello", 100'001, "Account: 1\r\n")), 413);
    EXPECT_EQ(status_of(chunked("Account: 1\r\n")), 413);
    EXPECT_EQ(status_of("POST /hello HTTP/1.1\r\nContent-Length: 100001\r\n\r\n"), 400);  // no Host
    EXPECT_EQ(server_->stats().request_bytes, 0U);
    EXPECT_EQ(handled_.load(), 0);
}

TEST_F(AdmissionTest, TheSumIsBoundedForAccountsStrangersAndAll) {
    ServerOptions small = doors();
    small.limits.max_request_bytes = 100'000;
    small.limits.max_stranger_bytes = 15'000;
    small.trusted_proxies =
        std::make_shared<const AddressRanges>(*AddressRanges::parse({"127.0.0.1"}));  // accounts only
    start(small);
    std::vector<std::unique_ptr<RawClient>> holding;
    const auto hold = [&](const std::string& bytes, std::size_t sum) {
        holding.push_back(std::make_unique<RawClient>(port()));
        ASSERT_TRUE(holding.back()->send(bytes));
        ASSERT_TRUE(eventually([&] { return server_->stats().request_bytes == sum; })) << sum;
    };
    hold(head("/hello", 30'000, "Account: 1\r\n"), 30'000);
    hold(head("/hello", 20'000, "Account: 1\r\n"), 50'000);
    EXPECT_EQ(status_of(head("/hello", 1, "Account: 1\r\n")), 429);  // its half
    hold(head("/small", 9'000), 59'000);
    EXPECT_EQ(status_of(head("/small", 6'001)), 503);  // the strangers' part
    hold(head("/hello", 41'000, "Account: 2\r\n"), 100'000);
    RawClient one(port());
    ASSERT_TRUE(one.send(head("/hello", 1, "Account: 3\r\n")));
    auto answer = one.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->headers["retry-after"], "1");
    holding.clear();
    EXPECT_TRUE(eventually([this] { return server_->stats().request_bytes == 0; }));
    EXPECT_EQ(status_of(head("/hello", 5, "Account: 3\r\n") + "hello"), 200);
}

TEST_F(AdmissionTest, AnAddressHasAShareToo) {
    ServerOptions small = doors();
    small.limits.max_request_bytes = 100'000;
    start(small);
    RawClient holding(port());
    ASSERT_TRUE(holding.send(head("/hello", 50'000, "Account: 1\r\n")));
    ASSERT_TRUE(eventually([this] { return server_->stats().request_bytes == 50'000; }));
    EXPECT_EQ(status_of(head("/hello", 1, "Account: 2\r\n")), 429);
}

TEST_F(AdmissionTest, AnswersThatNobodyReadsAreBounded) {
    ServerOptions small = options();
    small.limits.max_answer_bytes = 80U << 20U;  // /huge has 32 MiB: one fits into an address's half
    start(small);
    RawClient first(port(), true, 4096);
    ASSERT_TRUE(first.send(get("/huge")));
    ASSERT_TRUE(eventually([this] { return server_->stats().answer_bytes > 0; }));
    RawClient second(port(), true, 4096);
    ASSERT_TRUE(second.send(get("/huge")));
    const auto refused = second.response();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 429);
    EXPECT_EQ(refused->headers.at("retry-after"), "1");
    ASSERT_TRUE(second.send("POST /huge HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"));
    const auto done = second.response();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->status, 503);  // it may have been carried out
    first.abort();
    EXPECT_TRUE(eventually([this] { return server_->stats().answer_bytes == 0; }));
    EXPECT_EQ(second.send(get("/hello")) ? second.response()->status : 0, 200);
}

TEST_F(AdmissionTest, AnAnswerThatNeverFitsSaysSo) {
    ServerOptions small = options();
    small.limits.max_answer_bytes = 40U << 20U;
    start(small);
    RawClient client(port());
    ASSERT_TRUE(client.send(get("/huge")));
    const auto refused = client.response();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 400);
    EXPECT_NE(refused->body.find("ask for fewer objects"), std::string::npos) << refused->body;
    EXPECT_EQ(server_->stats().answer_bytes, 0U);
}

TEST_F(AdmissionTest, AnswersThatNobodyReadsAreBoundedForEachAccount) {
    ServerOptions small = options();
    small.limits.max_answer_bytes = 80U << 20U;
    small.trusted_proxies =
        std::make_shared<const AddressRanges>(*AddressRanges::parse({"127.0.0.1"}));  // accounts only
    start(small);
    RawClient first(port(), true, 4096);
    ASSERT_TRUE(first.send(get("/huge", "Account: 1\r\n")));
    ASSERT_TRUE(eventually([this] { return server_->stats().answer_bytes > 0; }));
    const std::size_t one = server_->stats().answer_bytes;
    RawClient second(port(), true, 4096), other(port(), true, 4096);
    ASSERT_TRUE(second.send(get("/huge", "Account: 1\r\n")));
    const auto refused = second.response();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 429);
    ASSERT_TRUE(other.send(get("/huge", "Account: 2\r\n")));
    EXPECT_TRUE(eventually([&] { return server_->stats().answer_bytes == 2 * one; }));
    EXPECT_EQ(server_->stats().open_connections, 3U);
}

TEST(ByteBudget, GivesBackWhatItTook) {
    ByteBudget budget(100, 10);
    ByteClaim one{1, "a", 40}, two{1, "b", 11}, three{2, "a", 11}, stranger{0, "c", 11}, none{3, "d", 0};
    EXPECT_EQ(budget.take(one), ByteBudget::Verdict::taken);
    EXPECT_EQ(budget.take(two), ByteBudget::Verdict::over_share);
    EXPECT_EQ(budget.take(three), ByteBudget::Verdict::over_share);
    EXPECT_EQ(budget.take(stranger), ByteBudget::Verdict::full);
    EXPECT_EQ(budget.take(none), ByteBudget::Verdict::taken);
    EXPECT_EQ(budget.held(), 40U);
    budget.give_back(one);
    budget.give_back(one);
    budget.give_back(none);
    EXPECT_EQ(budget.held(), 0U);
    EXPECT_EQ(budget.take(two), ByteBudget::Verdict::taken);
}

}  // namespace
}  // namespace kontor::http
