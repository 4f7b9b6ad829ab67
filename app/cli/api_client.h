#pragma once
// A small client of our own merchant API for `kontor dev`: form bodies, JSON answers, blocking.
// Errors: the API's own message, or the connection's. Limits: http::Client's.

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/http/client.h"

namespace kontor::app {

using FormPairs = std::vector<std::pair<std::string, std::string>>;

class ApiClient {
 public:
    ApiClient(http::Client& client, std::string base_url, std::string key)
        : client_(client), base_url_(std::move(base_url)), key_(std::move(key)) {}
    [[nodiscard]] Result<nlohmann::json> post(const std::string& path, const FormPairs& form) const;
    [[nodiscard]] Result<nlohmann::json> get(const std::string& path) const;

 private:
    [[nodiscard]] Result<nlohmann::json> send(http::ClientRequest request) const;

    http::Client& client_;
    std::string base_url_, key_;
};

[[nodiscard]] std::string form_encode(const FormPairs& form);

}  // namespace kontor::app
