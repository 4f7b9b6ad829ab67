// What the routes of /v1/ledger do, in the book of the merchant and mode that ask.
#include <algorithm>

#include "domains/ledger_book/api_handlers.h"
#include "domains/ledger_book/api_limits.h"
#include "domains/ledger_book/api_wire.h"
#include "kontor/base/assert.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/ledger/packed.h"
#include "kontor/ledger_book_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/surface/call.h"

namespace kontor::ledger_book {

using namespace surface;  // the routes' words

namespace {

ledger::Book book_of(const Call& call) {
    return ledger::book_of(call.caller.scope.merchant_no, call.caller.scope.livemode);
}

bool is_protobuf(std::string_view type) {
    return type.substr(0, type.find(';')) == kProtobufType;
}

// Of the body, and so of the answer; a request without a body says it in Accept. nullopt: refused.
std::optional<WireFormat> format_of(Call& call) {
    if (call.request.method == "GET") {
        return is_protobuf(call.request.header("Accept")) ? WireFormat::protobuf : WireFormat::json;
    }
    const std::string_view type = call.request.header("Content-Type");
    if (is_protobuf(type)) return WireFormat::protobuf;
    if (type.substr(0, type.find(';')) == "application/json" || call.request.body.empty())
        return WireFormat::json;
    ApiError error =
        invalid("Unsupported Content-Type: send application/json or " + std::string(kProtobufType) + ".");
    error.status = 415;
    call.refuse(error);
    return std::nullopt;
}

void answer(Call& call, std::string body, WireFormat format, std::uint64_t index, bool replayed = false) {
    if (format == WireFormat::protobuf) call.content_type = kProtobufType;
    call.reply(std::move(body), index, replayed);
}

// 400: it can never be valid; 409: it contradicts what is stored, or the state does not allow it.
ApiError refused(ledger::Status status, std::string_view what) {
    ApiError error = invalid(std::string(what) + " was refused: " + std::string(ledger::to_string(status)) +
                                 ". See docs/ledger-api.md for what each status means.",
                             {}, std::string(ledger::to_string(status)));
    if (status == ledger::Status::account_not_found)
        error.status = 404;
    else
        error.status = ledger::traits_of(status).kind == ledger::StatusKind::never ? 400 : 409;
    return error;
}

ApiError no_such_item(std::string_view object, std::string_view id) {
    return no_such(object, id, "id", true);
}

// The id of the path; the request is refused when it is none.
std::optional<ledger::Id128> path_id(Call& call, std::string_view object) {
    const auto id = parse_ledger_id(call.path_params.at(0));
    if (!id) call.refuse(no_such_item(object, call.path_params.at(0)));
    return id;
}

std::optional<ledger::PendingState> state_of(const ledger::Transfer& transfer, const store::Reader& rows,
                                             ledger::Book book) {
    if ((transfer.flags & ledger::pending) == 0) return std::nullopt;
    return ledger::find_pending(rows, transfer.id, book);
}

std::string body_of(const ledger::Account& account, const store::Reader&, ledger::Book, WireFormat format) {
    return account_body(account, format);
}
std::string body_of(const ledger::Transfer& transfer, const store::Reader& rows, ledger::Book book,
                    WireFormat format) {
    return transfer_body({transfer, state_of(transfer, rows, book)}, format);
}

std::optional<ledger::Account> find(const store::Reader& rows, ledger::Id128 id, ledger::Book book,
                                    const ledger::Account*) {
    return ledger::find_account(rows, id, book);
}
std::optional<ledger::Transfer> find(const store::Reader& rows, ledger::Id128 id, ledger::Book book,
                                     const ledger::Transfer*) {
    return ledger::find_transfer(rows, id, book);
}

void set_packed(pb::Command& command, std::span<const ledger::Account> rows) {
    mutable_body(command, pb::create_ledger_accounts)->set_packed(ledger::pack(rows));
}
void set_packed(pb::Command& command, std::span<const ledger::Transfer> rows) {
    mutable_body(command, pb::create_ledger_transfers)->set_packed(ledger::pack(rows));
}
const std::string& packed_of(const pb::Command& command, const ledger::Account*) {
    return body(command, pb::create_ledger_accounts).packed();
}
const std::string& packed_of(const pb::Command& command, const ledger::Transfer*) {
    return body(command, pb::create_ledger_transfers).packed();
}

// The item as it is stored, where the request and the result say that without a look: a look waits for the
// entry that is being applied, and every connection of this thread with it.
std::optional<std::string> known_body(const ledger::Account&, const pb::Result&, WireFormat) {
    return std::nullopt;
}
std::optional<std::string> known_body(ledger::Transfer row, const pb::Result& result, WireFormat format) {
    constexpr unsigned kDecidedThere =
        ledger::balancing_debit | ledger::balancing_credit | ledger::post_pending | ledger::void_pending;
    if (result.ledger_timestamp() == 0 || (row.flags & kDecidedThere) != 0) return std::nullopt;
    row.timestamp = result.ledger_timestamp();
    std::optional<ledger::PendingState> state;
    if ((row.flags & ledger::pending) != 0) state.emplace();
    return transfer_body({row, state}, format);
}

// The answer of a single item: itself as it is stored.
template <typename Row>
void answer_single(Call& call, ledger::Status status, ledger::Id128 id, std::string_view what,
                   WireFormat format, std::uint64_t index, bool replayed) {
    if (status != ledger::Status::ok && status != ledger::Status::exists)
        return call.refuse(refused(status, what), index, replayed);
    call.read([&](const store::Reader& rows, std::uint64_t) {
        const auto row = find(rows, id, book_of(call), static_cast<const Row*>(nullptr));
        KONTOR_ASSERT(row, "what was made, or exists, is there");
        answer(call, body_of(*row, rows, book_of(call), format), format, index, replayed);
    });
}

template <typename Row>
void create(const CallPtr& call, std::string_view what) {
    const auto format = format_of(*call);
    if (!format) return;
    thread_local LedgerBatch<Row> batch;  // reused: a full one is a megabyte
    if (const auto error = read_batch(call->request.body, *format, batch)) return call->refuse(*error);
    pb::Command command = call->command();
    set_packed(command, batch.rows);
    if (!call->idempotency_key.empty()) {
        command.set_params_hash(
            crypto::sha256(call->request.path + '\n' + packed_of(command, static_cast<const Row*>(nullptr))));
    }
    std::string().swap(call->request.body);  // parsed: not kept while the log works
    const bool single = batch.single;
    const Row first = batch.rows.front();
    call->submit_raw(std::move(command), [format = *format, single, first, what](
                                             Call& self, const pb::Result& result, std::uint64_t index) {
        const std::string& statuses = result.ledger_statuses();
        if (!single) return answer(self, results_body(statuses, format), format, index, result.replayed());
        const auto status = static_cast<ledger::Status>(static_cast<unsigned char>(statuses.at(0)));
        if (auto body = known_body(first, result, format))
            return answer(self, *std::move(body), format, index, result.replayed());
        answer_single<Row>(self, status, first.id, what, format, index, result.replayed());
    });
}

template <typename Row>
void retrieve(const CallPtr& call, std::string_view object) {
    const auto id = path_id(*call, object);
    if (!id) return;
    const WireFormat format = *format_of(*call);
    call->read([&](const store::Reader& rows, std::uint64_t index) {
        const auto row = find(rows, *id, book_of(*call), static_cast<const Row*>(nullptr));
        if (!row) return call->refuse(no_such_item(object, call->path_params.at(0)), index);
        answer(*call, body_of(*row, rows, book_of(*call), format), format, index);
    });
}

// A row as lists show it.
ledger::Account shown(const ledger::Account& row, const store::Reader&, ledger::Book) {
    return row;
}
StatedTransfer shown(const ledger::Transfer& row, const store::Reader& rows, ledger::Book book) {
    return {row, state_of(row, rows, book)};
}
template <typename Row>
using Shown = decltype(shown(std::declval<Row>(), std::declval<const store::Reader&>(), ledger::Book()));

template <typename Row>
std::vector<Shown<Row>> look_up(Call& call, std::span<const ledger::Id128> ids, std::uint64_t& index) {
    std::vector<Shown<Row>> found;
    // In pieces, so that the log's work goes on in between.
    for (std::size_t at = 0; at < ids.size() && !call.answered(); at += ledger_limits::kLookupPiece) {
        call.read([&](const store::Reader& rows, std::uint64_t now) {
            if (at == 0) index = now;
            for (const ledger::Id128 id :
                 ids.subspan(at, std::min(ledger_limits::kLookupPiece, ids.size() - at))) {
                if (auto row = find(rows, id, book_of(call), static_cast<const Row*>(nullptr)))
                    found.push_back(shown(*row, rows, book_of(call)));
            }
        });
    }
    return found;
}

std::string list_body(std::span<const ledger::Account> rows, WireFormat format) {
    return accounts_body(rows, std::nullopt, {}, format);
}
std::string list_body(std::span<const StatedTransfer> rows, WireFormat format) {
    return transfers_body(rows, std::nullopt, {}, format);
}

template <typename Row>
void lookup(const CallPtr& call) {
    const auto format = format_of(*call);
    if (!format) return;
    std::vector<ledger::Id128> ids;
    if (const auto error = read_ids(call->request.body, *format, ids)) return call->refuse(*error);
    std::uint64_t index = 0;
    const auto found = look_up<Row>(*call, ids, index);
    if (!call->answered())
        answer(*call, list_body(std::span<const Shown<Row>>(found), *format), *format, index);
}

// What a list of accounts or a history is filtered by; absent: anything.
struct Filter {
    std::uint64_t timestamp_min = 0, timestamp_max = ~std::uint64_t{0};
    std::optional<std::uint64_t> ledger, code, user_data_64, user_data_32;
    std::optional<ledger::Id128> user_data_128, from;
    std::optional<bool> debit;

    template <typename Row>
    [[nodiscard]] bool takes(const Row& row) const {
        return row.timestamp >= timestamp_min && row.timestamp <= timestamp_max &&
               (!ledger || row.ledger == *ledger) && (!code || row.code == *code) &&
               (!user_data_64 || row.user_data_64 == *user_data_64) &&
               (!user_data_32 || row.user_data_32 == *user_data_32) &&
               (!user_data_128 || row.user_data_128 == *user_data_128);
    }
    [[nodiscard]] bool takes(const ledger::Transfer& row, ledger::Id128 account) const {
        return takes(row) && (!debit || (row.debit_account == account) == *debit);
    }
};

std::size_t page_limit(const Node& params) {
    return static_cast<std::size_t>(
        params.integer_of("limit").value_or(static_cast<std::int64_t>(ledger_limits::kPageDefault)));
}

std::optional<ApiError> read_filter(const Node& params, Filter& filter) {
    std::optional<ApiError> error;
    const auto wrong = [&](std::string_view name, std::string_view what) {
        if (!error)
            error = invalid("Invalid value: '" + std::string(name) + "' must be " + std::string(what) + ".",
                            std::string(name), "parameter_invalid");
    };
    const auto number = [&](std::string_view name, unsigned bits = 64) -> std::optional<std::uint64_t> {
        const auto text = params.text_of(name);
        if (!text) return std::nullopt;
        const auto value = parse_u64(*text);
        if (!value || (bits < 64 && *value >> bits != 0))
            wrong(name, "an unsigned integer of " + std::to_string(bits) + " bits");
        return value;
    };
    const auto id = [&](std::string_view name) -> std::optional<ledger::Id128> {
        const auto text = params.text_of(name);
        if (!text) return std::nullopt;
        const auto value = parse_ledger_id(*text);
        if (!value) wrong(name, "1 to 32 hexadecimal digits");
        return value;
    };
    filter.timestamp_min = number("timestamp_min").value_or(0);
    filter.timestamp_max = number("timestamp_max").value_or(~std::uint64_t{0});
    filter.ledger = number("ledger", 32);
    filter.code = number("code", 16);
    filter.user_data_64 = number("user_data_64");
    filter.user_data_32 = number("user_data_32", 32);
    filter.user_data_128 = id("user_data_128");
    filter.from = id("from");
    if (const auto side = params.text_of("direction")) filter.debit = *side == "debit";
    return error;
}

// Where a history begins; nullopt: refused.
std::optional<ledger::Id128> history_from(Call& call, const store::Reader& rows, ledger::Id128 account,
                                          const Filter& filter, std::uint64_t index) {
    const ledger::Book book = book_of(call);
    if (!ledger::find_account(rows, account, book)) {
        call.refuse(no_such_item("ledger.account", call.path_params.at(0)), index);
        return std::nullopt;
    }
    if (!filter.from) return ledger::history_start(rows, account, filter.timestamp_max, book);
    const auto transfer = ledger::find_transfer(rows, *filter.from, book);
    if (transfer && (transfer->debit_account == account || transfer->credit_account == account))
        return *filter.from;
    call.refuse(no_such("ledger.transfer", format_ledger_id(*filter.from), "from", false), index);
    return std::nullopt;
}

}  // namespace

void create_ledger_accounts(const CallPtr& call) {
    create<ledger::Account>(call, "The account");
}
void create_ledger_transfers(const CallPtr& call) {
    create<ledger::Transfer>(call, "The transfer");
}
void retrieve_ledger_account(const CallPtr& call) {
    retrieve<ledger::Account>(call, "ledger.account");
}
void retrieve_ledger_transfer(const CallPtr& call) {
    retrieve<ledger::Transfer>(call, "ledger.transfer");
}
void look_up_ledger_accounts(const CallPtr& call) {
    lookup<ledger::Account>(call);
}
void look_up_ledger_transfers(const CallPtr& call) {
    lookup<ledger::Transfer>(call);
}

void retrieve_ledger_balance(const CallPtr& call) {
    const auto id = path_id(*call, "ledger.account");
    if (!id) return;
    const WireFormat format = *format_of(*call);
    call->read([&](const store::Reader& rows, std::uint64_t index) {
        const auto account = ledger::find_account(rows, *id, book_of(*call));
        if (!account) return call->refuse(no_such_item("ledger.account", call->path_params.at(0)), index);
        answer(*call, balance_body(*account, format), format, index);
    });
}

void list_ledger_accounts(const CallPtr& call) {
    const auto format = format_of(*call);
    if (!format) return;
    Filter filter;
    if (const auto error = read_filter(call->params, filter)) return call->refuse(*error);
    const std::size_t limit = page_limit(call->params);
    const ledger::Book book = book_of(*call);
    std::vector<ledger::Account> page;
    std::optional<ledger::Id128> next;
    std::uint64_t start = filter.timestamp_max;
    bool more = true;
    std::uint64_t index = 0;
    bool past = false;  // everything further on is older than asked for
    const auto visit = [&](const ledger::Account& row) {
        past = row.timestamp < filter.timestamp_min;
        if (past) return false;
        if (filter.takes(row)) page.push_back(row);
        return page.size() < limit;
    };
    // In pieces, so that the log's work goes on in between.
    for (std::size_t looked_at = 0;
         more && page.size() < limit && !call->answered() && looked_at < ledger_limits::kScanMax;
         looked_at += ledger_limits::kScanPiece) {
        call->read([&](const store::Reader& rows, std::uint64_t now) {
            if (looked_at == 0) index = now;
            if (looked_at == 0 && filter.from) {
                const auto account = ledger::find_account(rows, *filter.from, book);
                if (!account)
                    return call->refuse(
                        no_such("ledger.account", format_ledger_id(*filter.from), "from", false), index);
                start = std::min(start, account->timestamp);
            }
            next = ledger::visit_accounts(rows, book, start, ledger_limits::kScanPiece, visit);
            const auto account = next ? ledger::find_account(rows, *next, book) : std::nullopt;
            more = account && !past;
            if (account) start = account->timestamp;
        });
    }
    if (past) next.reset();
    if (!call->answered())
        answer(*call, accounts_body(page, next, call->request.path, *format), *format, index);
}

void list_ledger_history(const CallPtr& call) {
    const auto account = path_id(*call, "ledger.account");
    if (!account) return;
    const WireFormat format = *format_of(*call);
    Filter filter;
    if (const auto error = read_filter(call->params, filter)) return call->refuse(*error);
    const std::size_t limit = page_limit(call->params);
    const ledger::Book book = book_of(*call);
    std::vector<StatedTransfer> page;
    std::optional<ledger::Id128> next;
    std::uint64_t index = 0;
    bool past = false;  // everything further on is older than asked for
    const auto visit = [&](const store::Reader& rows, const ledger::Transfer& row) {
        past = row.timestamp < filter.timestamp_min;
        if (past) return false;
        if (filter.takes(row, *account)) page.push_back(shown(row, rows, book));
        return page.size() < limit;
    };
    call->read([&](const store::Reader& rows, std::uint64_t now) {
        index = now;
        const auto start = history_from(*call, rows, *account, filter, now);
        if (start && !start->is_zero()) next = start;
    });
    // In pieces, so that the log's work goes on in between.
    for (std::size_t looked_at = 0;
         next && !past && page.size() < limit && !call->answered() && looked_at < ledger_limits::kScanMax;
         looked_at += ledger_limits::kScanPiece) {
        call->read([&](const store::Reader& rows, std::uint64_t) {
            next = ledger::visit_history(
                rows, *account, *next, ledger_limits::kScanPiece,
                [&](const ledger::Transfer& row) { return visit(rows, row); }, book);
        });
    }
    if (past) next.reset();
    if (!call->answered())
        answer(*call, transfers_body(page, next, call->request.path, format), format, index);
}

namespace {
// freeze, unfreeze, close: the account as it is afterwards.
void change_account(const CallPtr& call, const std::function<void(pb::Command&, ledger::Id128)>& fill) {
    const auto id = path_id(*call, "ledger.account");
    if (!id) return;
    const auto format = format_of(*call);
    if (!format) return;
    if (!call->request.body.empty() && call->request.body != "{}")
        return call->refuse(invalid("This request takes no parameters."));
    pb::Command command = call->command();
    fill(command, *id);
    call->submit_raw(std::move(command), [format = *format, id = *id](Call& self, const pb::Result& result,
                                                                      std::uint64_t index) {
        const auto status =
            static_cast<ledger::Status>(static_cast<unsigned char>(result.ledger_statuses().at(0)));
        if (status == ledger::Status::account_not_found)
            return self.refuse(no_such_item("ledger.account", self.path_params.at(0)), index);
        answer_single<ledger::Account>(self, status, id, "The change", format, index, result.replayed());
    });
}
void set_frozen(const CallPtr& call, bool frozen) {
    change_account(call, [frozen](pb::Command& command, ledger::Id128 id) {
        auto& body = *mutable_body(command, pb::set_ledger_account_frozen);
        body.set_id_high(id.high);
        body.set_id_low(id.low);
        body.set_frozen(frozen);
    });
}
}  // namespace

void freeze_ledger_account(const CallPtr& call) {
    set_frozen(call, true);
}
void unfreeze_ledger_account(const CallPtr& call) {
    set_frozen(call, false);
}
void close_ledger_account(const CallPtr& call) {
    change_account(call, [](pb::Command& command, ledger::Id128 id) {
        auto& body = *mutable_body(command, pb::close_ledger_account);
        body.set_id_high(id.high);
        body.set_id_low(id.low);
    });
}

void ledger_proto(const CallPtr& call) {
    call->content_type = kProtoTextType;
    call->reply(std::string(ledger_proto_text()), 0);
}

}  // namespace kontor::ledger_book
