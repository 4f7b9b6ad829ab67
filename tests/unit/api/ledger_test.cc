// /v1/ledger: statuses as answers, books of their own, histories and look-ups, and what a retry gets.
#include "kontor/ledger/ledger.h"
#include "domains/ledger_book/api_limits.h"
#include "ledger_shop.h"

namespace kontor::api::testing {

namespace ledger_limits = ledger_book::ledger_limits;

namespace {

const std::string kOne = "00000000000000000000000000000001";

TEST_F(LedgerApi, OneItemIsAnsweredWithItself) {
    const Answer made = json("/v1/ledger/accounts", account("1", {"debits_must_not_exceed_credits"}));
    ASSERT_EQ(made.status, 200) << made.text;
    EXPECT_EQ(made.json.at("object"), "ledger.account");
    EXPECT_EQ(made.json.at("id"), kOne);
    EXPECT_EQ(made.json.at("flags"), Json::array({"debits_must_not_exceed_credits"}));
    EXPECT_EQ(made.json.at("credits_posted"), "0");
    EXPECT_FALSE(made.header("Kontor-Log-Index").empty());
    open({"2"});
    const Answer poor = json("/v1/ledger/transfers", transfer("a0", "1", "2", 5));
    EXPECT_EQ(poor.status, 409);
    EXPECT_EQ(poor.error().at("code"), "exceeds_credits");
    const Answer still_poor = json("/v1/ledger/transfers", transfer("a0", "2", "1", 5));
    EXPECT_EQ(still_poor.status, 409);
    EXPECT_EQ(still_poor.error().at("code"), "id_already_failed");
    // 64-bit numbers: strings and integers come in, strings go out.
    const Answer funded = json("/v1/ledger/transfers", transfer("a1", "2", "1", "18446744073709551615"));
    ASSERT_EQ(funded.status, 200) << funded.text;
    EXPECT_EQ(funded.json.at("object"), "ledger.transfer");
    EXPECT_EQ(funded.json.at("amount"), "18446744073709551615");
    EXPECT_GE(funded.json.at("timestamp").get<std::string>(),
              "1800000000000000000");  // the batch's time in ns
    // A retry is the same transfer; a different transfer under its id is refused.
    EXPECT_EQ(json("/v1/ledger/transfers", transfer("a1", "2", "1", "18446744073709551615")).text,
              funded.text);
    const Answer other = json("/v1/ledger/transfers", transfer("a1", "2", "1", 4));
    EXPECT_EQ(other.status, 409);
    EXPECT_EQ(other.error().at("code"), "exists_with_different_amount");
    const Answer never = json("/v1/ledger/transfers", transfer("a2", "1", "1", 4));
    EXPECT_EQ(never.status, 400);
    EXPECT_EQ(never.error().at("code"), "accounts_must_be_different");
    const Answer balance = shop.get("/v1/ledger/accounts/1/balance");
    EXPECT_EQ(balance.json.at("available_to_debit"), "18446744073709551615");
    EXPECT_EQ(balance.json.at("debits_posted"), "0");
}

TEST_F(LedgerApi, ABatchAnswersItemByItem) {
    open({"1", "2"});
    EXPECT_EQ(
        statuses(json("/v1/ledger/accounts", {{"accounts", {account("1"), account("3"), account("0")}}})),
        (std::vector<std::string>{"exists", "ok", "id_must_not_be_zero"}));
    const Json transfers = {transfer("b1", "1", "2", 5), transfer("b2", "1", "9", 5),
                            transfer("b3", "1", "2", 5, {"linked"}), transfer("b4", "1", "2", 0)};
    EXPECT_EQ(statuses(json("/v1/ledger/transfers", {{"transfers", transfers}})),
              (std::vector<std::string>{"ok", "credit_account_not_found", "linked_event_failed",
                                        "amount_must_not_be_zero"}));
    EXPECT_EQ(shop.get("/v1/ledger/transfers/b3").status, 404);
}

TEST_F(LedgerApi, BooksAreApart) {
    open({"1", "2"});
    ASSERT_EQ(json("/v1/ledger/transfers", transfer("c1", "1", "2", 5)).status, 200);
    for (const std::string_view key : {kLiveKey, kOtherKey}) {
        EXPECT_EQ(shop.get("/v1/ledger/accounts/1", key).status, 404);
        EXPECT_EQ(shop.get("/v1/ledger/transfers/c1", key).status, 404);
        EXPECT_EQ(shop.get("/v1/ledger/accounts/1/transfers", key).status, 404);
        EXPECT_EQ(json("/v1/ledger/accounts/1/freeze", Json::object(), key).status, 404);
        EXPECT_EQ(json("/v1/ledger/transfers", transfer("c1", "1", "2", 5), key).error().at("code"),
                  "debit_account_not_found");
        EXPECT_EQ(json("/v1/ledger/accounts/lookup", {{"ids", {"1", "2"}}}, key).json.at("accounts").size(),
                  0U);
        // The same id is free there.
        EXPECT_EQ(json("/v1/ledger/accounts", account("1"), key).status, 200);
    }
    EXPECT_EQ(shop.get("/v1/ledger/accounts/1").json.at("debits_posted"), "5");
    EXPECT_EQ(shop.get("/v1/ledger/accounts/1", kOtherKey).json.at("debits_posted"), "0");
}

TEST_F(LedgerApi, TwoPhases) {
    open({"1", "2"});
    Json reserve = transfer("d1", "1", "2", 100, {"pending"});
    reserve["timeout"] = 60;
    const Answer reserved = json("/v1/ledger/transfers", reserve);
    EXPECT_EQ(reserved.json.at("state"), "pending");
    EXPECT_EQ(shop.get("/v1/ledger/accounts/1").json.at("debits_pending"), "100");
    const Answer posted =
        json("/v1/ledger/transfers",
             {{"id", "d2"}, {"pending_id", "d1"}, {"amount", 40}, {"flags", {"post_pending"}}});
    ASSERT_EQ(posted.status, 200) << posted.text;
    EXPECT_EQ(posted.json.at("amount"), "40");
    const Json resolved = shop.get("/v1/ledger/transfers/d1").json;
    EXPECT_EQ(resolved.at("state"), "posted");
    EXPECT_EQ(resolved.at("resolved_by"), posted.json.at("id"));
    EXPECT_EQ(shop.get("/v1/ledger/accounts/2").json.at("credits_posted"), "40");
}

// The answer of a transfer that was made is put together from the request; it must be what is stored.
TEST_F(LedgerApi, TheAnswerIsWhatIsStored) {
    open({"1", "2"});
    Json rich = transfer("e1", "1", "2", 100);
    rich["user_data_128"] = "ff00000000000000000000000000000a";
    rich["user_data_64"] = "18446744073709551615";
    rich["user_data_32"] = 7;
    Json reserve = transfer("e2", "1", "2", 50, {"pending"});
    reserve["timeout"] = 60;
    const std::vector<Json> requests = {
        rich,
        reserve,
        transfer("e3", "2", "1", 1'000, {"balancing_debit"}),
        {{"id", "e4"}, {"pending_id", "e2"}, {"amount", 20}, {"flags", {"post_pending"}}},
        transfer("e5", "1", "2", 30, {"pending"}),
        {{"id", "e6"}, {"pending_id", "e5"}, {"flags", {"void_pending"}}},
    };
    for (const Json& request : requests) {
        const Answer made = json("/v1/ledger/transfers", request);
        ASSERT_EQ(made.status, 200) << made.text;
        const Answer stored = shop.get("/v1/ledger/transfers/" + request.at("id").get<std::string>());
        EXPECT_EQ(made.text, stored.text);
    }
}

TEST_F(LedgerApi, FreezeAndClose) {
    open({"1", "2"});
    EXPECT_EQ(json("/v1/ledger/accounts/1/freeze", Json::object()).json.at("flags"), Json{"frozen"});
    EXPECT_EQ(json("/v1/ledger/transfers", transfer("e1", "1", "2", 5)).error().at("code"),
              "debit_account_frozen");
    EXPECT_EQ(json("/v1/ledger/accounts/1/unfreeze", Json::object()).json.at("flags"), Json::array());
    ASSERT_EQ(json("/v1/ledger/transfers", transfer("e2", "1", "2", 5)).status, 200);
    EXPECT_EQ(json("/v1/ledger/accounts/1/close", Json::object()).error().at("code"), "account_not_settled");
    ASSERT_EQ(json("/v1/ledger/transfers", transfer("e3", "2", "1", 5)).status, 200);
    EXPECT_EQ(json("/v1/ledger/accounts/1/close", Json::object()).json.at("flags"), Json{"closed"});
    EXPECT_EQ(json("/v1/ledger/accounts/7/close", Json::object()).status, 404);
    EXPECT_EQ(json("/v1/ledger/accounts/1/close", {{"x", 1}}).status, 400);
}

TEST_F(LedgerApi, HistoriesAreFilteredAndPaged) {
    open({"1", "2", "3"});
    for (int i = 1; i <= 9; ++i) {
        Json row = transfer("f" + std::to_string(i), i % 3 == 0 ? "2" : "1", i % 3 == 0 ? "1" : "2", i);
        row["code"] = i <= 4 ? 7 : 8;
        row["user_data_64"] = i % 2;
        row["user_data_32"] = i % 4;
        row["user_data_128"] = i == 5 ? "beef" : "0";
        ASSERT_EQ(json("/v1/ledger/transfers", row).status, 200);
    }
    const auto amounts = [&](const std::string& query) {
        std::string found;
        const Answer page = shop.get("/v1/ledger/accounts/1/transfers" + query);
        EXPECT_EQ(page.status, 200) << page.text;
        for (const Json& row : page.json.at("data")) found += row.at("amount").get<std::string>();
        return found;
    };
    EXPECT_EQ(amounts(""), "987654321");
    EXPECT_EQ(amounts("?code=7"), "4321");
    EXPECT_EQ(amounts("?direction=credit"), "963");
    EXPECT_EQ(amounts("?direction=debit&code=8"), "875");
    EXPECT_EQ(amounts("?user_data_64=1&user_data_32=3"), "73");
    EXPECT_EQ(amounts("?user_data_128=BEEF"), "5");
    const auto at = [&](const char* id) {
        return shop.get(std::string("/v1/ledger/transfers/") + id).json.at("timestamp").get<std::string>();
    };
    EXPECT_EQ(amounts("?timestamp_max=" + at("f6")), "654321");
    EXPECT_EQ(amounts("?timestamp_min=" + at("f4") + "&timestamp_max=" + at("f6")), "654");
    EXPECT_EQ(amounts("?timestamp_min=18446744073709551615"), "");
    // Page by page.
    Json page = shop.get("/v1/ledger/accounts/1/transfers?limit=4").json;
    EXPECT_EQ(page.at("has_more"), true);
    std::string all;
    for (int pages = 0; pages < 5; ++pages) {
        for (const Json& row : page.at("data")) all += row.at("amount").get<std::string>();
        if (!page.at("has_more")) break;
        page = shop.get("/v1/ledger/accounts/1/transfers?limit=4&from=" + page.at("next").get<std::string>())
                   .json;
    }
    EXPECT_EQ(all, "987654321");
    EXPECT_EQ(amounts(""), "987654321");
    EXPECT_EQ(shop.get("/v1/ledger/accounts/3/transfers").json.at("data").size(), 0U);
    for (const char* bad : {"?limit=0", "?limit=1001", "?code=x", "?direction=up", "?from=f99", "?from=zz",
                            "?nonsense=1", "?timestamp_min=-1"})
        EXPECT_EQ(shop.get(std::string("/v1/ledger/accounts/1/transfers") + bad).status, 400) << bad;
    EXPECT_EQ(shop.get("/v1/ledger/accounts/1/transfers?limit=1000").status, 200);
}

TEST_F(LedgerApi, AccountsAreListedNewestFirst) {
    for (int i = 1; i <= 9; ++i) {
        Json body = account(std::to_string(i));
        body["code"] = i % 2 == 0 ? 20 : 10;
        body["ledger"] = i <= 3 ? 2 : 1;
        body["user_data_64"] = i;
        ASSERT_EQ(json("/v1/ledger/accounts", body).status, 200);
    }
    ASSERT_EQ(json("/v1/ledger/accounts", account("a"), kLiveKey).status, 200);
    const auto ids = [&](const std::string& query) {
        const Answer answer = shop.get("/v1/ledger/accounts" + query);
        EXPECT_EQ(answer.status, 200) << answer.text;
        std::string found;
        for (const Json& row : answer.json.at("data")) found += row.at("id").get<std::string>().back();
        return found;
    };
    EXPECT_EQ(ids(""), "987654321") << "of this book alone";
    EXPECT_EQ(ids("?code=20"), "8642");
    EXPECT_EQ(ids("?ledger=2"), "321");
    EXPECT_EQ(ids("?ledger=2&code=20"), "2");
    EXPECT_EQ(ids("?user_data_64=7"), "7");
    EXPECT_EQ(ids("?user_data_32=1"), "");
    Json page = shop.get("/v1/ledger/accounts?limit=4").json;
    EXPECT_EQ(page.at("object"), "list");
    EXPECT_EQ(page.at("url"), "/v1/ledger/accounts");
    std::string all;
    for (int pages = 0; pages < 3; ++pages) {
        for (const Json& row : page.at("data")) all += row.at("id").get<std::string>().back();
        if (!page.at("has_more")) break;
        page = shop.get("/v1/ledger/accounts?limit=4&from=" + page.at("next").get<std::string>()).json;
    }
    EXPECT_EQ(all, "987654321");
    EXPECT_TRUE(page.at("next").is_null());
    EXPECT_FALSE(shop.get("/v1/ledger/accounts?limit=9").json.at("has_more")) << "no empty page at the end";
    EXPECT_TRUE(shop.get("/v1/ledger/accounts?limit=8").json.at("has_more"));
    const std::string fifth = shop.get("/v1/ledger/accounts/5").json.at("timestamp");
    EXPECT_EQ(ids("?timestamp_max=" + fifth), "54321");
    EXPECT_EQ(ids("?timestamp_min=" + fifth), "98765");
    EXPECT_FALSE(shop.get("/v1/ledger/accounts?timestamp_min=" + fifth).json.at("has_more"));
    EXPECT_EQ(ids("?timestamp_max=0"), "");
    for (const char* bad : {"?limit=0", "?limit=1001", "?code=x", "?ledger=-1", "?from=f99", "?from=zz",
                            "?from=a", "?direction=debit", "?nonsense=1"})
        EXPECT_EQ(shop.get(std::string("/v1/ledger/accounts") + bad).status, 400) << bad;
    EXPECT_EQ(ids("?limit=1000"), "987654321");
    const auto [status, bytes] = protobuf("GET", "/v1/ledger/accounts", nullptr);
    wire::Accounts found;
    ASSERT_EQ(status, 200);
    ASSERT_TRUE(found.ParseFromString(bytes));
    EXPECT_EQ(found.accounts_size(), 9);
    EXPECT_EQ(found.next_low() | found.next_high(), 0U);
}

// A filter that fits nothing: a page ends after so many rows and says where to go on.
TEST_F(LedgerApi, AListLooksAtABoundedNumberOfAccounts) {
    Json accounts = Json::array();
    for (std::size_t i = 1; i <= ledger_limits::kScanMax + 1; ++i)
        accounts.push_back(account(std::to_string(i)));
    ASSERT_EQ(json("/v1/ledger/accounts", {{"accounts", accounts}}).status, 200);
    Json page = shop.get("/v1/ledger/accounts?code=99").json;
    EXPECT_EQ(page.at("data").size(), 0U);
    EXPECT_TRUE(page.at("has_more"));
    EXPECT_EQ(page.at("next"), kOne);
    page = shop.get("/v1/ledger/accounts?code=99&from=" + kOne).json;
    EXPECT_FALSE(page.at("has_more"));
}

TEST_F(LedgerApi, LookUpsAnswerWhatThereIs) {
    open({"1", "2"});
    ASSERT_EQ(json("/v1/ledger/transfers", transfer("10", "1", "2", 5)).status, 200);
    const Answer accounts = json("/v1/ledger/accounts/lookup", {{"ids", {"2", "9", "1", "2"}}});
    ASSERT_EQ(accounts.status, 200) << accounts.text;
    ASSERT_EQ(accounts.json.at("accounts").size(), 3U);
    EXPECT_EQ(accounts.json.at("accounts")[1].at("id"), kOne);
    EXPECT_EQ(json("/v1/ledger/transfers/lookup", {{"ids", {"10"}}}).json.at("transfers").size(), 1U);
    // More than are read at once.
    Json many = Json::array();
    for (std::size_t i = 0; i < ledger_limits::kLookupPiece * 2 + 1; ++i) many.push_back("1");
    EXPECT_EQ(json("/v1/ledger/accounts/lookup", {{"ids", many}}).json.at("accounts").size(), many.size());
}

TEST_F(LedgerApi, AnIdempotencyKeyGivesTheFirstAnswerAgain) {
    open({"1", "2"});
    const Headers key = {{"Idempotency-Key", "k1"}};
    const Json body = {{"transfers", {transfer("a", "1", "2", 5), transfer("b", "1", "3", 5)}}};
    const Answer first = json("/v1/ledger/transfers", body, kTestKey, key);
    EXPECT_EQ(statuses(first), (std::vector<std::string>{"ok", "credit_account_not_found"}));
    open({"3"});
    const Answer again = json("/v1/ledger/transfers", body, kTestKey, key);
    EXPECT_EQ(again.text, first.text);
    EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
    const Answer other =
        json("/v1/ledger/transfers", {{"transfers", {transfer("c", "1", "2", 5)}}}, kTestKey, key);
    EXPECT_EQ(other.status, 400);
    EXPECT_EQ(other.error().at("type"), "idempotency_error");
    EXPECT_EQ(
        other.error().at("message"),
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        "Try using a key other than 'k1' if you meant to execute a different request.");
    // Without a key or with a new one, the id that failed stays failed, and what it asked for is not paid.
    EXPECT_EQ(statuses(json("/v1/ledger/transfers", body)),
              (std::vector<std::string>{"exists", "id_already_failed"}));
}

// "Pay 5 from an empty wallet; fund it with 5", sent twice by a client that lost the answer.
TEST_F(LedgerApi, ARetryNeverPaysLaterWhatFailedNow) {
    open({"1", "2"});
    ASSERT_EQ(json("/v1/ledger/accounts", account("3", {"debits_must_not_exceed_credits"})).status, 200);
    const Json body = {{"transfers", {transfer("a", "3", "2", 5), transfer("b", "1", "3", 5)}}};
    EXPECT_EQ(statuses(json("/v1/ledger/transfers", body)),
              (std::vector<std::string>{"exceeds_credits", "ok"}));
    const auto expect_failed = [&] {
        EXPECT_EQ(statuses(json("/v1/ledger/transfers", body)),
                  (std::vector<std::string>{"id_already_failed", "exists"}));
        EXPECT_EQ(shop.get("/v1/ledger/accounts/3").json.at("credits_posted"), "5");
        EXPECT_EQ(shop.get("/v1/ledger/accounts/3").json.at("debits_posted"), "0");
    };
    expect_failed();
    shop.service.now_ms += static_cast<std::int64_t>(ledger::kFailedKeptMs);
    expect_failed();
    EXPECT_EQ(json("/v1/ledger/transfers", transfer("c", "3", "2", 5)).status, 200);  // a new id: a new wish
}

TEST_F(LedgerApi, StateIsInEveryAnswer) {
    open({"1", "2"});
    for (const char* id : {"10", "11"})
        ASSERT_EQ(json("/v1/ledger/transfers", transfer(id, "1", "2", 5, {"pending"})).status, 200);
    ASSERT_EQ(json("/v1/ledger/transfers", {{"id", "12"}, {"pending_id", "10"}, {"flags", {"void_pending"}}})
                  .status,
              200);
    const auto expect_states = [](const Json& rows) {
        ASSERT_EQ(rows.size(), 3U);
        EXPECT_FALSE(rows[0].contains("state"));
        EXPECT_EQ(rows[1].at("state"), "pending");
        EXPECT_FALSE(rows[1].contains("resolved_by"));
        EXPECT_EQ(rows[2].at("state"), "voided");
        EXPECT_EQ(rows[2].at("resolved_by"), "00000000000000000000000000000012");
    };
    expect_states(json("/v1/ledger/transfers/lookup", {{"ids", {"12", "11", "10"}}}).json.at("transfers"));
    expect_states(shop.get("/v1/ledger/accounts/1/transfers").json.at("data"));
    wire::Transfer shown;
    ASSERT_TRUE(shown.ParseFromString(protobuf("GET", "/v1/ledger/transfers/10", nullptr).second));
    EXPECT_EQ(shown.state(), 3U);
    EXPECT_EQ(shown.resolved_by_low(), 0x12U);
    wire::Transfers history;
    ASSERT_TRUE(history.ParseFromString(protobuf("GET", "/v1/ledger/accounts/1/transfers", nullptr).second));
    ASSERT_EQ(history.transfers_size(), 3);
    EXPECT_EQ(history.transfers(1).state(), 1U);
}

// A history that is filtered by what the pending transfer said finds its posting too.
TEST_F(LedgerApi, APostingIsFoundByTheUserDataOfItsPendingTransfer) {
    open({"1", "2"});
    Json reserve = transfer("20", "1", "2", 5, {"pending"});
    reserve["user_data_64"] = 77;
    ASSERT_EQ(json("/v1/ledger/transfers", reserve).status, 200);
    ASSERT_EQ(json("/v1/ledger/transfers", {{"id", "21"}, {"pending_id", "20"}, {"flags", {"post_pending"}}})
                  .status,
              200);
    EXPECT_EQ(shop.get("/v1/ledger/accounts/1/transfers?user_data_64=77").json.at("data").size(), 2U);
}

}  // namespace
}  // namespace kontor::api::testing
