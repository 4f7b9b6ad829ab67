// JSON bodies of the ledger API into rows, by one SAX pass.
#include <array>
#include <charconv>
#include <cstring>

#include "domains/ledger_book/api_wire.h"
#include "kontor/surface/params.h"
#include "kontor/surface/read_json.h"

namespace kontor::ledger_book {

using namespace surface;  // the routes' words
namespace {

enum class FieldKind : std::uint8_t { id, word, u32, u16, flags };
struct Field {
    std::string_view name;
    FieldKind kind;
    std::size_t offset;
};
struct Flag {
    std::string_view name;
    std::uint16_t bit;
};

constexpr std::array kTransferFields{
    Field{"id", FieldKind::id, offsetof(ledger::Transfer, id)},
    Field{"debit_account", FieldKind::id, offsetof(ledger::Transfer, debit_account)},
    Field{"credit_account", FieldKind::id, offsetof(ledger::Transfer, credit_account)},
    Field{"amount", FieldKind::word, offsetof(ledger::Transfer, amount)},
    Field{"ledger", FieldKind::u32, offsetof(ledger::Transfer, ledger)},
    Field{"code", FieldKind::u16, offsetof(ledger::Transfer, code)},
    Field{"flags", FieldKind::flags, offsetof(ledger::Transfer, flags)},
    Field{"pending_id", FieldKind::id, offsetof(ledger::Transfer, pending_id)},
    Field{"timeout", FieldKind::u32, offsetof(ledger::Transfer, timeout_s)},
    Field{"user_data_128", FieldKind::id, offsetof(ledger::Transfer, user_data_128)},
    Field{"user_data_64", FieldKind::word, offsetof(ledger::Transfer, user_data_64)},
    Field{"user_data_32", FieldKind::u32, offsetof(ledger::Transfer, user_data_32)},
};
constexpr std::array kAccountFields{
    Field{"id", FieldKind::id, offsetof(ledger::Account, id)},
    Field{"ledger", FieldKind::u32, offsetof(ledger::Account, ledger)},
    Field{"code", FieldKind::u16, offsetof(ledger::Account, code)},
    Field{"flags", FieldKind::flags, offsetof(ledger::Account, flags)},
    Field{"user_data_128", FieldKind::id, offsetof(ledger::Account, user_data_128)},
    Field{"user_data_64", FieldKind::word, offsetof(ledger::Account, user_data_64)},
    Field{"user_data_32", FieldKind::u32, offsetof(ledger::Account, user_data_32)},
};
constexpr std::array kTransferFlags{
    Flag{"linked", ledger::linked},
    Flag{"pending", ledger::pending},
    Flag{"post_pending", ledger::post_pending},
    Flag{"void_pending", ledger::void_pending},
    Flag{"balancing_debit", ledger::balancing_debit},
    Flag{"balancing_credit", ledger::balancing_credit},
};
constexpr std::array kAccountFlags{
    Flag{"debits_must_not_exceed_credits", ledger::debits_must_not_exceed_credits},
    Flag{"credits_must_not_exceed_debits", ledger::credits_must_not_exceed_debits},
    Flag{"frozen", ledger::frozen},
    Flag{"closed", ledger::closed},
};
static_assert(kTransferFields.size() <= 32 && kAccountFields.size() <= 32, "one bit a field that was seen");

// What the parser fills: rows as bytes, so that one parser serves all kinds.
struct Target {
    std::string_view list;  // "transfers"
    std::span<const Field> fields;
    std::span<const Flag> flags;
    char* (*add)(void* rows) = nullptr;  // a new zero row
    void* rows = nullptr;
    std::size_t count = 0;
    bool single = false;
    bool ids_only = false;  // the list holds ids, not objects
};

// SAX events in, rows out. Returning false stops the reader; `error` then says why.
class RowBuilder : public NumbersAsText {
 public:
    explicit RowBuilder(Target& target) : target_(target) {}
    std::optional<ApiError> error;

    bool StartObject() {
        switch (state_) {
            case State::start:
                state_ = State::root;
                return true;
            case State::list:
                if (target_.ids_only) return wrong("must be a string");
                state_ = State::row;
                return begin_row();
            default:
                return wrong("must not be an object");
        }
    }
    bool EndObject(rapidjson::SizeType) {
        state_ = state_ == State::row ? State::list : State::end;
        return true;
    }
    bool StartArray() {
        if (state_ == State::before_list) {
            state_ = State::list;
            return true;
        }
        if ((state_ == State::row || state_ == State::root) && field_ != nullptr &&
            field_->kind == FieldKind::flags) {
            before_flags_ = state_;
            state_ = State::flags;
            return true;
        }
        return wrong(state_ == State::start ? "must be an object" : "must not be an array");
    }
    bool EndArray(rapidjson::SizeType) {
        state_ = state_ == State::flags ? before_flags_ : State::root;
        return true;
    }
    bool Key(const char* text, rapidjson::SizeType length, bool) {
        const std::string_view name(text, length);
        if (state_ == State::root) {
            if (name == target_.list && target_.count == 0 && !saw_list_) {
                saw_list_ = true;
                state_ = State::before_list;
                return true;
            }
            if (target_.ids_only || saw_list_) return stop(unknown_parameter(printable(name)));
            if (target_.count == 0) {
                target_.single = true;
                if (!begin_row()) return false;
            }
        }
        return find_field(name);
    }
    bool String(const char* text, rapidjson::SizeType length, bool) {
        const std::string_view value(text, length);
        if (state_ == State::list && target_.ids_only) {
            if (!begin_row()) return false;
            in_id_ = true;
            const bool good = set_id(row_, value);
            in_id_ = false;
            return good;
        }
        if (state_ == State::flags) return set_flag(value);
        if (!in_field()) return wrong("must not be a string");
        switch (field_->kind) {
            case FieldKind::id:
                return set_id(row_ + field_->offset, value);
            case FieldKind::word:
                return set_number(value);
            default:
                return wrong(field_->kind == FieldKind::flags ? "must be an array of names"
                                                              : "must be an integer");
        }
    }
    bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
        if (!in_field() || field_->kind == FieldKind::flags) return wrong("must not be a number");
        if (field_->kind == FieldKind::id) return wrong("must be a string of 1 to 32 hexadecimal digits");
        return set_number(std::string_view(text, length));
    }
    bool Bool(bool) { return wrong("must not be a boolean"); }
    bool Null() { return wrong("must not be null"); }

 private:
    enum class State : std::uint8_t { start, root, before_list, list, row, flags, end };

    [[nodiscard]] bool in_field() const {
        return field_ != nullptr && (state_ == State::row || (state_ == State::root && target_.single));
    }
    [[nodiscard]] std::string param() const {
        std::string name;
        if (state_ == State::list && !in_id_)
            return std::string(target_.list) + "[" + std::to_string(target_.count) + "]";
        const bool item = target_.count > 0 && !target_.single &&
                          (state_ == State::row || state_ == State::flags || target_.ids_only);
        if (state_ == State::before_list || item) name = target_.list;
        if (item) name += "[" + std::to_string(target_.count - 1) + "]";
        if (in_field() || state_ == State::flags)
            name += target_.single ? std::string(field_->name) : "[" + std::string(field_->name) + "]";
        return name;
    }
    bool stop(ApiError what) {
        error = std::move(what);
        return false;
    }
    bool wrong(std::string_view what) {
        const std::string name = param();
        if (name.empty()) return stop(invalid("The request's JSON body must be an object."));
        return stop(
            invalid("Invalid value: '" + name + "' " + std::string(what) + ".", name, "parameter_invalid"));
    }
    bool begin_row() {
        if (target_.count == ledger::kMaxBatch) {
            return stop(invalid("A batch has at most " + std::to_string(ledger::kMaxBatch) + " items.",
                                std::string(target_.list), "array_too_large"));
        }
        row_ = target_.add(target_.rows);
        ++target_.count;
        seen_ = 0;
        next_ = 0;
        field_ = nullptr;
        return true;
    }
    // Items of a batch mostly have their fields in one order.
    bool find_field(std::string_view name) {
        const std::size_t size = target_.fields.size();
        for (std::size_t i = 0; i < size; ++i) {
            const std::size_t at = next_ + i < size ? next_ + i : next_ + i - size;
            if (target_.fields[at].name != name) continue;
            field_ = &target_.fields[at];
            next_ = at + 1 == size ? 0 : at + 1;
            const std::uint32_t bit = std::uint32_t{1} << at;
            if ((seen_ & bit) != 0)
                return stop(invalid("The parameter '" + param() + "' was given more than once.", param()));
            seen_ |= bit;
            return true;
        }
        field_ = nullptr;
        const std::string in_list = param();
        return stop(
            unknown_parameter(in_list.empty() ? printable(name) : in_list + "[" + printable(name) + "]"));
    }
    bool set_id(char* to, std::string_view value) {
        const auto id = parse_ledger_id(value);
        if (!id) return wrong("must be a string of 1 to 32 hexadecimal digits");
        std::memcpy(to, &*id, sizeof *id);
        return true;
    }
    bool set_number(std::string_view text) {
        const auto value = parse_u64(text);
        const std::uint64_t most = field_->kind == FieldKind::word  ? ~std::uint64_t{0}
                                   : field_->kind == FieldKind::u32 ? 0xFFFF'FFFFU
                                                                    : 0xFFFFU;
        if (!value || *value > most) return wrong("must be an integer from 0 to " + std::to_string(most));
        const std::size_t bytes = field_->kind == FieldKind::word  ? 8
                                  : field_->kind == FieldKind::u32 ? 4
                                                                   : 2;
        std::memcpy(row_ + field_->offset, &*value, bytes);  // little-endian, as the rows are
        return true;
    }
    bool set_flag(std::string_view name) {
        for (const Flag& flag : target_.flags) {
            if (flag.name != name) continue;
            std::uint16_t bits = 0;
            std::memcpy(&bits, row_ + field_->offset, sizeof bits);
            bits = static_cast<std::uint16_t>(bits | flag.bit);
            std::memcpy(row_ + field_->offset, &bits, sizeof bits);
            return true;
        }
        // Known from elsewhere, where it has to be asked for.
        if (name == "history") return wrong("has no flag 'history': every account has its history");
        return wrong("has no flag '" + printable(name) + "'");
    }

    Target& target_;
    State state_ = State::start, before_flags_ = State::start;
    bool saw_list_ = false, in_id_ = false;
    char* row_ = nullptr;
    const Field* field_ = nullptr;
    std::size_t next_ = 0;
    std::uint32_t seen_ = 0;
};

std::optional<ApiError> parse(std::string_view body, Target& target) {
    RowBuilder builder(target);
    if (auto error = read_json(body, builder)) return error;
    if (target.count == 0) return missing_parameter(std::string(target.list));
    return std::nullopt;
}

template <typename Row>
Target target_for(std::string_view list, std::vector<Row>& rows, std::span<const Field> fields = {},
                  std::span<const Flag> flags = {}) {
    rows.clear();
    Target target;
    target.list = list;
    target.fields = fields;
    target.flags = flags;
    target.rows = &rows;
    target.add = [](void* into) {
        return reinterpret_cast<char*>(&static_cast<std::vector<Row>*>(into)->emplace_back());
    };
    return target;
}

}  // namespace

std::optional<ApiError> read_json(std::string_view body, LedgerBatch<ledger::Account>& batch) {
    Target target = target_for("accounts", batch.rows, kAccountFields, kAccountFlags);
    auto error = parse(body, target);
    batch.single = target.single;
    return error;
}
std::optional<ApiError> read_json(std::string_view body, LedgerBatch<ledger::Transfer>& batch) {
    Target target = target_for("transfers", batch.rows, kTransferFields, kTransferFlags);
    auto error = parse(body, target);
    batch.single = target.single;
    return error;
}
std::optional<ApiError> read_json(std::string_view body, std::vector<ledger::Id128>& ids) {
    Target target = target_for("ids", ids);
    target.ids_only = true;
    return parse(body, target);
}

std::optional<ledger::Id128> parse_ledger_id(std::string_view text) {
    if (text.empty() || text.size() > 32) return std::nullopt;
    ledger::Id128 id;
    for (const char c : text) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) return std::nullopt;
        id.high = id.high << 4U | id.low >> 60U;
        id.low = id.low << 4U | static_cast<std::uint64_t>(digit);
    }
    return id;
}

std::optional<std::uint64_t> parse_u64(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace kontor::ledger_book
