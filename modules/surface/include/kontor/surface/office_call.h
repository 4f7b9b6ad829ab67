#pragma once
// One request to the back office: who asks, what for, and how it is answered.
//
// Threading: a Call lives on one thread at a time; a handler may move it to a worker and answer there.
// Ownership: the host outlives it. Errors: refuse() in its forms; guarded() is the last net. Limits:
// office_limits.h.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kontor/base/clock.h"
#include "kontor/base/error.h"
#include "kontor/http/server.h"
#include "kontor/json/error_object.h"
#include "kontor/json/value.h"
#include "kontor/json/writer.h"
#include "kontor/machine/permission.h"
#include "kontor/machine/service.h"

namespace kontor::reporting {
class Reports;
}

namespace kontor::crypto {
class Sealer;
}

namespace kontor::machine {
class Registry;
}

namespace kontor::surface::office {

// The parts of whoever answers. All of it outlives the calls.
struct Host {
    machine::Service* service = nullptr;
    const crypto::Sealer* sealer = nullptr;       // for routes that take secrets
    const reporting::Reports* reports = nullptr;  // for routes that read reports; nothing here looks into it
    const Clock* clock = nullptr;
    const machine::Registry* registry = nullptr;  // for routes that speak of commands and outcomes by name
};

// Writes the members of an answer, which is an object that is begun already.
using Members = std::function<void(JsonWriter&)>;

// Who asks: an open session and its operator.
struct Caller {
    std::uint64_t operator_no = 0;
    std::string operator_name, role;
    std::string cookie;
};

struct Call {
    const Host* host = nullptr;
    http::Request request;
    http::Responder respond;
    bool livemode = false;  // of the address: every read and every key is of this mode
    std::string rest;       // what a route's * matched: one segment
    std::vector<std::pair<std::string, std::string>> query;
    JsonValue body;  // an object on POST, absent where nothing was sent
    std::optional<Caller> caller;

    [[nodiscard]] std::string_view parameter(std::string_view name) const;  // of the query; "" if absent
    [[nodiscard]] std::string text(std::string_view name) const;            // of the body; "" unless a string
    void answer(int status, const Members& members, std::vector<http::Header> headers = {}) const;
    void refuse(int status, std::string_view code, std::string_view message,
                std::string_view param = {}) const;
    void refuse(const Error& error) const;  // an operating failure
    // An outcome that is not ok: with status and code of its record where that is 403 or 409, else 422
    // `refused`.
    void refuse(const pb::Result& result) const;
    void refuse_with(int status, const ErrorObject& error, std::vector<http::Header> headers) const;
    // Runs `handle`; an exception becomes an answer.
    void guarded(const std::function<void()>& handle) const;
};

using CallPtr = std::shared_ptr<Call>;

// A command of the call's operator with everything but its body.
[[nodiscard]] pb::Command operator_command(const Call& call);
// Answers with the members that `render` writes of an outcome that is ok, and with `shown_once`, which nobody
// can ask for again. A command that waits for somebody else's approval is 202 with the request's id, and with
// `shown_once` as well. Any other outcome is Call::refuse(result).
using Render = std::function<void(JsonWriter&, const pb::Result&)>;
void submit(const CallPtr& call, pb::Command command, Render render, Members shown_once = {});
// Members that are null where there is nothing: for no 0, for nullopt, for "".
void put_id(JsonWriter& json, std::string_view name, std::string_view prefix, std::uint64_t no);
void put_integer(JsonWriter& json, std::string_view name, std::optional<std::int64_t> value);
void put_text(JsonWriter& json, std::string_view name, std::string_view value);
// An array of objects, whose members `put` writes.
template <typename Rows, typename Put>
void put_list(JsonWriter& json, std::string_view name, const Rows& rows, Put put) {
    json.key(name).begin_array();
    for (const auto& row : rows) {
        json.begin_object();
        put(json, row);
        json.end_object();
    }
    json.end_array();
}
// The elements of an array that are written before the answer that they stand in.
struct Elements {
    std::string text;
    JsonWriter json{text};
    void put(JsonWriter& into, std::string_view name) const {
        into.key(name).begin_array().raw(text).end_array();
    }
};
// "eur"; the number of one that is not listed.
[[nodiscard]] std::string currency_code(std::uint32_t numeric);

[[nodiscard]] std::string object_json(const Members& members);
[[nodiscard]] http::Response json_response(int status, std::string body, std::vector<http::Header> headers);
// The headers of every answer below /admin.
void add_security_headers(http::Response& response);

// Of an address's segment: "test" is false, "live" is true.
[[nodiscard]] std::optional<bool> mode_of(std::string_view segment);

}  // namespace kontor::surface::office
