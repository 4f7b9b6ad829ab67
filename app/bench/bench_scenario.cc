#include "bench_scenario.h"

#include <array>
#include <charconv>
#include <optional>

namespace kontor::app {
namespace {

struct Row {
    std::string_view name;
    unsigned connections;
    std::uint64_t accounts;  // 0: no ledger scenario
    std::string_view mix;
};
// A batch of 8,192 keeps a server busy for long: a few connections are enough, more only wait in its queue.
constexpr std::array kRows = {
    Row{"transfers", 64, 1'000'000, "1:0"}, Row{"batches", 8, 1'000'000, "1:0"},
    Row{"hot", 8, 1'000'000, "1:0"},        Row{"cold", 16, 10'000'000, "1:1"},
    Row{"payments", 64, 0, "1:0:0"},        Row{"reads", 64, 0, "0:1:0"},
    Row{"mixed", 64, 0, "30:65:5"},         Row{"get", 64, 0, ""},
};
constexpr std::string_view kNames = "transfers, payments, batches, hot, reads, mixed, cold or get";

const Row* find_row(std::string_view name) {
    for (const Row& row : kRows)
        if (row.name == name) return &row;
    return nullptr;
}

}  // namespace

Result<void> complete_arguments(BenchArguments& arguments) {
    const Row* row = find_row(arguments.scenario);
    if (row == nullptr)
        return fail(ErrorCode::invalid_argument,
                    "there is no scenario " + arguments.scenario + "; take " + std::string(kNames));
    if (arguments.connections == 0) arguments.connections = row->connections;
    if (arguments.accounts == 0) arguments.accounts = row->accounts;
    if (row->accounts == 0) arguments.accounts = 0;
    if (row->accounts == 0 || arguments.scenario == "transfers") arguments.batch = 1;
    const bool has_choice = arguments.scenario == "cold" || arguments.scenario == "mixed";
    if (!arguments.mix.empty() && !has_choice)
        return fail(ErrorCode::invalid_argument, "--mix is for the scenarios mixed and cold");
    if (arguments.mix.empty()) arguments.mix = row->mix;
    if (arguments.threads > arguments.connections)
        return fail(ErrorCode::invalid_argument, "more threads than connections");
    if (row->accounts != 0 && arguments.accounts < 2)
        return fail(ErrorCode::invalid_argument, "transfers need two accounts");
    return {};
}

Result<std::unique_ptr<Scenario>> make_scenario(const BenchArguments& arguments) {
    if (arguments.scenario == "get") return make_get_scenario(arguments);
    const bool ledger = arguments.accounts != 0;
    auto mix = parse_mix(arguments.mix, ledger ? 2 : 3);
    if (!mix)
        return fail(ErrorCode::invalid_argument,
                    std::string("--mix is a ratio of ") +
                        (ledger ? "transfers and reads, as 1:1" : "payments, reads and refunds, as 30:65:5"));
    if (ledger) return make_ledger_scenario(arguments, *std::move(mix));
    return make_payment_scenario(arguments, *std::move(mix));
}

std::optional<std::vector<unsigned>> parse_mix(std::string_view text, std::size_t parts) {
    constexpr unsigned kMaxPart = 1'000'000;
    std::vector<unsigned> mix;
    unsigned sum = 0;
    const char* at = text.data();
    const char* const end = at + text.size();
    for (;;) {
        unsigned part = 0;
        const auto [next, error] = std::from_chars(at, end, part);
        if (error != std::errc() || part > kMaxPart || mix.size() == parts) return std::nullopt;
        mix.push_back(part);
        sum += part;
        if (next == end) break;
        if (*next != ':') return std::nullopt;
        at = next + 1;
    }
    if (mix.size() != parts || sum == 0) return std::nullopt;
    return mix;
}

bool answered_ok(const http::LoadAnswer& answer, std::uint64_t operations, ErrorCounts& errors) {
    if (answer.status == 200) return true;
    if (answer.status == 0)
        errors["transport: " + std::string(answer.failure)] += operations;
    else
        errors["status " + std::to_string(answer.status)] += operations;
    return false;
}

}  // namespace kontor::app
