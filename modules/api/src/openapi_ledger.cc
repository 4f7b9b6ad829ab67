// The ledger API's part of the description: bodies of rows instead of parameters.
#include "openapi_ledger.h"

#include "kontor/json/writer.h"
#include "ledger_wire.h"

namespace kontor::api {
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
    return route.object == "ledger.account" ? "accounts" : "transfers";
}
bool creates(const Route& route) {
    return route.shape == Shape::ledger_create;
}
bool looks_up(const Route& route) {
    return route.shape == Shape::ledger_look_up;
}

void content(JsonWriter& json, const std::string& schema) {
    json.key("content").begin_object();
    json.key("application/json").begin_object().field_raw("schema", schema).end_object();
    json.key(kProtobufType).begin_object().field_raw("schema", kBinary).end_object();
    json.end_object();
}

}  // namespace

void ledger_request_body(JsonWriter& json, const Route& route) {
    if (!creates(route) && !looks_up(route)) return;
    const std::string item = "new_" + std::string(route.object);
    const std::string schema = creates(route) ? R"({"oneOf":[)" + schema_ref(item) + "," +
                                                    batch_of(list_name(route), schema_ref(item)) + "]}"
                                              : batch_of("ids", kIdSchema);
    json.key("requestBody").begin_object();
    content(json, schema);
    json.end_object();
}

void ledger_response(JsonWriter& json, const Route& route) {
    std::string schema = schema_ref(route.object);
    if (creates(route)) schema = R"({"oneOf":[)" + schema + "," + schema_ref("ledger.results") + "]}";
    if (looks_up(route)) schema = schema_ref("ledger." + std::string(list_name(route)));
    if (!route.params.empty())
        schema = schema_ref(route.object == "ledger.account" ? "ledger.account_list" : "ledger.history");
    content(json, schema);
}

std::string ledger_request_schemas() {
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

std::vector<std::string> ledger_samples(std::string_view kind) {
    const ledger::Account account{};
    ledger::Transfer plain{}, full{};
    full.pending_id = {0, 1};
    full.timeout_s = 1;
    ledger::PendingState state;
    state.resolved_by = {0, 1};
    const StatedTransfer shown_plain{plain, std::nullopt}, shown_full{full, state};
    if (kind == "ledger.account") return {account_body(account, WireFormat::json)};
    if (kind == "ledger.accounts") return {accounts_body({&account, 1}, std::nullopt, {}, WireFormat::json)};
    if (kind == "ledger.account_list")
        return {accounts_body({&account, 1}, std::nullopt, "/", WireFormat::json),
                accounts_body({&account, 1}, ledger::Id128{0, 1}, "/", WireFormat::json)};
    if (kind == "ledger.balance") return {balance_body(account, WireFormat::json)};
    if (kind == "ledger.history")
        return {transfers_body({&shown_plain, 1}, std::nullopt, "/", WireFormat::json),
                transfers_body({&shown_full, 1}, ledger::Id128{0, 1}, "/", WireFormat::json)};
    if (kind == "ledger.results") return {results_body(std::string(1, '\0'), WireFormat::json)};
    if (kind == "ledger.transfers")
        return {transfers_body({&shown_plain, 1}, std::nullopt, {}, WireFormat::json),
                transfers_body({&shown_full, 1}, std::nullopt, {}, WireFormat::json)};
    return {transfer_body(plain, std::nullopt, WireFormat::json),
            transfer_body(full, state, WireFormat::json)};
}

}  // namespace kontor::api
