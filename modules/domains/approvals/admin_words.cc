#include "domains/approvals/admin_words.h"

#include <algorithm>

#include "domains/accounts/ids.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/domain.h"
#include "kontor/machine/wire.h"

namespace kontor::approvals {

using machine::CommandField;
using machine::Shown;
using machine::WireField;
using surface::office::currency_code;
using surface::office::Json;

namespace {

using Fields = std::span<const CommandField>;

Json message_json(const machine::Registry& registry, Fields fields, std::string_view bytes, Json* left_out);

Json currency_json(std::uint64_t number) {
    return number == 0 ? Json(nullptr) : Json(currency_code(static_cast<std::uint32_t>(number)));
}

// Numbers of a repeated field stand together.
void append_currencies(Json& list, const WireField& field) {
    if (field.is_varint) return list.push_back(currency_json(field.value));
    std::string_view rest = field.contents;
    for (std::uint64_t number = 0; !rest.empty() && machine::take_varint(rest, number);)
        list.push_back(currency_json(number));
}

void add(const machine::Registry& registry, const CommandField& field, const WireField& wire, Json& json,
         Json* left_out) {
    const std::string name(field.name.value);
    const auto list = [&]() -> Json& {
        if (!json.contains(name)) json[name] = Json::array();
        return json[name];
    };
    switch (field.shown.value) {
        case Shown::text:
            json[name] = std::string(wire.contents);
            return;
        case Shown::texts:
            list().push_back(std::string(wire.contents));
            return;
        case Shown::integer:
            json[name] = static_cast<std::int64_t>(wire.value);
            return;
        case Shown::boolean:
            json[name] = wire.value != 0;
            return;
        case Shown::currency:
            json[name] = currency_json(wire.value);
            return;
        case Shown::currencies:
            append_currencies(list(), wire);
            return;
        case Shown::id:
            json[name] = format_id(field.prefix, wire.value);
            return;
        case Shown::command: {
            const machine::Command* const record = registry.command(static_cast<std::uint32_t>(wire.value));
            json[name] = record == nullptr ? Json(wire.value) : Json(record->name.value);
            return;
        }
        case Shown::messages:
            list().push_back(message_json(registry, field.parts, wire.contents, left_out));
            return;
        case Shown::personal:
        case Shown::secret:
            if (left_out != nullptr && std::find(left_out->begin(), left_out->end(), name) == left_out->end())
                left_out->push_back(name);
            return;
    }
}

bool is_list(Shown shown) {
    return shown == Shown::texts || shown == Shown::currencies || shown == Shown::messages;
}

// In the order of the record. What is not set is not there, but for lists: an empty one takes away.
Json message_json(const machine::Registry& registry, Fields fields, std::string_view bytes, Json* left_out) {
    Json json = Json::object();
    for (const CommandField& field : fields) {
        if (is_list(field.shown)) json[std::string(field.name.value)] = Json::array();
        (void)machine::each_field(bytes, [&](const WireField& wire) {
            if (wire.number == field.number.value) add(registry, field, wire, json, left_out);
        });
    }
    return json;
}

}  // namespace

Json in_words(const machine::Registry& registry, const pb::Command& stored) {
    const machine::Command* const record = registry.command(stored.kind());
    const bool is_merchants = record != nullptr && record->concerns.value == machine::Concerns::merchant;
    Json left_out = Json::array();
    Json fields = Json::object();
    const std::string bytes = stored.SerializeAsString();
    (void)machine::each_field(bytes, [&](const WireField& field) {
        if (record != nullptr && field.number == stored.kind())
            fields = message_json(registry, record->approval.value.fields, field.contents, &left_out);
    });
    return Json{{"command", record == nullptr ? Json(stored.kind()) : Json(record->name.value)},
                {"mode", is_merchants ? Json(stored.livemode() ? "live" : "test") : Json(nullptr)},
                {"merchant", is_merchants ? Json(format_id(accounts::prefix::merchant, stored.merchant_no()))
                                          : Json(nullptr)},
                {"fields", fields},
                {"left_out", left_out}};
}

}  // namespace kontor::approvals
