#pragma once
// What the admin's handlers share: the parts of the node, the caller's session, and how answers are made.
//
// Threading: Call lives on one thread at a time; a handler may move it to a worker and answer there.

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "kontor/admin/admin.h"
#include "kontor/admin/limits.h"
#include "kontor/json/error_object.h"

namespace kontor::admin {

using Json = nlohmann::ordered_json;

// Who asks: an open session and its operator.
struct Caller {
    std::uint64_t operator_no = 0;
    std::string operator_name, role;
    std::string cookie;
};

struct Call {
    net::Request request;
    net::Responder respond;
    bool livemode = false;  // of the address: every read and every key is of this mode
    std::string rest;       // what a route's * matched: one segment
    std::vector<std::pair<std::string, std::string>> query;
    nlohmann::json body;  // an object, on POST
    std::optional<Caller> caller;

    [[nodiscard]] std::string_view parameter(std::string_view name) const;  // of the query; "" if absent
    [[nodiscard]] std::string text(const char* name) const;                 // of the body; "" unless a string
    void answer(int status, const Json& json, std::vector<net::Header> headers = {}) const;
    void refuse(int status, std::string_view code, std::string_view message,
                std::string_view param = {}) const;
    void refuse(const Error& error) const;  // an operating failure
    void refuse_with(int status, const ErrorObject& error, std::vector<net::Header> headers) const;
    // Runs `handle`; an exception becomes an answer.
    void guarded(const std::function<void()>& handle) const;
};

[[nodiscard]] net::Response json_response(int status, const Json& json,
                                          std::vector<net::Header> headers = {});
[[nodiscard]] net::Response json_response(int status, std::string body, std::vector<net::Header> headers);
// The headers of every answer below /admin.
void add_security_headers(net::Response& response);
[[nodiscard]] std::string dump(const Json& json);

// Of an address's segment: "test" is false, "live" is true.
[[nodiscard]] std::optional<bool> mode_of(std::string_view segment);

}  // namespace kontor::admin
