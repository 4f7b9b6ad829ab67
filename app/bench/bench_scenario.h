#pragma once
// What a load run sends and how it judges the answers. A Scenario prepares the server once; each generator
// thread has a Source of its own.
//
// Threading: a Scenario is prepared on one thread; afterwards it is read only. A Source belongs to one
// thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands.h"
#include "kontor/base/result.h"
#include "kontor/http/load_client.h"

namespace kontor::app {

struct BenchTarget {
    std::string url, key, ca_pem;
    std::string authority;  // for the Host header
};

inline constexpr int kNoSuchKey = 401;  // the status
inline constexpr const char* kNoSuchKeyText =
    "the server answered 401: it does not know this key; name the API key of a merchant of this server "
    "(--key)";

// Failed operations by what happened: "status 429", "transport: connection closed", "exceeds_credits".
using ErrorCounts = std::map<std::string, std::uint64_t>;

class Source {
 public:
    virtual ~Source() = default;
    // Writes one whole request; returns its kind, an index of Scenario::kinds().
    virtual unsigned next(std::size_t connection, std::string& out) = 0;
    // The operations that succeeded; the others are added to `errors`.
    virtual std::uint64_t judge(std::size_t connection, unsigned kind, const http::LoadAnswer& answer,
                                ErrorCounts& errors) = 0;
};

// False: the user wants to end it.
using SetupProgress = std::function<bool(const std::string& what, std::uint64_t done, std::uint64_t all)>;

class Scenario {
 public:
    virtual ~Scenario() = default;
    [[nodiscard]] virtual std::vector<std::string> kinds() const = 0;
    [[nodiscard]] virtual Result<void> prepare(const BenchTarget& target, const SetupProgress& progress) = 0;
    [[nodiscard]] virtual std::unique_ptr<Source> source(unsigned worker) const = 0;
};

// Fills in the scenario's defaults. invalid_argument: no such scenario, options that do not go together.
[[nodiscard]] Result<void> complete_arguments(BenchArguments& arguments);
// Of complete arguments. invalid_argument: a ratio that is none.
[[nodiscard]] Result<std::unique_ptr<Scenario>> make_scenario(const BenchArguments& arguments);
[[nodiscard]] std::unique_ptr<Scenario> make_payment_scenario(const BenchArguments& arguments,
                                                              std::vector<unsigned> mix);
[[nodiscard]] std::unique_ptr<Scenario> make_ledger_scenario(const BenchArguments& arguments,
                                                             std::vector<unsigned> mix);
[[nodiscard]] std::unique_ptr<Scenario> make_get_scenario(const BenchArguments& arguments);
// "30:65:5" as numbers, `parts` of them; nullopt when it is something else or all are zero.
[[nodiscard]] std::optional<std::vector<unsigned>> parse_mix(std::string_view text, std::size_t parts);

// Counts a request that did not answer 200; true when it did.
[[nodiscard]] bool answered_ok(const http::LoadAnswer& answer, std::uint64_t operations, ErrorCounts& errors);

}  // namespace kontor::app
