// The description is made from the route table; the copy in docs/ is what it makes.
#include <array>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "impl.h"
#include "kontor/ledger/ledger.h"
#include "shop.h"

namespace kontor::api::testing {
namespace {

using surface::Param;
using surface::Route;
using surface::Shape;

constexpr auto kCopy = KONTOR_SOURCE_DIR "/docs/openapi.json";

Json document() {
    return Json::parse(Api::openapi_json());
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

TEST(OpenApi, TheCopyInDocsIsCurrent) {
    if (std::getenv("KONTOR_UPDATE_DOCS") != nullptr) std::ofstream(kCopy) << Api::openapi_json();
    std::stringstream copy;
    copy << std::ifstream(kCopy).rdbuf();
    EXPECT_TRUE(copy.str() == Api::openapi_json())
        << "run this test with KONTOR_UPDATE_DOCS=1 and look at the difference";
}

// The table in docs/ledger-api.md is the one that the code goes by.
TEST(LedgerDocs, HaveEveryStatusAsItIs) {
    std::stringstream text;
    text << std::ifstream(KONTOR_SOURCE_DIR "/docs/ledger-api.md").rdbuf();
    std::string wanted;
    constexpr std::array<std::string_view, 4> kKinds{"done", "never", "stored", "changing"};
    for (std::uint16_t number = 0; number < ledger::kStatusCount; ++number) {
        const ledger::StatusTraits& row = ledger::traits_of(static_cast<ledger::Status>(number));
        wanted += "| " + std::to_string(number) + " | `" + std::string(row.name) + "` | " +
                  std::string(kKinds.at(static_cast<std::size_t>(row.kind))) + " | " +
                  (row.is_kept ? "kept" : "") + " |\n";
    }
    EXPECT_NE(text.str().find(wanted), std::string::npos) << wanted;
}

TEST(OpenApi, HasEachRouteAndParameterAndNoOther) {
    const Json paths = document().at("paths");
    std::set<std::string> wanted;
    for (const Route& route : catalogue().routes()) {
        const Json& operation = paths.at(std::string(route.pattern.value)).at(lower(route.method));
        wanted.insert(std::string(route.pattern.value) + " " + lower(route.method));
        EXPECT_EQ(operation.at("operationId"), route.operation.value);
        std::set<std::string> names;
        if (route.method.value == "POST" && route.shape.value == Shape::own) {
            continue;  // its bodies are rows: ledger_test.cc
        } else if (route.method.value == "POST") {
            for (const std::string type : {"application/json", "application/x-www-form-urlencoded"}) {
                const Json& schema = operation.at("requestBody").at("content").at(type).at("schema");
                EXPECT_EQ(schema.at("additionalProperties"), false);
                for (const auto& [name, property] : schema.at("properties").items()) names.insert(name);
            }
        } else {
            for (const Json& parameter : operation.at("parameters")) {
                if (parameter.value("in", "") == "query")
                    names.insert(parameter.at("name").get<std::string>());
            }
        }
        std::set<std::string> specified;
        for (const auto& table :
             {std::span<const Param>(route.params), surface::common_params(route.shape)}) {
            for (const Param& param : table) specified.emplace(param.name);
        }
        EXPECT_EQ(names, specified) << route.operation.value;
    }
    std::set<std::string> described;
    for (const auto& [path, operations] : paths.items()) {
        for (const auto& [method, operation] : operations.items()) described.insert(path + " " + method);
    }
    EXPECT_EQ(described, wanted);
}

TEST(OpenApi, OperationsAreUniqueAndReferencesLeadSomewhere) {
    const Json all = document();
    std::set<std::string> operations;
    for (const Route& route : catalogue().routes())
        EXPECT_TRUE(operations.emplace(route.operation.value).second) << route.operation.value;
    const std::string text = Api::openapi_json();
    for (auto at = text.find("\"#/"); at != std::string::npos; at = text.find("\"#/", at + 1)) {
        const std::string pointer = text.substr(at + 2, text.find('"', at + 1) - at - 2);
        EXPECT_TRUE(all.contains(Json::json_pointer(pointer))) << pointer;
    }
}

// Each answer of a walk through the API has exactly the fields that the description gives its kind.
void expect_described(const Json& object, const Json& schemas) {
    const std::string kind =
        object.value("deleted", false) ? "deleted" : object.at("object").get<std::string>();
    const Json& schema = schemas.at(kind);
    for (const auto& [name, value] : object.items())
        EXPECT_TRUE(schema.at("properties").contains(name)) << kind << "." << name;
    for (const Json& name : schema.at("required"))
        EXPECT_TRUE(object.contains(name.get<std::string>())) << kind << "." << name;
}

TEST(OpenApi, DescribesWhatIsAnswered) {
    const Json schemas = document().at("components").at("schemas");
    Shop shop(100);
    const std::string customer = shop.customer_with("5000");
    const Json paid = shop.paid("1000", {{"customer", customer}});
    const Json refund = shop.made("/v1/refunds", {{"payment_intent", paid.at("id")}, {"amount", "10"}});
    shop.post("/v1/payment_intents", {{"amount", "5"},
                                      {"currency", "eur"},
                                      {"payment_method", "pm_card_chargeDeclined"},
                                      {"confirm", "true"}});
    shop.made("/v1/webhook_endpoints", {{"url", "https://example.com"}, {"enabled_events[]", "*"}});
    for (const std::string target : {"/v1/balance", "/v1/account"})
        expect_described(shop.read(target), schemas);
    expect_described(shop.read("/v1/customers/" + customer + "/cash_balance"), schemas);
    for (const std::string target : {"/v1/customers", "/v1/payment_intents", "/v1/charges", "/v1/refunds",
                                     "/v1/balance_transactions", "/v1/events", "/v1/webhook_endpoints"}) {
        const Json list = shop.read(target);
        EXPECT_GT(list.at("data").size(), 0U) << target;
        for (const Json& object : list.at("data")) expect_described(object, schemas);
    }
    expect_described(shop.del("/v1/customers/" + customer).json, schemas);
}

TEST(OpenApi, SaysThatACustomerMayBeDeleted) {
    const Json one = document().at("paths").at("/v1/customers/{id}");
    const auto answers = [&](const std::string& method) {
        return one.at(method).at("responses").at("200").at("content").at("application/json").at("schema");
    };
    const auto reference = [](const std::string& name) {
        return Json{{"$ref", "#/components/schemas/" + name}};
    };
    EXPECT_EQ(answers("get"), (Json{{"anyOf", {reference("customer"), reference("deleted")}}}));
    EXPECT_EQ(answers("delete"), reference("deleted"));
    EXPECT_EQ(answers("post"), reference("customer"));
    Shop shop;
    const std::string target = "/v1/customers/" + shop.made("/v1/customers").at("id").get<std::string>();
    const Json deleted = shop.del(target).json;
    EXPECT_EQ(shop.read(target), deleted);
}

TEST(OpenApi, SaysTheContentTypeOfEachDocument) {
    const Json paths = document().at("paths");
    for (const Route& route : catalogue().routes()) {
        if (route.shape.value != Shape::document) continue;
        const std::string path(route.pattern.value);
        http::Request request;
        request.method = "GET";
        request.path = path;
        std::string type;
        Shop shop;
        shop.api->handle(std::move(request), [&](const http::Response& response) {
            for (const http::Header& header : response.headers)
                if (header.name == "Content-Type") type = header.value;
        });
        const Json& content = paths.at(path).at("get").at("responses").at("200").at("content");
        ASSERT_EQ(content.size(), 1U) << path;
        EXPECT_EQ(content.begin().key(), type.substr(0, type.find(';'))) << path;
    }
}

TEST(OpenApi, IsServedWithoutAKey) {
    Shop shop;
    const Answer answer = shop.get("/v1/openapi.json", "");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.text, Api::openapi_json());
    EXPECT_EQ(answer.json.at("openapi"), "3.1.0");
}

}  // namespace
}  // namespace kontor::api::testing
