#include "queries.h"

#include <algorithm>
#include <charconv>
#include <variant>

namespace kontor::payment_list {
namespace {

constexpr std::size_t kMaxTextBytes = 200;
constexpr std::size_t kMaxStatuses = 16;
constexpr std::size_t kTrigramCharacters = 3;  // FTS5's trigram finds nothing shorter

constexpr const char* kColumns =
    "SELECT p.intent_no, p.merchant_no, p.customer_no, p.livemode, p.created_ms, p.amount, "
    "p.amount_refunded, "
    "p.currency, p.status, p.method, p.method_detail, coalesce(c.name, ''), p.description, p.failure_code "
    "FROM payments p LEFT JOIN customers c ON c.customer_no = p.customer_no ";

PaymentRow row_of(const reporting::Statement& statement) {
    PaymentRow row;
    row.intent_no = static_cast<std::uint64_t>(statement.integer(0));
    row.merchant_no = static_cast<std::uint64_t>(statement.integer(1));
    row.customer_no = static_cast<std::uint64_t>(statement.integer(2));
    row.livemode = statement.integer(3) != 0;
    row.created_ms = statement.integer(4);
    row.amount = statement.integer(5);
    row.amount_refunded = statement.integer(6);
    row.currency = static_cast<std::uint16_t>(statement.integer(7));
    row.status = statement.text(8);
    row.method = statement.text(9);
    row.method_detail = statement.text(10);
    row.customer_name = statement.text(11);
    row.description = statement.text(12);
    row.failure_code = statement.text(13);
    return row;
}

std::size_t characters(std::string_view utf8) {
    return static_cast<std::size_t>(std::count_if(
        utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// The whole text as one FTS5 phrase.
std::string phrase(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"') out.push_back('"');
        out.push_back(c);
    }
    return out + "\"";
}

std::string like_pattern(std::string_view text) {
    std::string out = "%";
    for (const char c : text) {
        if (c == '%' || c == '_' || c == '\\') out.push_back('\\');
        out.push_back(c);
    }
    return out + "%";
}

// Cursor: "<created_ms>-<intent_no>" of the last row.
std::optional<std::pair<std::int64_t, std::int64_t>> parse_cursor(const std::string& cursor) {
    const std::size_t dash = cursor.find('-');
    if (dash == std::string::npos) return std::nullopt;
    std::int64_t created = 0, no = 0;
    const char* end = cursor.data() + cursor.size();
    const auto first = std::from_chars(cursor.data(), cursor.data() + dash, created);
    const auto second = std::from_chars(cursor.data() + dash + 1, end, no);
    if (first.ec != std::errc{} || first.ptr != cursor.data() + dash || second.ec != std::errc{} ||
        second.ptr != end)
        return std::nullopt;
    return std::pair{created, no};
}

// A WHERE clause under construction, with its values in order.
class Where {
 public:
    void add(std::string_view condition) {
        sql_ += sql_.empty() ? "WHERE " : " AND ";
        sql_ += condition;
    }
    template <typename V>
    void add(std::string_view condition, V value) {
        add(condition);
        values_.emplace_back(std::move(value));
    }
    void value(std::int64_t v) { values_.emplace_back(v); }
    void value(std::string v) { values_.emplace_back(std::move(v)); }
    [[nodiscard]] const std::string& sql() const { return sql_; }
    void bind(reporting::Statement& statement) const {
        int position = 1;
        for (const auto& v : values_) {
            if (const auto* integer = std::get_if<std::int64_t>(&v))
                statement.bind(position, *integer);
            else
                statement.bind(position, std::string_view(std::get<std::string>(v)));
            ++position;
        }
    }

 private:
    std::string sql_;
    std::vector<std::variant<std::int64_t, std::string>> values_;
};

// What is searched for, in the payment's own words and in its customer's. The first condition: its value is
// ?1, the others take the numbers behind it.
Result<void> add_text(const std::string& text, Where& where) {
    if (text.empty()) return {};
    if (text.size() > kMaxTextBytes) return fail(ErrorCode::invalid_argument, "q: at most 200 bytes");
    // A NUL ends FTS5's phrase before its closing quote.
    if (text.find('\0') != std::string::npos) return fail(ErrorCode::invalid_argument, "q: no NUL character");
    if (characters(text) >= kTrigramCharacters) {
        where.add(
            "p.intent_no IN (SELECT rowid FROM payments_text WHERE payments_text MATCH ?1 UNION ALL "
            "SELECT intent_no FROM payments WHERE customer_no IN "
            "(SELECT rowid FROM customers_text WHERE customers_text MATCH ?1))",
            phrase(text));
    } else {
        where.add(
            "(p.search LIKE ?1 ESCAPE '\\' OR c.name LIKE ?1 ESCAPE '\\' OR c.email LIKE ?1 ESCAPE '\\')",
            like_pattern(text));
    }
    return {};
}

Result<Where> where_of(const PaymentQuery& query) {
    Where where;
    KONTOR_CHECK(add_text(query.text, where));
    where.add("p.livemode = ?", std::int64_t{query.livemode});
    if (!query.statuses.empty()) {
        if (query.statuses.size() > kMaxStatuses)
            return fail(ErrorCode::invalid_argument, "status: at most 16 values");
        std::string marks;
        for (std::size_t i = 0; i < query.statuses.size(); ++i) marks += i == 0 ? "?" : ",?";
        where.add("p.status IN (" + marks + ")");
        for (const std::string& status : query.statuses) where.value(status);
    }
    if (query.currency != 0) where.add("p.currency = ?", std::int64_t{query.currency});
    if (query.merchant_no != 0) where.add("p.merchant_no = ?", static_cast<std::int64_t>(query.merchant_no));
    if (query.customer_no != 0) where.add("p.customer_no = ?", static_cast<std::int64_t>(query.customer_no));
    if (query.created_gte_ms != 0) where.add("p.created_ms >= ?", query.created_gte_ms);
    if (query.created_lt_ms != 0) where.add("p.created_ms < ?", query.created_lt_ms);
    if (query.amount_gte) where.add("p.amount >= ?", *query.amount_gte);
    if (query.amount_lte) where.add("p.amount <= ?", *query.amount_lte);
    if (!query.cursor.empty()) {
        const auto cursor = parse_cursor(query.cursor);
        if (!cursor) return fail(ErrorCode::invalid_argument, "cursor: not one of ours");
        where.add("(p.created_ms, p.intent_no) < (?, ?)", cursor->first);
        where.value(cursor->second);
    }
    return where;
}

}  // namespace

Result<void> PaymentReader::prepare() {
    KONTOR_TRY(find_, database_->prepare(std::string(kColumns) + "WHERE p.livemode=?1 AND p.intent_no=?2"));
    return {};
}

Result<PaymentPage> PaymentReader::list(const PaymentQuery& query) {
    if (query.limit < 1 || query.limit > 100) return fail(ErrorCode::invalid_argument, "limit: 1 to 100");
    KONTOR_TRY(Where where, where_of(query));
    KONTOR_TRY(reporting::Statement statement,
               database_->prepare(std::string(kColumns) + where.sql() +
                                  " ORDER BY p.created_ms DESC, p.intent_no DESC LIMIT " +
                                  std::to_string(query.limit + 1)));
    where.bind(statement);
    PaymentPage page;
    for (;;) {
        KONTOR_TRY(const bool more, statement.step());
        if (!more) break;
        if (page.rows.size() == query.limit) {
            const PaymentRow& last = page.rows.back();
            page.next_cursor = std::to_string(last.created_ms) + "-" +
                               std::to_string(static_cast<std::int64_t>(last.intent_no));
            break;
        }
        page.rows.push_back(row_of(statement));
    }
    return page;
}

Result<std::optional<PaymentRow>> PaymentReader::find(bool livemode, std::uint64_t intent_no) {
    find_.bind(1, std::int64_t{livemode}).bind(2, intent_no);
    KONTOR_TRY(const bool found, find_.step());
    std::optional<PaymentRow> row;
    if (found) row = row_of(find_);
    find_.reset();
    return row;
}

}  // namespace kontor::payment_list
