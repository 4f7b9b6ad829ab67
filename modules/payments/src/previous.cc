#include "previous.h"

#include "kontor/payments/json_writer.h"

namespace kontor::payments {
namespace {

using Pairs = google::protobuf::RepeatedPtrField<pb::Pair>;

// Both lists are sorted by key. Writes the member only when something differs.
void metadata_member(JsonWriter& json, const Pairs& before, const Pairs& after) {
    bool open = false;
    const auto member = [&](const std::string& key, const std::string* old) {
        if (!open) json.key("metadata").begin_object();
        open = true;
        json.escaped_key(key);
        if (old == nullptr) {
            json.null();
        } else {
            json.string(*old);
        }
    };
    int a = 0;
    int b = 0;
    while (a < before.size() || b < after.size()) {
        if (b == after.size() || (a < before.size() && before[a].key() < after[b].key())) {
            member(before[a].key(), &before[a].value());
            ++a;
        } else if (a == before.size() || after[b].key() < before[a].key()) {
            member(after[b].key(), nullptr);
            ++b;
        } else {
            if (before[a].value() != after[b].value()) member(before[a].key(), &before[a].value());
            ++a;
            ++b;
        }
    }
    if (open) json.end_object();
}

void text_member(JsonWriter& json, std::string_view name, const std::string& before,
                 const std::string& after) {
    if (before == after) return;
    json.key(name);
    if (before.empty()) {
        json.null();
    } else {
        json.string(before);
    }
}

std::string unless_empty(std::string object) {
    return object == "{}" ? std::string() : object;
}

}  // namespace

std::string metadata_before(const Pairs& before, const Pairs& after) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    metadata_member(json, before, after);
    json.end_object();
    return unless_empty(std::move(out));
}

std::string customer_before(const pb::Customer& before, const pb::Customer& after) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    text_member(json, "name", before.name(), after.name());
    text_member(json, "email", before.email(), after.email());
    text_member(json, "phone", before.phone(), after.phone());
    text_member(json, "description", before.description(), after.description());
    metadata_member(json, before.metadata(), after.metadata());
    json.end_object();
    return unless_empty(std::move(out));
}

}  // namespace kontor::payments
