// Schemas of the objects, inferred from what the renderers write for an empty and for a full record: a field
// that the API gains appears in the description by itself.
#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "kontor/base/assert.h"
#include "kontor/json/writer.h"
#include "kontor/machine/expand.h"
#include "kontor/surface/errors.h"
#include "object_schemas.h"

namespace kontor::surface {

namespace {

using rapidjson::Value;
using Samples = std::vector<const Value*>;

struct Subject {
    const machine::Registry& registry;
    const Sample& sample;
};

std::string_view type_of(const Value& value) {
    if (value.IsNull()) return "null";
    if (value.IsBool()) return "boolean";
    if (value.IsString()) return "string";
    if (value.IsArray()) return "array";
    if (value.IsObject()) return "object";
    return "integer";
}

void infer(JsonWriter& json, const Samples& samples, const Subject& subject, const std::string& path);

void infer_object(JsonWriter& json, const Samples& objects, const Subject& subject, const std::string& path) {
    std::map<std::string, Samples> fields;
    for (const Value* object : objects) {
        for (const auto& member : object->GetObject())
            fields[member.name.GetString()].push_back(&member.value);
    }
    // Keys of one's own, not fields of the object.
    const bool free_keys = path.ends_with("metadata") || (!path.empty() && path == subject.sample.keyed);
    if (free_keys) {
        json.key("additionalProperties").begin_object();
        json.field("type", path.ends_with("metadata") ? "string" : "integer").end_object();
        return;
    }
    json.key("properties").begin_object();
    for (const auto& [name, values] : fields) {
        json.key(name);
        infer(json, values, subject, path.empty() ? name : path + "." + name);
    }
    json.end_object();
    json.key("required").begin_array();
    for (const auto& [name, values] : fields) {
        if (values.size() == objects.size()) json.string(name);
    }
    json.end_array();
}

void infer(JsonWriter& json, const Samples& samples, const Subject& subject, const std::string& path) {
    std::vector<std::string_view> types;
    Samples objects;
    Samples elements;
    for (const Value* sample : samples) {
        const std::string_view type = type_of(*sample);
        if (std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
        if (sample->IsObject()) objects.push_back(sample);
        if (sample->IsArray()) {
            for (const Value& element : sample->GetArray()) elements.push_back(&element);
        }
    }
    json.begin_object();
    if (machine::is_expandable(subject.registry, subject.sample.kind, path)) {
        json.field("description", "Expandable.");
        if (std::find(types.begin(), types.end(), "object") == types.end()) types.push_back("object");
    }
    if (types.size() == 1) {
        json.field("type", types.front());
    } else {
        std::sort(types.begin(), types.end());
        json.key("type").begin_array();
        for (const std::string_view type : types) json.string(type);
        json.end_array();
    }
    if (!objects.empty()) infer_object(json, objects, subject, path);
    if (!elements.empty()) {
        json.key("items");
        infer(json, elements, subject, path + "[]");
    }
    json.end_object();
}

std::vector<std::string> deleted_samples() {
    return {R"({"id":"","object":"","deleted":true})"};
}

std::vector<std::string> error_samples() {
    ApiError full = invalid("…", "amount", "parameter_missing");
    full.decline_code = "generic_decline";
    full.charge_id = "ch_…";
    full.payment_intent_json = "{}";
    return {error_json(invalid("…")), error_json(full)};
}

// What is answered about any resource.
constexpr std::array kOwnSamples = {Sample{"deleted", deleted_samples}, Sample{"error", error_samples}};

}  // namespace

std::string object_schemas(const Catalogue& catalogue) {
    std::vector<const Sample*> kinds;
    for (const Sample& sample : kOwnSamples) kinds.push_back(&sample);
    for (const Resource* resource : catalogue.resources())
        for (const Sample& sample : resource->samples) kinds.push_back(&sample);
    // By name; a family ("ledger.…") stays as its resource has it.
    const auto family = [](const Sample* sample) {
        return sample->kind.value.substr(0, sample->kind.value.find('.'));
    };
    std::stable_sort(kinds.begin(), kinds.end(),
                     [&](const Sample* a, const Sample* b) { return family(a) < family(b); });
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    for (const Sample* kind : kinds) {
        const std::vector<std::string> written = kind->write.value();
        std::vector<rapidjson::Document> documents(written.size());
        Samples samples;
        for (std::size_t i = 0; i < documents.size(); ++i) {
            documents[i].Parse(written[i].data(), written[i].size());
            KONTOR_ASSERT(!documents[i].HasParseError(), "renderers write JSON");
            samples.push_back(&documents[i]);
        }
        json.key(kind->kind);
        infer(json, samples, {catalogue.registry(), *kind}, "");
    }
    json.end_object();
    return out;
}

}  // namespace kontor::surface
