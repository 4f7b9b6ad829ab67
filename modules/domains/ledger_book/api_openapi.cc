// The ledger API's part of the description: bodies of rows instead of parameters.
#include "domains/ledger_book/api_openapi.h"

#include "domains/ledger_book/api_wire.h"
#include "kontor/json/writer.h"

namespace kontor::ledger_book {

using namespace surface;  // the routes' words

namespace {

constexpr std::string_view kBinary =
    R"({"type":"string","format":"binary","description":"kontor.ledger.v1, see /v1/ledger.proto"})";
constexpr std::string_view kIdSchema = R"({"type":"string","pattern":"^[0-9A-Fa-f]{1,32}$"})";

std::string schema_ref(std::string_view schema) {
    return R"({"$ref":"#/components/schemas/)" + std::string(schema) + "\"}";
}

// {"LIST":[ITEM, …]}
std::string batch_of(std::string_view list, std::string_view item) {
    return R"({"type":"object","additionalProperties":false,"required":[")" + std::string(list) +
           R"("],"properties":{")" + std::string(list) + R"(":{"type":"array","minItems":1,"maxItems":)" +
           std::to_string(ledger::kMaxBatch) + R"(,"items":)" + std::string(item) + "}}}";
}

std::string_view list_name(const Route& route) {
    return route.object.value == "ledger.account" ? "accounts" : "transfers";
}

void content(JsonWriter& json, const std::string& schema) {
    json.key("content").begin_object();
    json.key("application/json").begin_object().field_raw("schema", schema).end_object();
    json.key(kProtobufType).begin_object().field_raw("schema", kBinary).end_object();
    json.end_object();
}

void request(JsonWriter& json, const std::string& schema) {
    json.key("requestBody").begin_object();
    content(json, schema);
    json.end_object();
}

void no_request(JsonWriter& /*json*/, const Route& /*route*/) {}

void creation_request(JsonWriter& json, const Route& route) {
    const std::string item = "new_" + std::string(route.object.value);
    request(json,
            R"({"oneOf":[)" + schema_ref(item) + "," + batch_of(list_name(route), schema_ref(item)) + "]}");
}

void look_up_request(JsonWriter& json, const Route& /*route*/) {
    request(json, batch_of("ids", kIdSchema));
}

void one_response(JsonWriter& json, const Route& route) {
    content(json, schema_ref(route.object));
}

void creation_response(JsonWriter& json, const Route& route) {
    content(json, R"({"oneOf":[)" + schema_ref(route.object) + "," + schema_ref("ledger.results") + "]}");
}

void look_up_response(JsonWriter& json, const Route& route) {
    content(json, schema_ref("ledger." + std::string(list_name(route))));
}

void list_response(JsonWriter& json, const Route& route) {
    content(json,
            schema_ref(route.object.value == "ledger.account" ? "ledger.account_list" : "ledger.history"));
}

}  // namespace

constinit const OwnBodies kOne{no_request, one_response};
constinit const OwnBodies kCreates{creation_request, creation_response};
constinit const OwnBodies kLooksUp{look_up_request, look_up_response};
constinit const OwnBodies kLists{no_request, list_response};

std::string request_schemas() {
    const std::string number =
        R"({"anyOf":[{"type":"string","pattern":"^[0-9]{1,20}$"},{"type":"integer","minimum":0}]})";
    const std::string common = R"("id":)" + std::string(kIdSchema) +
                               R"(,"ledger":{"type":"integer","minimum":1,"maximum":4294967295})"
                               R"(,"code":{"type":"integer","minimum":1,"maximum":65535},"user_data_128":)" +
                               std::string(kIdSchema) + R"(,"user_data_64":)" + number +
                               R"(,"user_data_32":{"type":"integer","minimum":0,"maximum":4294967295})";
    return R"("new_ledger.account":{"type":"object","additionalProperties":false,"required":["id","ledger","code"],"properties":{)" +
           common +
           R"(,"flags":{"type":"array","items":{"enum":["debits_must_not_exceed_credits","credits_must_not_exceed_debits","frozen","closed"]}}}})" +
           R"(,"new_ledger.transfer":{"type":"object","additionalProperties":false,"required":["id"],"properties":{)" +
           common + R"(,"debit_account":)" + std::string(kIdSchema) + R"(,"credit_account":)" +
           std::string(kIdSchema) + R"(,"pending_id":)" + std::string(kIdSchema) + R"(,"amount":)" + number +
           R"(,"timeout":{"type":"integer","minimum":0,"maximum":4294967295})"
           R"(,"flags":{"type":"array","items":{"enum":["linked","pending","post_pending","void_pending","balancing_debit","balancing_credit"]}}}})";
}

namespace {

constexpr ledger::Id128 kNext{0, 1};

StatedTransfer plain() {
    return {ledger::Transfer{}, std::nullopt};
}

StatedTransfer full() {
    StatedTransfer shown = plain();
    shown.row.pending_id = {0, 1};
    shown.row.timeout_s = 1;
    shown.state.emplace();
    shown.state->resolved_by = {0, 1};
    return shown;
}

// With each of the two, and with a page after it.
std::vector<std::string> transfer_lists(std::string_view url, std::optional<ledger::Id128> next) {
    const StatedTransfer first = plain(), second = full();
    return {transfers_body({&first, 1}, std::nullopt, url, WireFormat::json),
            transfers_body({&second, 1}, next, url, WireFormat::json)};
}

}  // namespace

std::vector<std::string> account_samples() {
    return {account_body(ledger::Account{}, WireFormat::json)};
}
std::vector<std::string> accounts_samples() {
    const ledger::Account account{};
    return {accounts_body({&account, 1}, std::nullopt, {}, WireFormat::json)};
}
std::vector<std::string> account_list_samples() {
    const ledger::Account account{};
    return {accounts_body({&account, 1}, std::nullopt, "/", WireFormat::json),
            accounts_body({&account, 1}, kNext, "/", WireFormat::json)};
}
std::vector<std::string> balance_samples() {
    return {balance_body(ledger::Account{}, WireFormat::json)};
}
std::vector<std::string> history_samples() {
    return transfer_lists("/", kNext);
}
std::vector<std::string> results_samples() {
    return {results_body(std::string(1, '\0'), WireFormat::json)};
}
std::vector<std::string> transfer_samples() {
    const StatedTransfer shown = full();
    return {transfer_body(ledger::Transfer{}, std::nullopt, WireFormat::json),
            transfer_body(shown.row, shown.state, WireFormat::json)};
}
std::vector<std::string> transfers_samples() {
    return transfer_lists({}, std::nullopt);
}

}  // namespace kontor::ledger_book
