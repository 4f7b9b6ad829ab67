// Gift cards through the real API and state machine: what a merchant's program sees.
#include "examples/gift_cards/gift_cards.h"

#include "domains/routes.h"
#include "domains/webhooks/webhooks.h"
#include "examples/gift_cards/ids.h"
#include "examples/gift_cards/limits.h"
#include "examples/gift_cards/permissions.h"
#include "examples/gift_cards/tables.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/audit.h"
#include "unit/api/shop.h"

namespace kontor::gift_cards {
namespace {

using api::testing::Answer;
using api::testing::Form;
using api::testing::Json;
using api::testing::Shop;

constexpr const char* kCards = "/v1/gift_cards";

class GiftCards : public ::testing::Test {
 protected:
    Form of(const std::string& customer, const std::string& amount = "2500") {
        return {{"amount", amount}, {"currency", "eur"}, {"customer", customer}};
    }
    std::string customer() { return shop_.made("/v1/customers", {{"name", "Ada"}}).at("id"); }
    machine::AuditReport audit() {
        return machine::audit(domains::registry(), shop_.service.rows,
                              [this](store::TableId table, const store::Reader::Visitor& visit) {
                                  shop_.service.rows.visit_table(table, visit);
                              });
    }
    Shop shop_;
};

TEST_F(GiftCards, IsSoldAndFoundAgain) {
    Form form = of(customer());
    form.push_back({"metadata[order]", "7"});
    const Json card = shop_.made(kCards, form);
    EXPECT_EQ(card.at("object"), "gift_card");
    EXPECT_EQ(card.at("amount"), 2500);
    EXPECT_EQ(card.at("currency"), "eur");
    EXPECT_EQ(card.at("customer"), form[2].second);
    EXPECT_EQ(card.at("livemode"), false);
    EXPECT_EQ(card.at("metadata"), (Json{{"order", "7"}}));
    EXPECT_TRUE(card.at("id").get<std::string>().starts_with("gift_"));
    const std::string path = std::string(kCards) + "/" + card.at("id").get<std::string>();
    EXPECT_EQ(shop_.read(path), card);
    EXPECT_EQ(shop_.get(path, api::testing::kOtherKey).status, 404) << "somebody else's";
    EXPECT_EQ(shop_.get(path, api::testing::kLiveKey).status, 404);
    EXPECT_EQ(shop_.service.last_command.merchant_no(), shop_.merchant_no);
}

TEST_F(GiftCards, IsSoldOnceByItsKey) {
    const Form form = of(customer());
    const Answer first = shop_.post(kCards, form, {{"Idempotency-Key", "one"}});
    const Answer again = shop_.post(kCards, form, {{"Idempotency-Key", "one"}});
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(again.text, first.text);
    EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
    EXPECT_EQ(shop_.service.rows.count(table::gift_cards), 1U);
    const Answer other = shop_.post(kCards, of(form[2].second, "1"), {{"Idempotency-Key", "one"}});
    EXPECT_EQ(other.status, 400);
    EXPECT_EQ(other.error().at("type"), "idempotency_error");
}

TEST_F(GiftCards, IsListedInPagesAndByCustomer) {
    const std::string ada = customer(), ben = customer();
    std::vector<std::string> made;
    for (int i = 0; i < 5; ++i) made.push_back(shop_.made(kCards, of(i == 2 ? ben : ada)).at("id"));
    const Json first = shop_.read("/v1/gift_cards?limit=3");
    EXPECT_TRUE(first.at("has_more"));
    EXPECT_EQ(first.at("url"), kCards);
    const Json second = shop_.read("/v1/gift_cards?limit=3&starting_after=" + made[2]);
    EXPECT_FALSE(second.at("has_more"));
    std::vector<std::string> seen;
    for (const Json* page : {&first, &second})
        for (const Json& card : page->at("data")) seen.push_back(card.at("id"));
    EXPECT_EQ(seen, (std::vector<std::string>(made.rbegin(), made.rend())));
    const Json of_ben = shop_.read("/v1/gift_cards?customer=" + ben);
    ASSERT_EQ(of_ben.at("data").size(), 1U);
    EXPECT_EQ(of_ben.at("data").at(0).at("id"), made[2]);
}

TEST_F(GiftCards, IsAnEventThatEndpointsAreSent) {
    const std::string ada = customer();
    shop_.made("/v1/webhook_endpoints",
               {{"url", "https://shop.example/hook"}, {"enabled_events[]", "gift_card.created"}});
    shop_.made("/v1/customers", {{"name", "nobody is told of"}});
    const Json card = shop_.made(kCards, of(ada));
    const Json events = shop_.read("/v1/events?type=gift_card.created").at("data");
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events.at(0).at("data").at("object"), card);
    const auto due = webhooks::due_deliveries(shop_.service.rows, shop_.service.now_ms, 10);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_TRUE(webhooks::find_delivery(shop_.service.rows, due[0].no));
}

TEST_F(GiftCards, ShowsItsCustomerWhenAsked) {
    const std::string ada = customer();
    Form form = of(ada);
    form.push_back({"expand[]", "customer"});
    const Json card = shop_.made(kCards, form);
    EXPECT_EQ(card.at("customer").at("name"), "Ada");
    const std::string path = std::string(kCards) + "/" + card.at("id").get<std::string>();
    EXPECT_EQ(shop_.read(path).at("customer"), ada);
    EXPECT_EQ(shop_.read(path + "?expand[]=customer").at("customer").at("id"), ada);
    const Json page = shop_.read("/v1/gift_cards?expand[]=data.customer");
    EXPECT_EQ(page.at("data").at(0).at("customer").at("id"), ada);
    EXPECT_EQ(shop_.get(path + "?expand[]=amount").status, 400);
}

TEST_F(GiftCards, WhatIsWrongIsRefusedAndChangesNothing) {
    const std::string ada = customer(), gone = customer();
    EXPECT_EQ(shop_.del("/v1/customers/" + gone).status, 200);
    const auto before = shop_.service.rows.rows();
    const auto refused = [&](const Form& form, const std::string& param) {
        const Answer answer = shop_.post(kCards, form);
        EXPECT_EQ(answer.status, 400) << answer.text;
        EXPECT_EQ(answer.error().value("param", ""), param) << answer.text;
    };
    refused(of(ada, "0"), "amount");
    refused(of(ada, "-1"), "amount");
    refused({{"amount", "1"}, {"currency", "xxx"}, {"customer", ada}}, "currency");
    refused({{"amount", "1"}, {"currency", "eur"}}, "customer");
    refused(of("cus_00000000001"), "customer");
    refused(of(gone), "customer");
    std::size_t tables_changed = 0;
    for (const store::TableId id : {table::gift_cards, machine::table::links})
        tables_changed += shop_.service.rows.count(id);
    EXPECT_EQ(tables_changed, 0U);
    const auto after = shop_.service.rows.rows();
    EXPECT_EQ(before.size(), after.size()) << "a refused command leaves no row";
}

TEST_F(GiftCards, ACustomerHasSoManyAtMost) {
    const std::string ada = customer();
    for (std::size_t i = 0; i < limits::kPerCustomer; ++i)
        ASSERT_EQ(shop_.post(kCards, of(ada)).status, 200) << i;
    const Answer refused = shop_.post(kCards, of(ada));
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.error().at("code"), "gift_card_limit");
    EXPECT_EQ(shop_.post(kCards, of(customer())).status, 200) << "somebody else may";
}

TEST(GiftCardPermissions, WithoutThemNothingIsDone) {
    const std::array<const machine::Permission*, 1> only_reads = {&permission::read};
    const machine::Role reader{"reader", std::span<const machine::Permission* const>(only_reads)};
    Shop reading(0, {}, &reader), unknown(0, {}, nullptr);
    const Form form = {{"amount", "1"}, {"currency", "eur"}, {"customer", "cus_00000000001"}};
    EXPECT_EQ(reading.get(kCards).status, 200);
    EXPECT_EQ(unknown.get(kCards).status, 403);
    for (Shop* const shop : {&reading, &unknown}) {
        const std::uint64_t before = shop->service.index;
        EXPECT_EQ(shop->post(kCards, form).status, 403);
        EXPECT_EQ(shop->service.index, before);
    }
}

TEST(GiftCardDescription, HasItsPathsAndItsSchema) {
    const Json document = Json::parse(api::Api::openapi_json());
    EXPECT_TRUE(document.at("paths").at("/v1/gift_cards").contains("post"));
    EXPECT_TRUE(document.at("paths").at("/v1/gift_cards").contains("get"));
    EXPECT_TRUE(document.at("paths").at("/v1/gift_cards/{id}").contains("get"));
    const Json schema = document.at("components").at("schemas").at("gift_card");
    for (const char* field :
         {"id", "object", "amount", "created", "currency", "customer", "livemode", "metadata"})
        EXPECT_TRUE(schema.at("properties").contains(field)) << field;
}

TEST_F(GiftCards, ABrokenRowIsFound) {
    const Json made = shop_.made(kCards, of(customer()));
    ASSERT_TRUE(audit().holds());
    const auto no = parse_id(prefix::gift_card, made.at("id").get<std::string>());
    const machine::Scope scope{shop_.merchant_no, false};
    const machine::Key key = machine::object_key(scope, no.value());
    const auto card = find_gift_card(shop_.service.rows, scope, *no);
    const auto broken_by = [&](const pb::GiftCard& wrong) {
        shop_.service.rows.put(table::gift_cards, key.view(), wrong.SerializeAsString());
        const machine::AuditReport report = audit();
        shop_.service.rows.put(table::gift_cards, key.view(), card->SerializeAsString());
        std::string all;
        for (const machine::Break& one : report.breaks) all += one.first + "\n";
        return all;
    };
    pb::GiftCard wrong = *card;
    wrong.set_amount(0);
    EXPECT_NE(broken_by(wrong).find("the gift card is worth nothing"), std::string::npos);
    wrong = *card;
    wrong.set_customer_no(5);
    EXPECT_NE(broken_by(wrong).find("the gift card's customer is not there"), std::string::npos);
    const machine::Key link = machine::link_key(scope, card->customer_no(), kCustomerGiftCard, *no);
    shop_.service.rows.erase(machine::table::links, link.view());
    EXPECT_NE(broken_by(*card).find("the gift card is not found by its customer"), std::string::npos);
    shop_.service.rows.put(machine::table::links, link.view(), machine::kIndexValue);
    ASSERT_TRUE(audit().holds());
    shop_.service.rows.erase(table::gift_cards, key.view());
    EXPECT_FALSE(audit().holds()) << "a link leads nowhere";
}

}  // namespace
}  // namespace kontor::gift_cards
