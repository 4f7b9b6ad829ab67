#include "kontor/surface/openapi.h"

#include <rapidjson/document.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <vector>

#include "kontor/json/error_object.h"
#include "kontor/json/schema.h"
#include "kontor/json/writer.h"
#include "kontor/machine/events.h"
#include "kontor/machine/fields.h"
#include "kontor/machine/limits.h"
#include "kontor/money/money.h"
#include "kontor/surface/lists.h"

namespace kontor::surface {

namespace {

void schema_of(JsonWriter& json, const Param& param);

void string_schema(JsonWriter& json, std::size_t max) {
    json.field("type", "string");
    if (max != 0) json.field_integer("maxLength", static_cast<std::int64_t>(max));
}

void integer_schema(JsonWriter& json, std::int64_t low, std::int64_t high) {
    json.field("type", "integer").field("format", "int64").field_integer("minimum", low);
    if (high != 0) json.field_integer("maximum", high);
}

void choices_of(JsonWriter& json, std::span<const std::string_view> choices) {
    if (choices.empty()) return;
    json.key("enum").begin_array();
    for (const std::string_view choice : choices) json.string(choice);
    json.end_array();
}

// "cus", or "(ch|re)" where there are several.
std::string id_prefixes(const Param& param) {
    if (!param.prefix.empty()) return std::string(param.prefix);
    std::string out;
    for (const std::string_view prefix : param.choices) {
        out += out.empty() ? '(' : '|';
        out += prefix;
    }
    return out + ')';
}

void properties(JsonWriter& json, std::span<const Param> params, std::span<const Param> common = {}) {
    json.field("type", "object").key("properties").begin_object();
    for (const auto& table : {params, common}) {
        for (const Param& param : table) {
            json.key(param.name);
            schema_of(json, param);
        }
    }
    json.end_object().field_boolean("additionalProperties", false);
    bool any = false;
    for (const Param& param : params) any = any || param.required;
    if (!any) return;
    json.key("required").begin_array();
    for (const Param& param : params) {
        if (param.required) json.string(param.name);
    }
    json.end_array();
}

void schema_body(JsonWriter& json, const Param& param) {
    switch (param.kind) {
        case Kind::text:
        case Kind::phone:
        case Kind::method_token:
        case Kind::descriptor:
            return string_schema(json, param.max);
        case Kind::email:
            string_schema(json, param.max);
            json.field("format", "email");
            return;
        case Kind::url:
            string_schema(json, machine::limits::kUrlBytes);
            json.field("format", "uri");
            return;
        case Kind::currency:
            json.field("type", "string").field("pattern", "^[A-Za-z]{3}$");
            return;
        case Kind::object_id:
            json.field("type", "string").field("pattern", "^" + id_prefixes(param) + "_[0-9A-Za-z]{11}$");
            return;
        case Kind::choice:
            json.field("type", "string");
            return choices_of(json, param.choices);
        case Kind::integer:
            return integer_schema(json, param.low, param.high);
        case Kind::amount:
            return integer_schema(json, 1, money::kMaxAmountMinor);
        case Kind::timestamp:
            return integer_schema(json, 0, 0);
        case Kind::boolean:
            json.field("type", "boolean");
            return;
        case Kind::metadata:
            json.field("type", "object");
            json.field_integer("maxProperties", static_cast<std::int64_t>(machine::limits::kMetadataKeys));
            json.key("propertyNames").begin_object();
            string_schema(json, machine::limits::kMetadataKeyBytes);
            json.end_object().key("additionalProperties").begin_object();
            string_schema(json, machine::limits::kMetadataValueBytes);
            json.end_object();
            return;
        case Kind::hash:
            return properties(json, param.children);
        case Kind::text_list:
            json.field("type", "array").field_integer("maxItems", param.high).key("items").begin_object();
            string_schema(json, param.max);
            choices_of(json, param.choices);
            json.end_object();
            return;
        case Kind::timestamp_range:
            json.key("anyOf").begin_array().begin_object();
            integer_schema(json, 0, 0);
            json.end_object().begin_object();
            properties(json, param.children);
            json.end_object().end_array();
            return;
    }
}

void schema_of(JsonWriter& json, const Param& param) {
    json.begin_object();
    if (!param.about.empty()) json.field("description", param.about);
    schema_body(json, param);
    json.end_object();
}

void header_parameter(JsonWriter& json, std::string_view name) {
    json.begin_object().field("$ref", "#/components/parameters/" + std::string(name)).end_object();
}

void path_and_query(JsonWriter& json, const Route& route) {
    json.key("parameters").begin_array();
    std::string_view rest = route.pattern.value;
    for (auto open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
        const auto close = rest.find('}', open);
        json.begin_object().field("name", rest.substr(open + 1, close - open - 1)).field("in", "path");
        json.field_boolean("required", true).field_raw("schema", R"({"type":"string"})").end_object();
        rest.remove_prefix(close + 1);
    }
    if (route.method.value != "POST") {
        for (const auto& table : {std::span<const Param>(route.params), common_params(route.shape)}) {
            for (const Param& param : table) {
                json.begin_object().field("name", param.name).field("in", "query");
                if (param.kind == Kind::text_list || param.kind == Kind::timestamp_range ||
                    param.kind == Kind::hash) {
                    json.field("style", "deepObject").field_boolean("explode", true);
                }
                json.key("schema");
                schema_of(json, param);
                json.end_object();
            }
        }
    }
    if (route.shape.value != Shape::document) header_parameter(json, "StripeVersion");
    if (route.method.value == "POST") header_parameter(json, "IdempotencyKey");
    json.end_array();
}

void request_body(JsonWriter& json, const Route& route) {
    if (route.method.value != "POST") return;
    if (route.own) return (*route.own)->request.value(json, route);
    json.key("requestBody").begin_object().key("content").begin_object();
    for (const std::string_view type : {"application/x-www-form-urlencoded", "application/json"}) {
        json.key(type).begin_object().key("schema").begin_object();
        properties(json, route.params, common_params(route.shape));
        json.end_object();
        if (type != "application/json") {
            // Hashes and lists go into brackets: metadata[order]=1, expand[0]=customer.
            json.key("encoding").begin_object();
            for (const auto& table : {std::span<const Param>(route.params), common_params(route.shape)}) {
                for (const Param& param : table) {
                    if (param.kind != Kind::metadata && param.kind != Kind::hash &&
                        param.kind != Kind::text_list)
                        continue;
                    json.key(param.name).begin_object();
                    json.field("style", "deepObject").field_boolean("explode", true).end_object();
                }
            }
            json.end_object();
        }
        json.end_object();
    }
    json.end_object().end_object();
}

void other_responses(JsonWriter& json, const Route& route) {
    if (route.shape.value != Shape::document)
        json.key("429").begin_object().field("$ref", "#/components/responses/too_many_requests").end_object();
    json.key("default").begin_object().field("$ref", "#/components/responses/error").end_object();
}

void responses(JsonWriter& json, const Route& route) {
    json.key("responses").begin_object().key("200").begin_object().field("description", "Done.");
    if (route.own) {
        (*route.own)->response.value(json, route);
        json.end_object();
        other_responses(json, route);
        json.end_object();
        return;
    }
    json.key("content").begin_object().key("application/json").begin_object().key("schema");
    if (route.shape.value == Shape::list) {
        fields::write_schema(json, kListShape, route.object);
    } else if (route.method.value == "DELETE") {
        fields::write_reference(json, fields::kDeletedObject);
    } else if (route.shape.value == Shape::document) {
        json.begin_object().field("type", "object").end_object();
    } else {
        fields::write_reference(json, route.object);
    }
    json.end_object().end_object().end_object();
    other_responses(json, route);
    json.end_object();
}

void operation(JsonWriter& json, const Route& route) {
    std::string method(route.method.value);
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    json.key(method).begin_object().field("operationId", route.operation).field("summary", route.about);
    if (route.shape.value == Shape::document) json.field_raw("security", "[]");
    path_and_query(json, route);
    request_body(json, route);
    responses(json, route);
    json.end_object();
}

void paths(JsonWriter& json, std::span<const Route> routes) {
    json.key("paths").begin_object();
    std::vector<std::string_view> done;
    for (const Route& first : routes) {
        if (std::find(done.begin(), done.end(), first.pattern.value) != done.end()) continue;
        done.push_back(first.pattern);
        json.key(first.pattern).begin_object();
        for (const Route& route : routes) {
            if (route.pattern.value == first.pattern.value) operation(json, route);
        }
        json.end_object();
    }
    json.end_object();
}

// "components.schemas": the objects by name; a family ("ledger.…") stays as its resource has it.
void schemas(JsonWriter& json, const Catalogue& catalogue) {
    std::vector<const fields::Shape*> objects = {&machine::kDeletedShape, &kErrorShape};
    for (const Resource* resource : catalogue.resources())
        objects.insert(objects.end(), resource->objects.begin(), resource->objects.end());
    const auto family = [](const fields::Shape* object) {
        return object->name.substr(0, object->name.find('.'));
    };
    std::stable_sort(objects.begin(), objects.end(),
                     [&](const fields::Shape* a, const fields::Shape* b) { return family(a) < family(b); });
    std::string out;
    JsonWriter members(out);
    members.begin_object();
    for (const fields::Shape* object : objects) {
        members.key(object->name);
        fields::write_schema(members, *object);
    }
    for (const Resource* resource : catalogue.resources())
        if (resource->schemas.value != nullptr) out += ',' + resource->schemas.value();
    members.end_object();
    json.field_raw("schemas", out);
}

void components(JsonWriter& json, const Catalogue& catalogue) {
    json.key("components").begin_object();
    json.field_raw(
        "securitySchemes",
        R"({"bearer":{"type":"http","scheme":"bearer"},"basic":{"type":"http","scheme":"basic","description":"The key as user name, no password."}})");
    json.key("parameters").begin_object();
    json.field_raw(
        "IdempotencyKey",
        R"({"name":"Idempotency-Key","in":"header","description":"The same key with the same parameters gives the first answer again, for at least 24 hours.","schema":{"type":"string","maxLength":255}})");
    json.field_raw(
        "StripeVersion",
        R"({"name":"Stripe-Version","in":"header","description":"Echoed; answers have one shape.","schema":{"type":"string","pattern":"^[0-9]{4}-[0-9]{2}-[0-9]{2}(\\.[0-9a-z_]+)?$"}})");
    json.end_object();
    json.field_raw(
        "responses",
        R"({"error":{"description":"Refused or failed.","content":{"application/json":{"schema":{"$ref":"#/components/schemas/error"}}}},)"
        R"("too_many_requests":{"description":"Too many requests: send it again after Retry-After. The RateLimit fields are there where a rate of [limits] was looked at, in other answers too.","headers":{)"
        R"("Retry-After":{"description":"Seconds.","schema":{"type":"integer"}},)"
        R"("RateLimit-Limit":{"description":"Requests at once by a caller that was quiet.","schema":{"type":"integer"}},)"
        R"("RateLimit-Remaining":{"description":"Of these, what is left.","schema":{"type":"integer"}},)"
        R"("RateLimit-Reset":{"description":"Seconds until all of them are there again.","schema":{"type":"integer"}}},)"
        R"("content":{"application/json":{"schema":{"$ref":"#/components/schemas/error"}}}}})");
    schemas(json, catalogue);
    json.end_object();
}

void no_request(JsonWriter& /*json*/, const Route& /*route*/) {}

void object_or_deleted(JsonWriter& json, const Route& route) {
    json.key("content").begin_object().key("application/json").begin_object().key("schema");
    json.begin_object().key("anyOf").begin_array();
    fields::write_reference(json, route.object);
    fields::write_reference(json, fields::kDeletedObject);
    json.end_array().end_object().end_object().end_object();
}

std::string pretty(const std::string& compact) {
    rapidjson::Document document;
    document.Parse(compact.data(), compact.size());
    KONTOR_ASSERT(!document.HasParseError(), "the description is JSON");
    rapidjson::StringBuffer buffer;
    rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
    writer.SetIndent(' ', 1);
    document.Accept(writer);
    return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace

constinit const OwnBodies kMayBeDeleted{no_request, object_or_deleted};

std::string build_openapi(const Catalogue& catalogue) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().field("openapi", "3.1.0");
    json.key("info")
        .begin_object()
        .field("title", "Kontor merchant API")
        .field("version", machine::kApiVersion);
    json.field(
        "description",
        "Payments in the shape that the official Stripe client libraries speak: only the host changes. "
        "An unknown parameter is an error that names it.");
    json.key("license")
        .begin_object()
        .field("name", "Apache-2.0")
        .field("identifier", "Apache-2.0")
        .end_object();
    json.end_object();
    json.field_raw("servers", R"([{"url":"/"}])");
    json.field_raw("security", R"([{"bearer":[]},{"basic":[]}])");
    paths(json, catalogue.routes());
    components(json, catalogue);
    json.end_object();
    return pretty(out);
}

}  // namespace kontor::surface
