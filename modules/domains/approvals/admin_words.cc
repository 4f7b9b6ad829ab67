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
using surface::office::put_id;
using surface::office::put_text;

namespace {

using Fields = std::span<const CommandField>;

using Names = std::vector<std::string_view>;

void put_message(JsonWriter& json, const machine::Registry& registry, Fields fields, std::string_view bytes,
                 Names& left_out);

void put_currency(JsonWriter& json, std::uint64_t number) {
    if (number == 0)
        json.null();
    else
        json.string(currency_code(static_cast<std::uint32_t>(number)));
}

void put_command_name(JsonWriter& json, const machine::Registry& registry, std::uint64_t number) {
    const machine::Command* const record = registry.command(static_cast<std::uint32_t>(number));
    if (record == nullptr)
        json.integer(static_cast<std::int64_t>(number));
    else
        json.string(record->name.value);
}

// Numbers of a repeated field stand together.
void put_currencies(JsonWriter& json, const WireField& field) {
    if (field.is_varint) return put_currency(json, field.value);
    std::string_view rest = field.contents;
    for (std::uint64_t number = 0; !rest.empty() && machine::take_varint(rest, number);)
        put_currency(json, number);
}

bool is_list(Shown shown) {
    return shown == Shown::texts || shown == Shown::texts_if_any || shown == Shown::currencies ||
           shown == Shown::messages;
}

bool is_left_out(Shown shown) {
    return shown == Shown::personal || shown == Shown::secret;
}

// A value, or elements of a list that is begun.
void put_values(JsonWriter& json, const machine::Registry& registry, const CommandField& field,
                const WireField& wire, Names& left_out) {
    switch (field.shown.value) {
        case Shown::text:
        case Shown::texts:
        case Shown::texts_if_any:
            json.any_string(wire.contents);
            return;
        case Shown::integer:
            json.integer(static_cast<std::int64_t>(wire.value));
            return;
        case Shown::boolean:
            json.boolean(wire.value != 0);
            return;
        case Shown::currency:
            return put_currency(json, wire.value);
        case Shown::currencies:
            return put_currencies(json, wire);
        case Shown::id:
            json.string(format_id(field.prefix, wire.value));
            return;
        case Shown::command:
            return put_command_name(json, registry, wire.value);
        case Shown::messages:
            json.begin_object();
            put_message(json, registry, field.parts, wire.contents, left_out);
            json.end_object();
            return;
        case Shown::personal:
        case Shown::secret:
            return;  // put_message() has named it
    }
}

// Members in the order of the record. What is not set is not there, but for lists: an empty one takes away.
// The last one counts of a field that is there twice, as protobuf has it.
void put_message(JsonWriter& json, const machine::Registry& registry, Fields fields, std::string_view bytes,
                 Names& left_out) {
    for (const CommandField& field : fields) {
        std::vector<WireField> found;
        (void)machine::each_field(bytes, [&](const WireField& wire) {
            if (wire.number != field.number.value) return;
            if (!is_list(field.shown)) found.clear();
            found.push_back(wire);
        });
        if (is_left_out(field.shown)) {
            const bool is_new = std::ranges::find(left_out, field.name.value) == left_out.end();
            if (is_new && !found.empty()) left_out.push_back(field.name);
            continue;
        }
        if (found.empty() && (!is_list(field.shown) || field.shown.value == Shown::texts_if_any)) continue;
        json.key(field.name);
        if (is_list(field.shown)) json.begin_array();
        for (const WireField& wire : found) put_values(json, registry, field, wire, left_out);
        if (is_list(field.shown)) json.end_array();
    }
}

// The field of a body that says which mode its command is of, where its record concerns the installation.
constexpr std::string_view kModeField = "livemode";

std::string_view word_of_mode(bool livemode) {
    return livemode ? "live" : "test";
}

// A body has no field for false, so that test mode is told from no mode by the record.
std::string_view mode_word(const machine::Command& record, const pb::Command& stored,
                           std::string_view bytes) {
    if (record.concerns.value == machine::Concerns::merchant) return word_of_mode(stored.livemode());
    const Fields fields = record.approval.value.fields;
    const auto field =
        std::ranges::find(fields, kModeField, [](const CommandField& one) { return one.name.value; });
    if (field == fields.end()) return "installation";
    bool livemode = false;
    (void)machine::each_field(bytes, [&](const WireField& body) {
        if (body.number != stored.kind()) return;
        (void)machine::each_field(body.contents, [&](const WireField& wire) {
            if (wire.number == field->number.value) livemode = wire.value != 0;
        });
    });
    return word_of_mode(livemode);
}

}  // namespace

void put_command(JsonWriter& json, std::string_view member, const machine::Registry& registry,
                 std::uint64_t number) {
    put_command_name(json.key(member), registry, number);
}

void put_in_words(JsonWriter& json, const machine::Registry& registry, const pb::Command& stored) {
    const machine::Command* const record = registry.command(stored.kind());
    const bool is_merchants = record != nullptr && record->concerns.value == machine::Concerns::merchant;
    Names left_out;
    put_command(json, "command", registry, stored.kind());
    const std::string bytes = stored.SerializeAsString();
    put_text(json, "mode", record == nullptr ? std::string_view() : mode_word(*record, stored, bytes));
    put_id(json, "merchant", accounts::prefix::merchant, is_merchants ? stored.merchant_no() : 0);
    json.key("fields").begin_object();
    (void)machine::each_field(bytes, [&](const WireField& field) {
        if (record != nullptr && field.number == stored.kind())
            put_message(json, registry, record->approval.value.fields, field.contents, left_out);
    });
    json.end_object().key("left_out").begin_array();
    for (const std::string_view name : left_out) json.string(name);
    json.end_array();
}

}  // namespace kontor::approvals
