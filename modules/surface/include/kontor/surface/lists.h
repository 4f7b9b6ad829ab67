#pragma once
// Reading objects: one by the id in the path, or a page of them.

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "kontor/json/fields.h"
#include "kontor/log.pb.h"
#include "kontor/machine/expand.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/page.h"
#include "kontor/machine/rows.h"
#include "kontor/store/row_store.h"
#include "kontor/surface/call.h"
#include "kontor/surface/catalogue.h"

namespace kontor::surface {

// The list parameters of a validated request. `empty`: the range of times has nothing in it.
struct ListRequest {
    machine::ListQuery query;
    bool empty = false;
};

// Cursors and filters that name an object must name one of the caller's; else the error.
[[nodiscard]] std::optional<ApiError> read_list_request(const Call& call, const store::Reader& rows,
                                                        std::string_view id_prefix, ListRequest& list);
// True when `no` is an object of this kind that the caller owns.
[[nodiscard]] bool exists(const Call& call, const store::Reader& rows, std::string_view id_prefix,
                          std::uint64_t no);

// A page of any objects.
extern const fields::Shape kListShape;
[[nodiscard]] std::string list_json(std::string_view url, const std::vector<std::string>& data,
                                    bool has_more);
// A filter that found nothing in as many rows as one request may look at: nothing to continue from.
[[nodiscard]] ApiError scan_exhausted();

// `place` gives the Result's field for this kind: what expansions start from.
template <typename Find, typename Place, typename Render>
void retrieve(Call& call, std::string_view id_prefix, Find find, Place place, Render render) {
    const auto no = call.path_no(id_prefix);
    if (!no) return;
    call.read([&](const store::Reader& rows, std::uint64_t log_index) {
        auto row = find(rows, call.caller.scope, *no);
        if (!row) return call.refuse(call.not_found(id_prefix));
        pb::Result found;
        auto* object = place(found);
        object->Swap(&*row);
        if (!call.expand.empty())
            machine::resolve_expansion(call.host->catalogue->registry(), rows, call.caller.scope, call.expand,
                                       found);
        call.reply(render(*object, call.expansion(found)), log_index);
    });
}

// The page that the call asks for, in reads that are short each, so that the log's work goes on in between.
// Refuses the call itself; answered() tells. `log_index`: of the first read, which all others contain.
template <typename Row>
using ListRows = machine::Listed<Row> (*)(const store::Reader&, machine::Scope, const machine::ListQuery&,
                                          machine::Bound&);

template <typename Row>
machine::Listed<Row> list_in_pieces(Call& call, std::string_view id_prefix, ListRows<Row> list_rows,
                                    std::uint64_t& log_index) {
    ListRequest request;
    machine::ListQuery& query = request.query;
    machine::Listed<Row> page, piece;
    machine::Bound bound;
    call.read([&](const store::Reader& rows, std::uint64_t now) {
        log_index = now;
        if (const auto error = read_list_request(call, rows, id_prefix, request)) return call.refuse(*error);
        if (!request.empty) page = list_rows(rows, call.caller.scope, query, bound);
    });
    const bool ascending = query.ending_before != 0;
    std::size_t looked_at = bound.rows;
    while (!call.answered() && bound.resume != 0 && page.rows.size() <= query.limit &&
           looked_at < machine::limits::kListScanMax) {
        machine::ListQuery rest = query;
        (ascending ? rest.ending_before : rest.starting_after) = bound.resume;
        // One beyond a full page tells whether there is more.
        rest.limit = std::max<std::size_t>(query.limit - page.rows.size(), 1);
        call.read([&](const store::Reader& rows, std::uint64_t) {
            piece = list_rows(rows, call.caller.scope, rest, bound);
        });
        page.rows.insert(ascending ? page.rows.begin() : page.rows.end(),
                         std::make_move_iterator(piece.rows.begin()),
                         std::make_move_iterator(piece.rows.end()));
        page.has_more = piece.has_more;
        looked_at += bound.rows;
    }
    if (page.rows.size() > query.limit) {
        page.rows.erase(ascending ? page.rows.begin() : page.rows.end() - 1);
        page.has_more = true;
    }
    if (!call.answered() && page.rows.empty() && page.has_more) call.refuse(scan_exhausted());
    return page;
}

template <typename Row, typename Place, typename Render>
void list(Call& call, std::string_view id_prefix, ListRows<Row> list_rows, Place place, Render render) {
    std::uint64_t log_index = 0;
    auto page = list_in_pieces<Row>(call, id_prefix, list_rows, log_index);
    if (call.answered()) return;
    call.read([&](const store::Reader& rows, std::uint64_t) {
        std::vector<std::string> data;
        data.reserve(page.rows.size());
        pb::Result found;
        for (Row& row : page.rows) {
            auto* object = place(found);
            object->Swap(&row);
            if (!call.expand.empty())
                machine::resolve_expansion(call.host->catalogue->registry(), rows, call.caller.scope,
                                           call.expand, found);
            data.push_back(render(*object, call.expansion(found)));
        }
        call.reply(list_json(call.request.path, data, page.has_more), log_index);
    });
}

}  // namespace kontor::surface
