#pragma once
// A shop that keeps books: /v1/ledger in JSON and in protobuf.

#include <google/protobuf/message_lite.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kontor/ledger_api.pb.h"
#include "shop.h"

namespace kontor::api::testing {

namespace wire = kontor::ledger::v1;

class LedgerApi : public ::testing::Test {
 protected:
    Answer json(std::string_view target, const Json& body, std::string_view key = kTestKey,
                Headers headers = {}) {
        headers.push_back({"Content-Type", "application/json"});
        return shop.send("POST", target, body.dump(), std::move(headers), key);
    }
    static Json account(const std::string& id, Json flags = Json::array()) {
        return {{"id", id}, {"ledger", 1}, {"code", 10}, {"flags", std::move(flags)}};
    }
    static Json transfer(const std::string& id, const std::string& debit, const std::string& credit,
                         const Json& amount, Json flags = Json::array()) {
        return {{"id", id},
                {"debit_account", debit},
                {"credit_account", credit},
                {"amount", amount},
                {"ledger", 1},
                {"code", 20},
                {"flags", std::move(flags)}};
    }
    void open(std::initializer_list<const char*> ids) {
        Json accounts = Json::array();
        for (const char* id : ids) accounts.push_back(account(id));
        const Answer made = json("/v1/ledger/accounts", {{"accounts", accounts}});
        ASSERT_EQ(made.status, 200) << made.text;
    }
    std::vector<std::string> statuses(const Answer& answer) {
        std::vector<std::string> found;
        EXPECT_EQ(answer.status, 200) << answer.text;
        for (const Json& result : answer.json.at("results")) found.push_back(result.at("status"));
        return found;
    }
    // A request in protobuf; the answer's bytes.
    std::pair<int, std::string> protobuf(std::string method, std::string target,
                                         const google::protobuf::MessageLite* body) {
        http::Request request;
        request.method = std::move(method);
        request.path = std::move(target);
        if (body != nullptr) request.body = body->SerializeAsString();
        request.headers = {{body != nullptr ? "Content-Type" : "Accept", "application/x-protobuf"},
                           {"Authorization", "Bearer " + std::string(kTestKey)}};
        std::pair<int, std::string> answer{0, ""};
        shop.api->handle(std::move(request), [&](http::Response response) {
            answer = {response.status, response.body};
        });
        return answer;
    }
    Shop shop;
};

}  // namespace kontor::api::testing
