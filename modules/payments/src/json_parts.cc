#include "json_parts.h"

#include <algorithm>

#include "kontor/base/assert.h"
#include "kontor/base/object_id.h"
#include "kontor/commands.pb.h"
#include "kontor/money/money.h"

namespace kontor::payments::parts {

namespace {

template <typename T>
const T* find(const google::protobuf::RepeatedPtrField<T>& rows, std::uint64_t no) {
    for (const T& row : rows) {
        if (row.no() == no) return &row;
    }
    return nullptr;
}

// The object's JSON by `render` when it was asked for and is there; else the id.
template <typename T, typename Render>
void reference(JsonWriter& json, std::string_view field, std::string_view id_prefix, std::uint64_t no,
               const Expansion& expansion,
               const google::protobuf::RepeatedPtrField<T>& (pb::Expanded::*rows)() const, Render render) {
    if (no != 0 && expansion.objects != nullptr && names(expansion, field)) {
        if (const T* row = find((expansion.objects->*rows)(), no)) {
            json.field_raw(field, render(*row, below(expansion, field)));
            return;
        }
    }
    field_id_or_null(json, field, id_prefix, no);
}

}  // namespace

std::string_view currency_code(std::uint32_t numeric) {
    const auto currency = money::Currency::from_numeric(static_cast<std::uint16_t>(numeric));
    KONTOR_ASSERT(currency.has_value(), "a stored currency is a listed one");
    return currency->lower_code();
}

void metadata(JsonWriter& json, const google::protobuf::RepeatedPtrField<pb::Pair>& pairs) {
    json.key("metadata").begin_object();
    for (const pb::Pair& pair : pairs) json.escaped_key(pair.key()).string(pair.value());
    json.end_object();
}

void field_id_or_null(JsonWriter& json, std::string_view name, std::string_view id_prefix, std::uint64_t no) {
    if (no == 0) {
        json.field_null(name);
    } else {
        json.field(name, format_id(id_prefix, no));
    }
}

bool names(const Expansion& expansion, std::string_view field) {
    return std::any_of(expansion.paths.begin(), expansion.paths.end(), [field](std::string_view path) {
        return path.starts_with(field) && (path.size() == field.size() || path[field.size()] == '.');
    });
}

Expansion below(const Expansion& expansion, std::string_view field) {
    Expansion rest;
    rest.objects = expansion.objects;
    for (const std::string& path : expansion.paths) {
        if (path.size() > field.size() + 1 && path.starts_with(field) && path[field.size()] == '.') {
            rest.paths.push_back(path.substr(field.size() + 1));
        }
    }
    return rest;
}

void customer_reference(JsonWriter& json, std::string_view field, std::uint64_t no,
                        const Expansion& expansion) {
    reference(json, field, prefix::customer, no, expansion, &pb::Expanded::customers,
              [](const pb::Customer& row, const Expansion& rest) { return customer_json(row, rest); });
}

void intent_reference(JsonWriter& json, std::string_view field, std::uint64_t no,
                      const Expansion& expansion) {
    reference(json, field, prefix::intent, no, expansion, &pb::Expanded::payment_intents,
              [](const pb::PaymentIntent& row, const Expansion& rest) { return intent_json(row, rest); });
}

void charge_reference(JsonWriter& json, std::string_view field, std::uint64_t no,
                      const Expansion& expansion) {
    reference(json, field, prefix::charge, no, expansion, &pb::Expanded::charges,
              [](const pb::Charge& row, const Expansion& rest) { return charge_json(row, rest); });
}

void balance_transaction_reference(JsonWriter& json, std::string_view field, std::uint64_t no,
                                   const Expansion& expansion) {
    reference(json, field, prefix::balance_transaction, no, expansion, &pb::Expanded::balance_transactions,
              [](const pb::BalanceTransaction& row, const Expansion& rest) {
                  return balance_transaction_json(row, rest);
              });
}

void source_reference(JsonWriter& json, std::string_view field, std::string_view source_id,
                      const Expansion& expansion) {
    if (const auto charge_no = parse_id(prefix::charge, source_id)) {
        charge_reference(json, field, *charge_no, expansion);
    } else if (const auto refund_no = parse_id(prefix::refund, source_id)) {
        reference(json, field, prefix::refund, *refund_no, expansion, &pb::Expanded::refunds,
                  [](const pb::Refund& row, const Expansion& rest) { return refund_json(row, rest); });
    } else {
        json.field_or_null(field, source_id);
    }
}

}  // namespace kontor::payments::parts
