#include "bench_setup.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "bench_wire.h"

namespace kontor::app {
namespace {

constexpr std::uint64_t kPollUs = 100'000;
constexpr std::size_t kShownBytes = 400;
constexpr auto kRefusedPause = std::chrono::milliseconds(50);

Error refusal(const std::string& what, const http::LoadAnswer& answer) {
    const std::string_view message = json_string(answer.body, "message");
    const bool is_of_key = answer.status == kNoSuchKey;
    const ErrorCode code = is_of_key              ? ErrorCode::unauthenticated
                           : answer.status == 403 ? ErrorCode::permission_denied
                           : answer.status >= 500 ? ErrorCode::unavailable
                                                  : ErrorCode::unsupported;
    const std::string said(message.empty() ? answer.body.substr(0, kShownBytes) : message);
    return {code, what + ": " +
                      (is_of_key ? std::string(kNoSuchKeyText)
                                 : "the server answered " + std::to_string(answer.status) + ": " + said)};
}

class SetupRun final : public http::LoadHandler {
 public:
    SetupRun(const SetupWork& work, http::LoadClient& client, const SetupProgress& progress)
        : work_(work), client_(client), progress_(progress), request_of_(work.connections) {}

    Result<void> run() {
        for (std::size_t i = 0; i < request_of_.size() && next_ < work_.requests; ++i) send(i, next_++);
        auto heard = std::chrono::steady_clock::now();
        std::uint64_t done_before = 0;
        while (done_ < work_.requests && !error_) {
            client_.poll(kPollUs, *this);
            send_refused_again();
            const auto now = std::chrono::steady_clock::now();
            if (done_ != done_before) heard = now;
            done_before = done_;
            if (now - heard > std::chrono::milliseconds(kSetupPatienceMs))
                return fail(ErrorCode::timeout, "the server does not get on with preparing " + work_.what);
            const std::uint64_t items = work_.items != 0 ? work_.items : work_.requests;
            if (!progress_(work_.what, std::min(done_ * work_.items_each, items), items))
                return fail(ErrorCode::unavailable, "interrupted");
        }
        if (error_) return fail(*std::move(error_));
        return {};
    }

    void on_answer(std::size_t connection, const http::LoadAnswer& answer) override {
        const std::uint64_t request = request_of_[connection];
        if (answer.status == 429 || answer.status == 503) {
            refused_.push_back(connection);
            return;
        }
        if (answer.status == 200) {
            if (auto taken = work_.take(request, answer.body); !taken)
                return refuse(std::move(taken).error());
        } else if (answer.status == 0) {
            return refuse(
                {ErrorCode::unavailable, "preparing " + work_.what + ": " + std::string(answer.failure)});
        } else {
            return refuse(refusal("preparing " + work_.what, answer));
        }
        ++done_;
        if (next_ < work_.requests && !error_) send(connection, next_++);
    }

 private:
    void send(std::size_t connection, std::uint64_t request) {
        request_of_[connection] = request;
        work_.write(request, client_.buffer(connection));
        client_.send(connection);
    }
    void send_refused_again() {
        if (refused_.empty()) return;
        std::this_thread::sleep_for(kRefusedPause);
        std::vector<std::size_t> again;
        again.swap(refused_);
        for (const std::size_t connection : again) send(connection, request_of_[connection]);
    }
    void refuse(Error error) {
        if (!error_) error_ = std::move(error);
    }

    const SetupWork& work_;
    http::LoadClient& client_;
    const SetupProgress& progress_;
    std::vector<std::uint64_t> request_of_;
    std::vector<std::size_t> refused_;
    std::uint64_t next_ = 0, done_ = 0;
    std::optional<Error> error_;
};

}  // namespace

Result<void> run_setup(const BenchTarget& target, const SetupWork& work, const SetupProgress& progress) {
    if (work.requests == 0) return {};
    http::LoadClientOptions options;
    options.url = target.url;
    options.ca_pem = target.ca_pem;
    options.connections = static_cast<std::size_t>(std::min<std::uint64_t>(work.connections, work.requests));
    KONTOR_TRY(const auto client, http::LoadClient::connect(options));
    SetupWork bounded = work;
    bounded.connections = options.connections;
    return SetupRun(bounded, *client, progress).run();
}

}  // namespace kontor::app
