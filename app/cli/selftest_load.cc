#include "selftest_load.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "kontor/base/clock.h"

namespace kontor::app {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kRequestMs = 5'000;
constexpr auto kRetryPause = std::chrono::milliseconds(20);
constexpr std::size_t kLookUpAtOnce = 4'000;
constexpr unsigned kLookUpTries = 20;
constexpr auto kLookUpPause = std::chrono::milliseconds(250);

std::string hex(std::uint64_t number, std::size_t digits) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text(digits, '0');
    for (std::size_t i = digits; i-- > 0 && number != 0; number >>= 4U) text[i] = kDigits[number & 15U];
    return text;
}

bool is_in_use(int status, const std::string& body) {
    if (status != 409) return false;
    const Json json = Json::parse(body, nullptr, false);
    return json.is_object() && json.contains("error") &&
           json["error"].value("type", "") == "idempotency_error";
}

std::uint64_t now_us() {
    return system_clock().monotonic_us();
}

}  // namespace

SelftestLoad::SelftestLoad(std::vector<SelftestTarget> targets, std::string key, unsigned threads,
                           std::uint64_t run, const Connect& connect)
    : targets_(std::move(targets)), key_(std::move(key)), run_(run), workers_(threads) {
    for (const SelftestTarget& target : targets_) {
        if (connect) {
            clients_.push_back(connect(target));
            continue;
        }
        http::ClientOptions options;
        options.ca_pem = target.ca_pem;
        options.max_connections_per_origin = threads + 1;
        options.max_response_bytes = 8U << 20U;
        clients_.push_back(http::Client::make(std::move(options)));
    }
}

SelftestLoad::~SelftestLoad() {
    [[maybe_unused]] const LoadCounts counts = stop(0);
}

std::string SelftestLoad::account(unsigned number) const {
    return hex(run_, 16) + hex(number, 16);
}

// Growing with time, as the ledger likes them.
std::string SelftestLoad::transfer_id(std::size_t worker, std::uint64_t number) const {
    return hex(run_, 16) + hex(1 + worker, 4) + hex(number, 12);
}

SelftestLoad::Answer SelftestLoad::ask(std::size_t target, const std::string& path, const std::string& body,
                                       const std::string& idempotency_key,
                                       const std::string& min_index) const {
    http::ClientRequest request;
    request.method = body.empty() ? "GET" : "POST";
    request.url = targets_[target].url + path;
    request.headers.push_back({"Authorization", "Bearer " + key_});
    if (!body.empty()) request.headers.push_back({"Content-Type", "application/json"});
    if (!idempotency_key.empty()) request.headers.push_back({"Idempotency-Key", idempotency_key});
    if (!min_index.empty()) request.headers.push_back({"Kontor-Min-Index", min_index});
    request.body = body;
    request.timeout_ms = kRequestMs;
    auto response = clients_[target]->fetch(std::move(request));
    Answer answer;
    if (!response) {
        answer.what = response.error().describe();
        return answer;
    }
    answer.status = response->status;
    answer.body = std::move(response->body);
    answer.what = std::to_string(answer.status) + " " + answer.body.substr(0, 300);
    for (const http::Header& header : response->headers)
        if (header.name == "Kontor-Log-Index" || header.name == "kontor-log-index")
            answer.index = header.value;
    return answer;
}

Result<void> SelftestLoad::start() {
    const Json accounts{{"accounts",
                         {{{"id", account(1)}, {"ledger", 1}, {"code", 1}},
                          {{"id", account(2)}, {"ledger", 1}, {"code", 1}}}}};
    // Each node by itself, so that a wrong address or certificate is noticed before anything is made to fail.
    for (std::size_t i = 0; i < targets_.size(); ++i) {
        const Answer made =
            ask(i, "/v1/ledger/accounts", accounts.dump(), "accounts-" + hex(run_, 16) + hex(i, 4));
        if (made.status != 200)
            return fail(ErrorCode::unavailable, "node " + std::to_string(targets_[i].node_no) + " at " +
                                                    targets_[i].url + ": " + made.what);
    }
    for (std::size_t i = 0; i < workers_.size(); ++i)
        workers_[i].thread = std::thread([this, i] { work(i); });
    return {};
}

void SelftestLoad::work(std::size_t worker) {
    std::uint64_t number = 0;
    while (!stopping_.load()) {
        if (sent_.fetch_add(1) >= kMaxTransfers) {
            std::this_thread::sleep_for(kRetryPause);
            continue;
        }
        workers_[worker].is_acknowledged.push_back(false);
        if (transfer(worker, ++number)) workers_[worker].is_acknowledged.back() = true;
    }
}

bool SelftestLoad::transfer(std::size_t worker, std::uint64_t number) {
    LoadCounts& counts = workers_[worker].counts;
    const std::string id = transfer_id(worker, number);
    const std::string body = Json{
        {"id", id},
        {"debit_account", account(1)},
        {"credit_account", account(2)},
        {"amount", 1},
        {"ledger", 1},
        {"code", 1}}.dump();
    const std::uint64_t begun = now_us();
    for (std::size_t target = worker + number;; ++target) {
        const Answer answer = ask(target % targets_.size(), "/v1/ledger/transfers", body, id);
        if (answer.status == 200) {
            ++counts.acknowledged;
            ++acknowledged_;
            counts.longest_us = std::max(counts.longest_us, now_us() - begun);
            recovered(begun, counts);
            workers_[worker].last_index = answer.index;
            return true;
        }
        const bool may_retry = answer.status == 0 || answer.status == 429 || answer.status == 503 ||
                               is_in_use(answer.status, answer.body);
        if (!may_retry) {
            ++counts.wrong;
            if (counts.first_wrong.empty()) counts.first_wrong = answer.what;
            return false;
        }
        ++counts.retryable;
        if (now_us() > give_up_us_.load()) {
            ++counts.unresolved;
            return false;
        }
        std::this_thread::sleep_for(kRetryPause);
    }
}

// A request that began after the failure can have been answered by a new leader only.
void SelftestLoad::recovered(std::uint64_t begun_us, LoadCounts& counts) const {
    const std::uint64_t failed = failed_us_.load();
    if (failed == 0 || begun_us < failed || counts.recovered_us >= 0) return;
    counts.recovered_us = static_cast<std::int64_t>(now_us() - failed);
}

LoadCounts SelftestLoad::stop(std::uint64_t grace_ms) {
    give_up_us_.store(now_us() + grace_ms * 1000);
    stopping_.store(true);
    LoadCounts sum;
    for (Worker& worker : workers_) {
        if (worker.thread.joinable()) worker.thread.join();
        const LoadCounts& one = worker.counts;
        sum.acknowledged += one.acknowledged;
        sum.unresolved += one.unresolved;
        sum.retryable += one.retryable;
        sum.wrong += one.wrong;
        sum.longest_us = std::max(sum.longest_us, one.longest_us);
        if (one.recovered_us >= 0 && (sum.recovered_us < 0 || one.recovered_us < sum.recovered_us))
            sum.recovered_us = one.recovered_us;
        if (sum.first_wrong.empty()) sum.first_wrong = one.first_wrong;
    }
    return sum;
}

Result<StoredCounts> SelftestLoad::check(std::uint64_t node_no) const {
    const auto target = static_cast<std::size_t>(
        std::find_if(targets_.begin(), targets_.end(),
                     [node_no](const SelftestTarget& one) { return one.node_no == node_no; }) -
        targets_.begin());
    if (target == targets_.size()) return fail(ErrorCode::not_found, "no such node");
    std::string known;  // what the node knows at least
    const auto read = [&](const std::string& path, const std::string& body) -> Result<Json> {
        Answer answer;
        for (unsigned i = 0; i < kLookUpTries; ++i) {
            answer = ask(target, path, body, {}, known);
            if (answer.status == 200) break;
            std::this_thread::sleep_for(kLookUpPause);
        }
        auto json = Json::parse(answer.body, nullptr, false);
        if (answer.status != 200 || !json.is_object())
            return fail(ErrorCode::unavailable, "node " + std::to_string(node_no) + ": " + answer.what);
        known = answer.index;  // never less than before: it is the same node
        return json;
    };
    StoredCounts stored;
    for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
        const auto& acknowledged = workers_[worker].is_acknowledged;
        if (!workers_[worker].last_index.empty()) known = workers_[worker].last_index;
        for (std::size_t at = 0; at < acknowledged.size(); at += kLookUpAtOnce) {
            const std::size_t end = std::min(acknowledged.size(), at + kLookUpAtOnce);
            Json ids = Json::array();
            for (std::size_t i = at; i < end; ++i) ids.push_back(transfer_id(worker, i + 1));
            KONTOR_TRY(const Json found, read("/v1/ledger/transfers/lookup", Json{{"ids", ids}}.dump()));
            std::unordered_set<std::string> there;
            for (const Json& row : found.value("transfers", Json::array())) there.insert(row.value("id", ""));
            stored.found += there.size();
            for (std::size_t i = at; i < end; ++i)
                if (acknowledged[i] && !there.contains(transfer_id(worker, i + 1))) ++stored.missing;
        }
    }
    // Every transfer is of 1, so what the account has posted is their number.
    KONTOR_TRY(const Json account_row, read("/v1/ledger/accounts/" + account(1), {}));
    const std::string text = account_row.value("debits_posted", "");
    std::uint64_t posted = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), posted).ec != std::errc{})
        return fail(ErrorCode::internal, "the account has no balance");
    if (posted > stored.found) stored.duplicates = posted - stored.found;
    if (posted < stored.found) stored.missing += stored.found - posted;
    return stored;
}

}  // namespace kontor::app
