// The ledger API's part of the description: bodies of rows instead of parameters.
#include "domains/ledger_book/api_openapi.h"

#include "domains/ledger_book/api_handlers.h"
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

// As it is served, without the parameters of its type.
void proto_response(JsonWriter& json, const Route& /*route*/) {
    json.key("content").begin_object().key(kProtoTextType.substr(0, kProtoTextType.find(';')));
    json.begin_object().field_raw("schema", R"({"type":"string"})").end_object().end_object();
}

}  // namespace

constinit const OwnBodies kOne{no_request, one_response};
constinit const OwnBodies kCreates{creation_request, creation_response};
constinit const OwnBodies kLooksUp{look_up_request, look_up_response};
constinit const OwnBodies kLists{no_request, list_response};
constinit const OwnBodies kProtoText{no_request, proto_response};

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

}  // namespace kontor::ledger_book
