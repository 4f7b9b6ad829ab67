// Bodies of /v1/ledger: both forms say the same, and what is wrong with one is named by its path.
#include "kontor/ledger/ledger.h"
#include "ledger_shop.h"

namespace kontor::api::testing {
namespace {

TEST_F(LedgerApi, ProtobufSaysTheSame) {
    wire::CreateAccounts accounts;
    for (int i = 1; i <= 2; ++i) {
        wire::Account& row = *accounts.add_accounts();
        row.set_id_low(static_cast<std::uint64_t>(i));
        row.set_id_high(7);
        row.set_ledger(1);
        row.set_code(10);
    }
    auto [status, bytes] = protobuf("POST", "/v1/ledger/accounts", &accounts);
    ASSERT_EQ(status, 200) << bytes;
    wire::CreateTransfers transfers;
    for (int i = 0; i < 3; ++i) {
        wire::Transfer& row = *transfers.add_transfers();
        row.set_id_low(static_cast<std::uint64_t>(100 + i / 2));
        row.set_debit_account_low(1);
        row.set_debit_account_high(7);
        row.set_credit_account_low(2);
        row.set_credit_account_high(7);
        row.set_amount(5);
        row.set_ledger(1);
        row.set_code(20);
        row.set_user_data_128_high(3);
    }
    std::tie(status, bytes) = protobuf("POST", "/v1/ledger/transfers", &transfers);
    ASSERT_EQ(status, 200) << bytes;
    wire::Results results;
    ASSERT_TRUE(results.ParseFromString(bytes));
    EXPECT_EQ(std::vector<unsigned>(results.statuses().begin(), results.statuses().end()),
              (std::vector<unsigned>{0, static_cast<unsigned>(ledger::Status::exists), 0}));
    std::tie(status, bytes) = protobuf("GET", "/v1/ledger/transfers/64", nullptr);
    wire::Transfer found;
    ASSERT_TRUE(found.ParseFromString(bytes));
    EXPECT_EQ(found.user_data_128_high(), 3U);
    EXPECT_GT(found.timestamp(), 0U);
    wire::Ids ids;
    ids.add_ids()->set_low(1);
    ids.mutable_ids(0)->set_high(7);
    std::tie(status, bytes) = protobuf("POST", "/v1/ledger/accounts/lookup", &ids);
    wire::Accounts looked_up;
    ASSERT_TRUE(looked_up.ParseFromString(bytes));
    ASSERT_EQ(looked_up.accounts_size(), 1);
    EXPECT_EQ(looked_up.accounts(0).debits_posted(), 10U);
    // What is no message, has none, or has a field that does not fit.
    wire::CreateTransfers none;
    EXPECT_EQ(protobuf("POST", "/v1/ledger/transfers", &none).first, 400);
    transfers.mutable_transfers(1)->set_code(65'536);
    std::tie(status, bytes) = protobuf("POST", "/v1/ledger/transfers", &transfers);
    EXPECT_EQ(status, 400);
    EXPECT_EQ(Json::parse(bytes).at("error").at("param"), "transfers[1][code]");
    transfers.mutable_transfers(1)->set_code(1);
    transfers.mutable_transfers(1)->set_flags(65'536);
    EXPECT_EQ(protobuf("POST", "/v1/ledger/transfers", &transfers).first, 400);
    // The ledger itself says what is wrong with what only it may fill in.
    wire::CreateTransfers stamped;
    *stamped.add_transfers() = found;
    stamped.mutable_transfers(0)->set_id_low(999);
    std::tie(status, bytes) = protobuf("POST", "/v1/ledger/transfers", &stamped);
    ASSERT_TRUE(results.ParseFromString(bytes));
    EXPECT_EQ(results.statuses(0), static_cast<unsigned>(ledger::Status::timestamp_must_be_zero));
    EXPECT_EQ(
        shop.send("POST", "/v1/ledger/transfers", "\xFF\xFF", {{"Content-Type", "application/x-protobuf"}})
            .status,
        400);
}

TEST_F(LedgerApi, TheProtoIsPublished) {
    http::Request request;
    request.method = "GET";
    request.path = "/v1/ledger.proto";
    std::string text;
    shop.api->handle(std::move(request), [&](http::Response response) { text = response.body; });
    EXPECT_NE(text.find("message CreateTransfers"), std::string::npos);
}

TEST_F(LedgerApi, BadBodiesAreNamedByTheirPath) {
    open({"1", "2"});
    struct Case {
        std::string body, param;
    };
    const std::string good = transfer("1", "1", "2", 5).dump();
    for (const auto& [body, param] : std::initializer_list<Case>{
             {R"({"transfers":[)" + good + R"(,{"id":"xyz"}]})", "transfers[1][id]"},
             {R"({"transfers":[{"id":"123456789012345678901234567890123"}]})", "transfers[0][id]"},
             {R"({"transfers":[{"id":""}]})", "transfers[0][id]"},
             {R"({"transfers":[{"id":1}]})", "transfers[0][id]"},
             {R"({"transfers":[{"amount":-1}]})", "transfers[0][amount]"},
             {R"({"transfers":[{"amount":1.5}]})", "transfers[0][amount]"},
             {R"({"transfers":[{"amount":1e3}]})", "transfers[0][amount]"},
             {R"({"transfers":[{"amount":"18446744073709551616"}]})", "transfers[0][amount]"},
             {R"({"transfers":[{"amount":null}]})", "transfers[0][amount]"},
             {R"({"transfers":[{"amount":true}]})", "transfers[0][amount]"},
             {R"({"transfers":[{"amount":{}}]})", "transfers[0][amount]"},
             {R"({"transfers":[{"amount":[1]}]})", "transfers[0][amount]"},
             {R"({"transfers":[{"code":65536}]})", "transfers[0][code]"},
             {R"({"transfers":[{"code":"7"}]})", "transfers[0][code]"},
             {R"({"transfers":[{"ledger":4294967296}]})", "transfers[0][ledger]"},
             {R"({"transfers":[{"timeout":4294967296}]})", "transfers[0][timeout]"},
             {R"({"transfers":[{"flags":"pending"}]})", "transfers[0][flags]"},
             {R"({"transfers":[{"flags":2}]})", "transfers[0][flags]"},
             {R"({"transfers":[{"flags":["pendin"]}]})", "transfers[0][flags]"},
             {R"({"transfers":[{"flags":[["pending"]]}]})", "transfers[0][flags]"},
             {R"({"transfers":[{"flags":[{}]}]})", "transfers[0][flags]"},
             {R"({"transfers":[{"timestamp":1}]})", "transfers[0][timestamp]"},
             {R"({"transfers":[{"id":"1","id":"1"}]})", "transfers[0][id]"},
             {R"({"transfers":[5]})", "transfers[0]"},
             {R"({"transfers":["5"]})", "transfers[0]"},
             {R"({"transfers":5})", "transfers"},
             {R"({"transfers":[]})", "transfers"},
             {R"({"transfers":[)" + good + R"(],"id":"1"})", "id"},
             {R"({"id":"1","transfers":[]})", "transfers"},
             {R"({"id":"1","surprise":1})", "surprise"},
             {R"({"amount":"x"})", "amount"},
             {R"({})", "transfers"},
         }) {
        const Answer answer =
            shop.send("POST", "/v1/ledger/transfers", body, {{"Content-Type", "application/json"}});
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(answer.error().value("param", ""), param) << body << answer.text;
    }
    for (const char* body : {"", "[]", "5", "{", "\"x\"", "{\"id\":\"1\"", "[{}]"}) {
        EXPECT_EQ(
            shop.send("POST", "/v1/ledger/transfers", body, {{"Content-Type", "application/json"}}).status,
            400)
            << body;
    }
    for (const auto& [body, param] : std::initializer_list<Case>{{R"({"ids":["1","xy"]})", "ids[1]"},
                                                                 {R"({"ids":[5]})", "ids[0]"},
                                                                 {R"({"ids":[{}]})", "ids[0]"},
                                                                 {R"({"ids":"1"})", "ids"},
                                                                 {R"({"id":"1"})", "id"},
                                                                 {R"({"ids":[]})", "ids"}}) {
        const Answer answer =
            shop.send("POST", "/v1/ledger/accounts/lookup", body, {{"Content-Type", "application/json"}});
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(answer.error().value("param", ""), param) << body << answer.text;
    }
    EXPECT_EQ(shop.send("POST", "/v1/ledger/transfers", "id=1", {{"Content-Type", "text/plain"}}).status,
              415);
    EXPECT_EQ(
        shop.send("POST", "/v1/ledger/transfers?x=1", good, {{"Content-Type", "application/json"}}).status,
        400);
    EXPECT_EQ(shop.get("/v1/ledger/accounts/xyz").status, 404);
    EXPECT_EQ(shop.get("/v1/ledger/transfers/1").status, 404);  // none of all this was written
    EXPECT_EQ(shop.send("DELETE", "/v1/ledger/accounts/1").status, 404);
    EXPECT_EQ(shop.get("/v1/ledger/accounts/1", "").status, 401);
}

TEST_F(LedgerApi, ABatchHasALimit) {
    open({"1", "2"});
    Json batch = Json::array(), ids = Json::array();
    for (std::size_t i = 1; i <= ledger::kMaxBatch; ++i) {
        char id[20];
        std::snprintf(id, sizeof id, "%zx", 0x1000 + i);
        batch.push_back(transfer(id, "1", "2", 1));
        ids.push_back(id);
    }
    const Answer full = json("/v1/ledger/transfers", {{"transfers", batch}});
    ASSERT_EQ(full.status, 200);
    EXPECT_EQ(full.json.at("results").size(), ledger::kMaxBatch);
    EXPECT_EQ(shop.get("/v1/ledger/accounts/1").json.at("debits_posted"), "8192");
    EXPECT_EQ(json("/v1/ledger/transfers/lookup", {{"ids", ids}}).json.at("transfers").size(),
              ledger::kMaxBatch);
    batch.push_back(transfer("1", "1", "2", 1));
    ids.push_back("1");
    for (const Answer& over : {json("/v1/ledger/transfers", {{"transfers", batch}}),
                               json("/v1/ledger/transfers/lookup", {{"ids", ids}})}) {
        EXPECT_EQ(over.status, 400);
        EXPECT_EQ(over.error().at("code"), "array_too_large");
    }
    EXPECT_EQ(shop.get("/v1/ledger/accounts/1").json.at("debits_posted"), "8192");
}

TEST_F(LedgerApi, HistoryIsNoFlag) {
    const Answer refused = json("/v1/ledger/accounts", account("1", {"history"}));
    EXPECT_EQ(refused.status, 400);
    EXPECT_NE(refused.error().at("message").get<std::string>().find("every account has its history"),
              std::string::npos);
}

}  // namespace
}  // namespace kontor::api::testing
