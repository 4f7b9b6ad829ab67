#include "control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "kontor/base/log.h"

namespace kontor::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kAcceptPauseMs = 100;
constexpr auto kSignEvery = std::chrono::milliseconds(1'000);
constexpr const char* kTooManyText = R"({"error":"too many requests wait already; try again in a moment"})";
constexpr const char* kStoppingText = R"({"error":"this node is stopping; nothing was done"})";

struct Descriptor {
    int fd = -1;
    Descriptor() = default;
    explicit Descriptor(int value) : fd(value) {}
    Descriptor(Descriptor&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd, other.fd);
        return *this;
    }
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return fail(ErrorCode::invalid_argument,
                    "the path of the control socket is too long (107 bytes): " + path);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

int ms_until(Clock::time_point end) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
}

// False: the other end does not take it in this time, has gone, or `wake_fd` (-1: none) has become readable.
// What fits into the socket is sent in any case.
bool write_all(int fd, std::string_view bytes, int within_ms, int wake_fd = -1) {
    const auto end = Clock::now() + std::chrono::milliseconds(within_ms);
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
            continue;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return false;
        pollfd waiting[2] = {{fd, POLLOUT, 0}, {wake_fd, POLLIN, 0}};
        const int came = ::poll(waiting, 2, ms_until(end));
        if (came < 0 && errno == EINTR) continue;
        if (came <= 0 || (waiting[1].revents & POLLIN) != 0) return false;
    }
    return true;
}

// Both directions are closed: nobody is left who would hear the answer.
bool has_gone(int fd) {
    pollfd waiting{fd, 0, 0};
    return ::poll(&waiting, 1, 0) > 0 && (waiting.revents & (POLLHUP | POLLERR)) != 0;
}

class ControlServerImpl final : public ControlServer {
 public:
    ControlServerImpl(ControlOptions options, Descriptor listener, Descriptor wake)
        : options_(std::move(options)), listener_(std::move(listener)), wake_(std::move(wake)) {
        try {
            for (Lane& lane : lanes_) lane.answers = std::thread([this, &lane] { answer_all(lane); });
            takes_ = std::thread([this] { take_all(); });
        } catch (...) {
            end();
            throw;
        }
    }
    ~ControlServerImpl() override {
        end();
        ::unlink(options_.path.c_str());
    }

 private:
    struct Client {
        Descriptor socket;
        std::string request;  // of what was sent so far
        Clock::time_point deadline;
    };
    struct Lane {
        std::deque<Client> waiting;     // guarded by mutex_
        std::optional<Client> at_work;  // guarded by mutex_; hears that the node lives, too
        std::condition_variable changed;
        std::thread answers;
    };

    void end() {
        const std::uint64_t one = 1;  // nobody reads it: every poll is woken, and stays so
        [[maybe_unused]] const auto written = ::write(wake_.fd, &one, sizeof(one));
        if (takes_.joinable()) takes_.join();
        {
            const std::lock_guard lock(mutex_);
            is_stopping_ = true;
        }
        for (Lane& lane : lanes_) lane.changed.notify_all();
        for (Lane& lane : lanes_)
            if (lane.answers.joinable()) lane.answers.join();
    }

    // --- the thread that takes requests

    void take_all() {
        auto next_sign = Clock::now() + kSignEvery;
        for (;;) {
            std::vector<pollfd> polls{{wake_.fd, POLLIN, 0}, {listener_.fd, POLLIN, 0}};
            auto next = next_sign;
            for (const Client& client : senders_) {
                polls.push_back({client.socket.fd, POLLIN, 0});
                next = std::min(next, client.deadline);
            }
            const int came = ::poll(polls.data(), polls.size(), ms_until(next));
            if (came < 0 && errno != EINTR) return;
            if (came > 0 && (polls[0].revents & POLLIN) != 0) return;
            if (Clock::now() >= next_sign) {
                tell_that_it_lives();
                next_sign = Clock::now() + kSignEvery;
            }
            if (came > 0) hear_senders(polls);
            std::erase_if(senders_, [](const Client& one) {
                return one.socket.fd < 0 || Clock::now() >= one.deadline;
            });
            if (came > 0 && (polls[1].revents & POLLIN) != 0) accept_one(polls[0]);
        }
    }

    void accept_one(pollfd& wake) {
        Descriptor socket(::accept4(listener_.fd, nullptr, nullptr, SOCK_CLOEXEC));
        if (socket.fd < 0) {
            ::poll(&wake, 1, kAcceptPauseMs);  // out of descriptors: not in a circle
            return;
        }
        if (senders_.size() >= kControlSending) senders_.pop_front();
        const auto deadline = Clock::now() + std::chrono::milliseconds(kControlRequestMs);
        senders_.push_back({std::move(socket), "", deadline});
    }

    // `polls` has the senders from its third place on.
    void hear_senders(const std::vector<pollfd>& polls) {
        for (std::size_t i = 0; i + 2 < polls.size(); ++i) {
            if (polls[i + 2].revents == 0) continue;
            Client& client = senders_[i];
            char buffer[4096];
            const ssize_t n = ::recv(client.socket.fd, buffer, sizeof(buffer), MSG_DONTWAIT);
            if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            if (n > 0) client.request.append(buffer, static_cast<std::size_t>(n));
            const std::size_t end = client.request.find('\n');
            const bool is_whole = n > 0 && end != std::string::npos && end > 0;
            const bool goes_on =
                n > 0 && end == std::string::npos && client.request.size() <= kControlRequestBytes;
            if (goes_on) continue;
            Client taken = std::exchange(client, {});  // the place left behind has no socket
            if (is_whole) enqueue(std::move(taken), end);
        }
    }

    void enqueue(Client client, std::size_t end) {
        client.request.resize(end);
        Lane& lane = lanes_[static_cast<std::size_t>(lane_of(client.request))];
        {
            const std::lock_guard lock(mutex_);
            if (lane.waiting.size() >= kControlWaiting)
                std::erase_if(lane.waiting, [](const Client& one) { return has_gone(one.socket.fd); });
            if (lane.waiting.size() < kControlWaiting) {
                lane.waiting.push_back(std::move(client));
                lane.changed.notify_all();
                return;
            }
        }
        tell(client, kTooManyText, 0);
    }

    [[nodiscard]] ControlLane lane_of(const std::string& request) const {
        return options_.lane_of ? options_.lane_of(request) : ControlLane::question;
    }

    // JSON does not mind blanks before it.
    void tell_that_it_lives() {
        const auto sign = [](const Client& client) {
            (void)!::send(client.socket.fd, " ", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        };
        const std::lock_guard lock(mutex_);
        for (const Lane& lane : lanes_) {
            for (const Client& client : lane.waiting) sign(client);
            if (lane.at_work) sign(*lane.at_work);
        }
    }

    void tell(const Client& client, const std::string& text, int within_ms) const {
        write_all(client.socket.fd, text + "\n", within_ms, wake_.fd);
    }

    // --- the threads that answer, one a lane

    void answer_all(Lane& lane) {
        std::unique_lock lock(mutex_);
        for (;;) {
            lane.changed.wait(lock, [&] { return is_stopping_ || !lane.waiting.empty(); });
            if (is_stopping_) break;
            lane.at_work = std::move(lane.waiting.front());
            lane.waiting.pop_front();
            const std::string request = lane.at_work->request;
            const bool is_begun = !has_gone(lane.at_work->socket.fd);
            lock.unlock();
            const std::string text = !is_begun ? "" : is_too_late(lane) ? kStoppingText : answer(request);
            lock.lock();
            const Client client = *std::exchange(lane.at_work, std::nullopt);
            lock.unlock();
            if (is_begun) tell(client, text, kControlAnswerMs);
            lock.lock();
        }
        for (const Client& client : lane.waiting) tell(client, kStoppingText, 0);
        lane.waiting.clear();
    }

    [[nodiscard]] bool is_too_late(const Lane& lane) const {
        return &lane != &lanes_[static_cast<std::size_t>(ControlLane::question)] && options_.shall_stop &&
               options_.shall_stop();
    }

    // Whatever a client sends, this thread goes on.
    std::string answer(const std::string& request) const {
        try {
            return options_.handler(request);
        } catch (const std::exception& e) {
            log::error("control", e.what());
            return R"({"error":"this request cannot be answered"})";
        }
    }

    const ControlOptions options_;
    Descriptor listener_, wake_;
    std::deque<Client> senders_;  // of the thread that takes requests
    std::mutex mutex_;
    std::array<Lane, kControlLanes> lanes_;
    bool is_stopping_ = false;  // guarded by mutex_
    std::thread takes_;
};

}  // namespace

std::string control_path(const std::string& data_folder) {
    return data_folder + "/control.sock";
}

Result<std::unique_ptr<ControlServer>> ControlServer::start(ControlOptions options) {
    const std::string& path = options.path;
    KONTOR_TRY(const sockaddr_un address, address_of(path));
    // Of an earlier process: the data folder's lock says that we are the only one.
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return fail(errno_error("remove the control socket of an earlier run, " + path, errno));
    Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (listener.fd < 0) return fail(errno_error("socket", errno));
    // The process's mask has kept others away already (private_process.h).
    if (::bind(listener.fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return fail(errno_error("bind " + path, errno));
    if (::chmod(path.c_str(), 0600) != 0) return fail(errno_error("chmod " + path, errno));
    if (::listen(listener.fd, 16) != 0) return fail(errno_error("listen " + path, errno));
    Descriptor wake(::eventfd(0, EFD_CLOEXEC));
    if (wake.fd < 0) return fail(errno_error("eventfd", errno));
    try {
        return Result<std::unique_ptr<ControlServer>>(
            std::make_unique<ControlServerImpl>(std::move(options), std::move(listener), std::move(wake)));
    } catch (const std::system_error& e) {
        return fail(ErrorCode::unavailable, std::string("no thread for the control socket: ") + e.what());
    }
}

namespace {

Unexpected no_answer(const std::string& path) {
    return fail(ErrorCode::timeout,
                "the node that listens at " + path +
                    " does not answer: it, or its machine, stands still. Look at its process; what was asked "
                    "of it may still be done when it goes on");
}

// One line without its end, of which every part comes within `silent_ms`.
Result<std::string> read_line(int fd, int silent_ms) {
    std::string line;
    for (;;) {
        pollfd waiting{fd, POLLIN, 0};
        const int came = ::poll(&waiting, 1, silent_ms);
        if (came < 0 && errno == EINTR) continue;
        if (came == 0) return fail(ErrorCode::timeout, "nothing came");
        char buffer[4096];
        const ssize_t n = ::read(fd, buffer, sizeof(buffer));
        if (n <= 0) return fail(ErrorCode::io, "the other end closed the control socket");
        line.append(buffer, static_cast<std::size_t>(n));
        const std::size_t end = line.find('\n');
        if (end != std::string::npos) return line.substr(0, end);
        if (line.size() > kControlAnswerBytes) return fail(ErrorCode::too_large, "the line is too long");
    }
}

// While the node takes nobody.
void limit_connecting(int fd, int ms) {
    const timeval timeout{ms / 1'000, ms % 1'000 * 1'000};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

Result<Descriptor> connect_to(const std::string& path, int silent_ms) {
    KONTOR_TRY(const sockaddr_un address, address_of(path));
    Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (client.fd < 0) return fail(errno_error("socket", errno));
    limit_connecting(client.fd, silent_ms);
    if (::connect(client.fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        if (errno == EACCES)
            return fail(ErrorCode::permission_denied,
                        "this user may not use " + path + "; run as the node's user");
        if (errno == EAGAIN) return no_answer(path);  // others wait before us
        return fail(ErrorCode::unavailable, "no node is running with " + path);
    }
    return client;
}

}  // namespace

Result<int> control_peer(const std::string& path) {
    KONTOR_TRY(const Descriptor client, connect_to(path, kControlSilentMs));
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(client.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail(errno_error("ask who listens at " + path, errno));
    if (peer.pid <= 0) return fail(ErrorCode::unsupported, "the node's process is not of this machine");
    return static_cast<int>(peer.pid);
}

Result<std::string> control_call(const std::string& path, const std::string& request_json, int silent_ms) {
    KONTOR_TRY(const Descriptor client, connect_to(path, silent_ms));
    const Error ended{ErrorCode::io, "the node ended before it answered; whether it was done is not known"};
    const auto asked = Clock::now();
    if (!write_all(client.fd, request_json + "\n", silent_ms)) {
        const bool is_silent = Clock::now() - asked >= std::chrono::milliseconds(silent_ms);
        return is_silent ? no_answer(path) : fail(ended);
    }
    auto answer = read_line(client.fd, silent_ms);
    if (!answer && answer.error().code == ErrorCode::timeout) return no_answer(path);
    if (!answer) return fail(ended);
    answer->erase(0, answer->find_first_not_of(' '));
    if (answer->empty()) return fail(ended);
    return answer;
}

}  // namespace kontor::app
