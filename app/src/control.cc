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
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "kontor/base/log.h"

namespace kontor::app {
namespace {

constexpr std::size_t kMaxLineBytes = 64U << 10U;
constexpr std::size_t kMaxAnswerBytes = 16U << 20U;
constexpr int kClientTimeoutMs = 5'000;
constexpr int kRequestWithinMs = 2'000;  // nobody else hears a sign meanwhile
constexpr int kAcceptPauseMs = 100;
constexpr int kSignEveryMs = 1'000;
constexpr std::size_t kMaxClients = 64;  // at once

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

// One line without its end, of which every part comes within `silent_ms`, and all of it within `within_ms`.
Result<std::string> read_line(int fd, std::size_t limit, int silent_ms, std::optional<int> within_ms = {}) {
    const auto began = std::chrono::steady_clock::now();
    std::string line;
    for (;;) {
        pollfd waiting{fd, POLLIN, 0};
        int wait_ms = silent_ms;
        if (within_ms) {
            const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
                std::chrono::steady_clock::now() - began);
            wait_ms = std::clamp(*within_ms - static_cast<int>(took.count()), 0, silent_ms);
        }
        const int came = ::poll(&waiting, 1, wait_ms);
        if (came < 0 && errno == EINTR) continue;
        if (came == 0) return fail(ErrorCode::timeout, "nothing came");
        char buffer[4096];
        const ssize_t n = ::read(fd, buffer, sizeof(buffer));
        if (n <= 0) return fail(ErrorCode::io, "the other end closed the control socket");
        line.append(buffer, static_cast<std::size_t>(n));
        const std::size_t end = line.find('\n');
        if (end != std::string::npos) return line.substr(0, end);
        if (line.size() > limit) return fail(ErrorCode::too_large, "the line is too long");
    }
}

// Whoever does not read must not keep the other end from going on. Connecting waits so long, too.
void limit_sending(int fd, int ms) {
    const timeval timeout{ms / 1'000, ms % 1'000 * 1'000};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

// Two threads: one takes requests and says to all who wait that the node lives, the other answers.
class ControlServerImpl final : public ControlServer {
 public:
    ControlServerImpl(std::string path, Handler handler, Descriptor listener, Descriptor wake)
        : path_(std::move(path)),
          handler_(std::move(handler)),
          listener_(std::move(listener)),
          wake_(std::move(wake)) {
        answers_ = std::thread([this] { answer_all(); });
        try {
            takes_ = std::thread([this] { take_all(); });
        } catch (...) {
            end_answers();
            throw;
        }
    }
    ~ControlServerImpl() override {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(wake_.fd, &one, sizeof(one));
        takes_.join();
        end_answers();
        ::unlink(path_.c_str());
    }

 private:
    struct Client {
        Descriptor socket;
        std::string request;
    };

    void end_answers() {
        {
            const std::lock_guard lock(mutex_);
            is_stopping_ = true;
        }
        changed_.notify_all();
        answers_.join();
    }

    void take_all() {
        for (;;) {
            pollfd waiting[2] = {{listener_.fd, POLLIN, 0}, {wake_.fd, POLLIN, 0}};
            const int came = ::poll(waiting, 2, kSignEveryMs);
            if (came < 0 && errno != EINTR) return;
            if ((waiting[1].revents & POLLIN) != 0) return;
            tell_that_it_lives();
            if (came <= 0 || (waiting[0].revents & POLLIN) == 0) continue;
            Descriptor socket(::accept4(listener_.fd, nullptr, nullptr, SOCK_CLOEXEC));
            if (socket.fd < 0) {
                ::poll(&waiting[1], 1, kAcceptPauseMs);  // out of descriptors: not in a circle
                continue;
            }
            limit_sending(socket.fd, kClientTimeoutMs);
            auto request = read_line(socket.fd, kMaxLineBytes, kRequestWithinMs, kRequestWithinMs);
            if (!request || request->empty()) continue;
            const std::lock_guard lock(mutex_);
            if (clients_.size() >= kMaxClients) continue;
            clients_.push_back({std::move(socket), *std::move(request)});
            changed_.notify_all();
        }
    }

    // JSON does not mind blanks before it.
    void tell_that_it_lives() {
        const std::lock_guard lock(mutex_);
        for (const Client& client : clients_)
            (void)!::send(client.socket.fd, " ", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }

    void answer_all() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return is_stopping_ || !clients_.empty(); });
            if (is_stopping_) return;
            // It stays in the list, and hears that the node lives, until its answer begins.
            const std::string request = clients_.front().request;
            lock.unlock();
            const std::string text = answer(request) + "\n";
            lock.lock();
            const Client client = std::move(clients_.front());
            clients_.pop_front();
            lock.unlock();
            write_all(client.socket.fd, text);
            lock.lock();
        }
    }

    // Whatever a client sends, this thread goes on.
    std::string answer(const std::string& request) const {
        try {
            return handler_(request);
        } catch (const std::exception& e) {
            log::error("control", e.what());
            return R"({"error":"this request cannot be answered"})";
        }
    }

    std::string path_;
    Handler handler_;
    Descriptor listener_, wake_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Client> clients_;  // guarded by mutex_: who waits for an answer; the first one's is being made
    bool is_stopping_ = false;    // guarded by mutex_
    std::thread answers_, takes_;
};

}  // namespace

std::string control_path(const std::string& data_folder) {
    return data_folder + "/control.sock";
}

Result<std::unique_ptr<ControlServer>> ControlServer::start(const std::string& path, Handler handler) {
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
    return Result<std::unique_ptr<ControlServer>>(
        std::make_unique<ControlServerImpl>(path, std::move(handler), std::move(listener), std::move(wake)));
}

namespace {

Unexpected no_answer(const std::string& path) {
    return fail(ErrorCode::timeout,
                "the node that listens at " + path +
                    " does not answer: it, or its machine, stands still. Look at its process; what was asked "
                    "of it may still be done when it goes on");
}

Result<Descriptor> connect_to(const std::string& path, int silent_ms) {
    KONTOR_TRY(const sockaddr_un address, address_of(path));
    Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (client.fd < 0) return fail(errno_error("socket", errno));
    limit_sending(client.fd, silent_ms);
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
    KONTOR_TRY(const Descriptor client, connect_to(path, kClientTimeoutMs));
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(client.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail(errno_error("ask who listens at " + path, errno));
    if (peer.pid <= 0) return fail(ErrorCode::unsupported, "the node's process is not of this machine");
    return static_cast<int>(peer.pid);
}

Result<std::string> control_call(const std::string& path, const std::string& request_json, int silent_ms) {
    KONTOR_TRY(const Descriptor client, connect_to(path, silent_ms));
    if (!write_all(client.fd, request_json + "\n"))
        return fail(ErrorCode::io, "the node closed the control socket");
    auto answer = read_line(client.fd, kMaxAnswerBytes, silent_ms);
    if (!answer && answer.error().code == ErrorCode::timeout) return no_answer(path);
    if (!answer) return fail(ErrorCode::io, "the node gave no answer");
    answer->erase(0, answer->find_first_not_of(' '));
    if (answer->empty()) return fail(ErrorCode::io, "the node gave no answer");
    return answer;
}

}  // namespace kontor::app
