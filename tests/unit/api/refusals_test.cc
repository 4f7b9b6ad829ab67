// Bad input as a table: what is asked, what has to come back, what must not, and that nothing changed.
#include "shop.h"

namespace kontor::api::testing {
namespace {

struct Scenario {
    std::string name, method, target;
    Form form;
    int status;
    std::string code, param;  // "" : must not be there
    std::vector<std::string> wanted = {};
    std::vector<std::string> unwanted = {};
};

const Form kGood = {{"amount", "1000"}, {"currency", "eur"}};
Form good(Form more) {
    Form form = kGood;
    form.insert(form.end(), more.begin(), more.end());
    return form;
}
Form amount(const std::string& value) {
    return {{"amount", value}, {"currency", "eur"}};
}
Form keys(std::size_t count) {
    Form form = kGood;
    for (std::size_t i = 0; i < count; ++i) form.emplace_back("metadata[k" + std::to_string(i) + "]", "v");
    return form;
}
constexpr auto kIntents = "/v1/payment_intents";
const std::string kNoIntent = "/v1/payment_intents/pi_00000000000";
const std::string kInt = "parameter_invalid_integer";

// clang-format off
const std::vector<Scenario> kScenarios = {
    // amounts
    {"amount missing", "POST", kIntents, {{"currency", "eur"}}, 400, "parameter_missing", "amount"},
    {"amount empty", "POST", kIntents, amount(""), 400, "parameter_invalid_empty", "amount"},
    {"amount zero", "POST", kIntents, amount("0"), 400, kInt, "amount", {"greater than or equal to 1"}},
    {"amount negative", "POST", kIntents, amount("-5"), 400, kInt, "amount"},
    {"amount fraction", "POST", kIntents, amount("10.5"), 400, kInt, "amount", {"Invalid integer: 10.5"}},
    {"amount word", "POST", kIntents, amount("ten"), 400, kInt, "amount"},
    {"amount huge", "POST", kIntents, amount("99999999999999999999"), 400, kInt, "amount"},
    {"amount above the limit", "POST", kIntents, amount("1000000000000"), 400, "amount_too_large", "amount"},
    {"amount as a hash", "POST", kIntents, {{"amount[x]", "1"}, {"currency", "eur"}}, 400, kInt, "amount"},
    // currency
    {"currency missing", "POST", kIntents, {{"amount", "1"}}, 400, "parameter_missing", "currency"},
    {"currency unknown", "POST", kIntents, {{"amount", "1"}, {"currency", "xyz"}}, 400, "", "currency", {"Invalid currency: xyz"}},
    {"currency too long", "POST", kIntents, {{"amount", "1"}, {"currency", "euro"}}, 400, "", "currency"},
    {"currency empty", "POST", kIntents, {{"amount", "1"}, {"currency", ""}}, 400, "parameter_invalid_empty", "currency"},
    // names
    {"unknown parameter", "POST", kIntents, good({{"colour", "red"}}), 400, "parameter_unknown", "colour", {"Received unknown parameter: colour"}},
    {"unknown inner parameter", "POST", kIntents, good({{"automatic_payment_methods[x]", "1"}}), 400, "parameter_unknown", "automatic_payment_methods[x]"},
    {"parameter of Stripe's that we lack", "POST", kIntents, good({{"transfer_data[destination]", "acct_1"}}), 400, "parameter_unknown", "transfer_data", {"does not support"}},
    {"application fee", "POST", kIntents, good({{"application_fee_amount", "5"}}), 400, "parameter_unknown", "application_fee_amount"},
    {"key in the body", "POST", kIntents, good({{"api_key", "sk_test_x"}}), 400, "parameter_unknown", "api_key", {}, {"sk_test_x"}},
    {"key in the query", "GET", "/v1/balance?key=sk_test_abcdefghijklmnop", {}, 400, "parameter_unknown", "key", {}, {"sk_test_"}},
    // types
    {"boolean word", "POST", kIntents, good({{"confirm", "yes"}}), 400, "", "confirm", {"Invalid boolean: yes"}},
    {"choice", "POST", kIntents, good({{"capture_method", "later"}}), 400, "", "capture_method", {"automatic, automatic_async or manual"}},
    {"list as text", "POST", kIntents, good({{"payment_method_types", "card"}}), 400, "", "payment_method_types", {"Invalid array"}},
    {"list as hash", "POST", kIntents, good({{"payment_method_types[x]", "card"}}), 400, "", "payment_method_types"},
    {"type of method unknown", "POST", kIntents, good({{"payment_method_types[0]", "ideal"}}), 400, "", "payment_method_types[0]"},
    {"email", "POST", "/v1/customers", {{"email", "nobody"}}, 400, "email_invalid", "email"},
    {"email with a space", "POST", "/v1/customers", {{"email", "a b@example.com"}}, 400, "email_invalid", "email"},
    {"name too long", "POST", "/v1/customers", {{"name", std::string(257, 'x')}}, 400, "", "name", {"at most 256 characters"}},
    {"phone too long", "POST", "/v1/customers", {{"phone", std::string(21, '1')}}, 400, "", "phone"},
    {"statement descriptor", "POST", kIntents, good({{"statement_descriptor", "<shop>"}}), 400, "invalid_characters", "statement_descriptor"},
    {"statement descriptor too long", "POST", kIntents, good({{"statement_descriptor", std::string(23, 'x')}}), 400, "", "statement_descriptor"},
    // metadata
    {"51 keys", "POST", kIntents, keys(51), 400, "", "metadata", {"up to 50 keys"}},
    {"metadata value too long", "POST", kIntents, good({{"metadata[a]", std::string(501, 'x')}}), 400, "", "metadata[a]"},
    {"metadata key too long", "POST", kIntents, good({{"metadata[" + std::string(41, 'k') + "]", "v"}}), 400, "", "metadata[" + std::string(41, 'k') + "]"},
    {"metadata nested", "POST", kIntents, good({{"metadata[a][b]", "v"}}), 400, "", "metadata[a]"},
    {"metadata as a list", "POST", kIntents, good({{"metadata[]", "v"}}), 400, "", "metadata"},
    // payment methods
    {"unknown method", "POST", kIntents, good({{"payment_method", "pm_nothing"}}), 400, "resource_missing", "payment_method", {"No such PaymentMethod: 'pm_nothing'"}},
    {"method twice", "POST", kIntents, good({{"payment_method", "pm_wallet"}, {"payment_method_data[type]", "wallet"}}), 400, "parameters_exclusive", "payment_method"},
    {"card number", "POST", kIntents, good({{"payment_method_data[type]", "card"}, {"payment_method_data[card][number]", "4242424242424242"}}), 400, "parameter_unknown", "payment_method_data[card][number]", {}, {"4242424242424242"}},
    {"card data without token", "POST", kIntents, good({{"payment_method_data[type]", "card"}}), 400, "parameter_missing", "payment_method_data[card][token]"},
    {"method not among the types", "POST", kIntents, good({{"payment_method", "pm_card_visa"}, {"payment_method_types[0]", "wallet"}}), 400, "payment_intent_incompatible_payment_method", "payment_method"},
    {"automatic and types", "POST", kIntents, good({{"automatic_payment_methods[enabled]", "true"}, {"payment_method_types[0]", "card"}}), 400, "parameters_exclusive", "automatic_payment_methods"},
    {"automatic without enabled", "POST", kIntents, good({{"automatic_payment_methods[allow_redirects]", "never"}}), 400, "parameter_missing", "automatic_payment_methods[enabled]"},
    {"return_url without confirm", "POST", kIntents, good({{"return_url", "https://example.com"}}), 400, "payment_intent_invalid_parameter", "return_url"},
    {"return_url no URL", "POST", kIntents, good({{"return_url", "example"}, {"confirm", "true"}}), 400, "url_invalid", "return_url"},
    {"return_url with two fragments", "POST", kIntents, good({{"return_url", "https://example.com#a#b"}, {"confirm", "true"}}), 400, "url_invalid", "return_url"},
    {"return_url with a space in its fragment", "POST", kIntents, good({{"return_url", "https://example.com#a b"}, {"confirm", "true"}}), 400, "url_invalid", "return_url"},
    {"confirm without a method", "POST", kIntents, good({{"confirm", "true"}}), 400, "parameter_missing", "payment_method"},
    {"wallet without a customer", "POST", kIntents, good({{"payment_method", "pm_wallet"}, {"confirm", "true"}}), 400, "*", "customer"},
    // objects that are not there
    {"customer of no kind", "POST", kIntents, good({{"customer", "ada"}}), 400, "resource_missing", "customer", {"No such customer: 'ada'"}},
    {"customer that is not there", "POST", kIntents, good({{"customer", "cus_00000000000"}}), 400, "resource_missing", "customer"},
    {"customer id of another kind", "POST", kIntents, good({{"customer", "pi_00000000001"}}), 400, "resource_missing", "customer"},
    {"no such customer", "GET", "/v1/customers/cus_00000000000", {}, 404, "resource_missing", "id", {"No such customer: 'cus_00000000000'"}},
    {"customer of no kind in the path", "GET", "/v1/customers/ada", {}, 404, "resource_missing", "id"},
    {"update of no customer", "POST", "/v1/customers/cus_00000000000", {{"name", "x"}}, 404, "resource_missing", "id"},
    {"delete of no customer", "DELETE", "/v1/customers/cus_00000000000", {}, 404, "resource_missing", "id"},
    {"wallet of no customer", "GET", "/v1/customers/cus_00000000000/cash_balance", {}, 404, "resource_missing", "id"},
    {"top-up of no customer", "POST", "/v1/customers/cus_00000000000/top_ups", kGood, 404, "resource_missing", "id"},
    {"no such intent", "GET", kNoIntent, {}, 404, "resource_missing", "intent", {"No such payment_intent"}},
    {"confirm of no intent", "POST", kNoIntent + "/confirm", {}, 404, "resource_missing", "intent"},
    {"capture of no intent", "POST", kNoIntent + "/capture", {}, 404, "resource_missing", "intent"},
    {"cancel of no intent", "POST", kNoIntent + "/cancel", {}, 404, "resource_missing", "intent"},
    {"no such charge", "GET", "/v1/charges/ch_00000000000", {}, 404, "resource_missing", "id"},
    {"no such refund", "GET", "/v1/refunds/re_00000000000", {}, 404, "resource_missing", "id"},
    {"no such balance transaction", "GET", "/v1/balance_transactions/txn_00000000000", {}, 404, "resource_missing", "id"},
    {"no such event", "GET", "/v1/events/evt_00000000000", {}, 404, "resource_missing", "id"},
    {"no such endpoint", "GET", "/v1/webhook_endpoints/we_00000000000", {}, 404, "resource_missing", "id"},
    {"update of no endpoint", "POST", "/v1/webhook_endpoints/we_00000000000", {{"disabled", "true"}}, 404, "resource_missing", "id"},
    // refunds
    {"refund of nothing", "POST", "/v1/refunds", {{"amount", "5"}}, 400, "parameter_missing", "payment_intent"},
    {"refund of no charge", "POST", "/v1/refunds", {{"charge", "ch_00000000000"}}, 400, "resource_missing", "charge"},
    {"refund of no intent", "POST", "/v1/refunds", {{"payment_intent", "pi_00000000000"}}, 400, "resource_missing", "payment_intent"},
    {"refund reason", "POST", "/v1/refunds", {{"charge", "ch_00000000001"}, {"reason", "because"}}, 400, "", "reason"},
    {"refund amount zero", "POST", "/v1/refunds", {{"charge", "ch_00000000001"}, {"amount", "0"}}, 400, kInt, "amount"},
    // lists
    {"limit zero", "GET", "/v1/charges?limit=0", {}, 400, kInt, "limit"},
    {"limit above 100", "GET", "/v1/charges?limit=101", {}, 400, kInt, "limit"},
    {"limit word", "GET", "/v1/charges?limit=all", {}, 400, kInt, "limit"},
    {"cursor that is not there", "GET", "/v1/charges?starting_after=ch_00000000000", {}, 400, "resource_missing", "starting_after"},
    {"cursor of another kind", "GET", "/v1/charges?ending_before=pi_00000000000", {}, 400, "resource_missing", "ending_before"},
    {"both cursors", "GET", "/v1/charges?ending_before=ch_1&starting_after=ch_2", {}, 400, "parameters_exclusive", "starting_after"},
    {"filter by nobody", "GET", "/v1/charges?customer=cus_00000000000", {}, 400, "resource_missing", "customer"},
    {"created word", "GET", "/v1/charges?created=today", {}, 400, kInt, "created"},
    {"created range of no kind", "GET", "/v1/charges?created[after]=1", {}, 400, "parameter_unknown", "created[after]"},
    {"created range word", "GET", "/v1/charges?created[gte]=x", {}, 400, kInt, "created[gte]"},
    {"created negative", "GET", "/v1/charges?created[gte]=-1", {}, 400, kInt, "created[gte]"},
    {"type and types", "GET", "/v1/events?type=a.b&types[0]=c.d", {}, 400, "parameters_exclusive", "type"},
    {"event type that is misspelt", "GET", "/v1/events?type=charge.suceeded", {}, 400, "", "type", {"'charge.suceeded' is not an event type"}},
    {"event type of all", "GET", "/v1/events?type=*", {}, 400, "", "type"},
    {"group of event types that is malformed", "GET", "/v1/events?type=char%20ge.*", {}, 400, "", "type"},
    {"event types of which one is misspelt", "GET", "/v1/events?types[]=charge.succeeded&types[]=charge.suceeded", {}, 400, "", "types[1]"},
    {"transactions of no type", "GET", "/v1/balance_transactions?type=payout", {}, 400, "", "type", {"charge, refund or refund_failure"}},
    {"transactions of no kind of source", "GET", "/v1/balance_transactions?source=cus_00000000000", {}, 400, "resource_missing", "source", {"No such source"}},
    {"transactions of a charge that is not there", "GET", "/v1/balance_transactions?source=ch_00000000000", {}, 400, "resource_missing", "source"},
    {"customers by no email address", "GET", "/v1/customers?email=nobody", {}, 400, "email_invalid", "email"},
    {"ledger code of more than 16 bits", "GET", "/v1/ledger/accounts?code=65536", {}, 400, "parameter_invalid", "code", {"16 bits"}},
    {"filter of another list", "GET", "/v1/charges?email=a@b.c", {}, 400, "parameter_unknown", "email"},
    // expand
    {"expansion of what cannot be", "GET", kNoIntent + "?expand[]=amount", {}, 400, "parameter_unknown", "expand[0]", {"This property cannot be expanded (amount)"}},
    {"expansion on a list", "GET", "/v1/charges?expand[]=customer", {}, 400, "parameter_unknown", "expand[0]", {"data.customer"}},
    {"expansion on a list of what cannot be", "GET", "/v1/charges?expand[]=data.amount", {}, 400, "parameter_unknown", "expand[0]"},
    {"expansion too deep", "GET", kNoIntent + "?expand[]=latest_charge.payment_intent.latest_charge.payment_intent.customer", {}, 400, "parameter_unknown", "expand[0]", {"4 levels"}},
    {"expansion as text", "GET", kNoIntent + "?expand=customer", {}, 400, "", "expand"},
    {"expansion of nothing", "GET", kNoIntent + "?expand[]=", {}, 400, "parameter_invalid_empty", "expand[0]"},
    // webhook endpoints
    {"endpoint without URL", "POST", "/v1/webhook_endpoints", {{"enabled_events[]", "*"}}, 400, "parameter_missing", "url"},
    {"endpoint without events", "POST", "/v1/webhook_endpoints", {{"url", "https://example.com"}}, 400, "parameter_missing", "enabled_events"},
    {"endpoint URL with a fragment", "POST", "/v1/webhook_endpoints", {{"url", "https://example.com/hook#a"}, {"enabled_events[]", "*"}}, 400, "url_invalid", "url", {"fragments have no use here"}},
    {"endpoint URL", "POST", "/v1/webhook_endpoints", {{"url", "ftp://example.com"}, {"enabled_events[]", "*"}}, 400, "url_invalid", "url"},
    {"endpoint misspelt event", "POST", "/v1/webhook_endpoints", {{"url", "https://example.com"}, {"enabled_events[]", "charge.suceeded"}}, 400, "", "enabled_events[0]"},
    {"endpoint of another version", "POST", "/v1/webhook_endpoints", {{"url", "https://example.com"}, {"enabled_events[]", "*"}, {"api_version", "2020-08-27"}}, 400, "", "api_version"},
    // URLs
    {"unknown URL", "GET", "/v1/foo", {}, 404, "", "", {"Unrecognized request URL (GET: /v1/foo)"}},
    {"trailing slash", "GET", "/v1/customers/", {}, 404, "", ""},
    {"too long a path", "GET", "/v1/customers/a/b/c", {}, 404, "", ""},
    {"wrong method", "DELETE", "/v1/payment_intents", {}, 404, "", "", {"Unrecognized request URL (DELETE: /v1/payment_intents)"}},
    {"method that no URL has", "PATCH", "/v1/customers", {}, 404, "", "", {"Unrecognized request URL (PATCH: /v1/customers)"}},
    {"wrong method on one object", "PUT", "/v1/charges/ch_00000000000", {}, 404, "", "", {"Unrecognized request URL (PUT: /v1/charges/ch_00000000000)"}},
    {"wrong method of the description", "POST", "/v1/openapi.json", {}, 404, "", "", {"Unrecognized request URL (POST: /v1/openapi.json)"}},
};
// clang-format on

class Refusals : public ::testing::TestWithParam<Scenario> {};

TEST_P(Refusals, SayWhatIsWrongAndChangeNothing) {
    const Scenario& scenario = GetParam();
    Shop shop;
    const auto before = shop.service.rows.rows();
    const Answer answer = scenario.method == "POST" ? shop.post(scenario.target, scenario.form)
                                                    : shop.send(scenario.method, scenario.target);
    EXPECT_EQ(answer.status, scenario.status) << answer.text;
    EXPECT_EQ(answer.error().value("type", ""), "invalid_request_error") << answer.text;
    if (scenario.code != "*") {
        EXPECT_EQ(answer.error().value("code", ""), scenario.code) << answer.text;
    }
    EXPECT_EQ(answer.error().value("param", ""), scenario.param) << answer.text;
    EXPECT_NE(answer.error().value("message", ""), "");
    for (const std::string& text : scenario.wanted)
        EXPECT_NE(answer.text.find(text), std::string::npos) << answer.text;
    for (const std::string& text : scenario.unwanted)
        EXPECT_EQ(answer.text.find(text), std::string::npos) << answer.text;
    EXPECT_TRUE(answer.header("Request-Id").starts_with("req_"));
    // Time may have moved; nothing else.
    auto after = shop.service.rows.rows();
    std::erase_if(after,
                  [&](const auto& row) { return before.contains(row.first) || row.second.size() == 8; });
    EXPECT_TRUE(after.empty());
}

// A name that GoogleTest accepts. (std::regex would do, but g++ 12 warns about its inside under sanitizers.)
std::string test_name(std::size_t index, std::string name) {
    for (char& c : name) {
        if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    }
    return std::to_string(index) + "_" + name;
}

INSTANTIATE_TEST_SUITE_P(Table, Refusals, ::testing::ValuesIn(kScenarios),
                         [](const auto& row) { return test_name(row.index, row.param.name); });

}  // namespace
}  // namespace kontor::api::testing
