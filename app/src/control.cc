#include "control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

#include "kontor/base/log.h"

namespace kontor::app {
namespace {

constexpr std::size_t kMaxLineBytes = 64U << 10U;
constexpr std::size_t kMaxAnswerBytes = 16U << 20U;
constexpr int kClientTimeoutMs = 5'000;
constexpr int kAcceptPauseMs = 100;
constexpr int kTellAfterMs = 5'000;

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

// One line without its end; nullopt when the peer closed, was silent too long or sent too much.
std::string read_line(int fd, std::size_t limit, int timeout_ms) {
    std::string line;
    for (;;) {
        pollfd waiting{fd, POLLIN, 0};
        if (::poll(&waiting, 1, timeout_ms) <= 0) return {};
        char buffer[4096];
        const ssize_t n = ::read(fd, buffer, sizeof(buffer));
        if (n <= 0) return {};
        line.append(buffer, static_cast<std::size_t>(n));
        const std::size_t end = line.find('\n');
        if (end != std::string::npos) return line.substr(0, end);
        if (line.size() > limit) return {};
    }
}

// A client that does not read must not keep the node from stopping.
void limit_sending(int fd) {
    const timeval timeout{kClientTimeoutMs / 1000, 0};
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

class ControlServerImpl final : public ControlServer {
 public:
    ControlServerImpl(std::string path, Handler handler, Descriptor listener, Descriptor wake)
        : path_(std::move(path)),
          handler_(std::move(handler)),
          listener_(std::move(listener)),
          wake_(std::move(wake)) {
        thread_ = std::thread([this] { run(); });
    }
    ~ControlServerImpl() override {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(wake_.fd, &one, sizeof(one));
        thread_.join();
        ::unlink(path_.c_str());
    }

 private:
    void run() {
        for (;;) {
            pollfd waiting[2] = {{listener_.fd, POLLIN, 0}, {wake_.fd, POLLIN, 0}};
            if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return;
            if ((waiting[1].revents & POLLIN) != 0) return;
            if ((waiting[0].revents & POLLIN) == 0) continue;
            const Descriptor client(::accept4(listener_.fd, nullptr, nullptr, SOCK_CLOEXEC));
            if (client.fd < 0) {
                ::poll(&waiting[1], 1, kAcceptPauseMs);  // out of descriptors: not in a circle
                continue;
            }
            limit_sending(client.fd);
            const std::string request = read_line(client.fd, kMaxLineBytes, kClientTimeoutMs);
            if (request.empty()) continue;
            write_all(client.fd, answer(request) + "\n");
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
    std::thread thread_;
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

Result<Descriptor> connect_to(const std::string& path) {
    KONTOR_TRY(const sockaddr_un address, address_of(path));
    Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (client.fd < 0) return fail(errno_error("socket", errno));
    if (::connect(client.fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        if (errno == EACCES)
            return fail(ErrorCode::permission_denied,
                        "this user may not use " + path + "; run as the node's user");
        return fail(ErrorCode::unavailable, "no node is running with " + path);
    }
    return client;
}

}  // namespace

Result<int> control_peer(const std::string& path) {
    KONTOR_TRY(const Descriptor client, connect_to(path));
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(client.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail(errno_error("ask who listens at " + path, errno));
    if (peer.pid <= 0) return fail(ErrorCode::unsupported, "the node's process is not of this machine");
    return static_cast<int>(peer.pid);
}

Result<std::string> control_call(const std::string& path, const std::string& request_json) {
    KONTOR_TRY(const Descriptor client, connect_to(path));
    if (!write_all(client.fd, request_json + "\n"))
        return fail(ErrorCode::io, "the node closed the control socket");
    // Some answers take their time (verify), so nothing is given up; whoever waits shall know for what.
    pollfd waiting{client.fd, POLLIN, 0};
    if (::poll(&waiting, 1, kTellAfterMs) == 0)
        std::fprintf(
            stderr,
            "Waiting: the node that listens at %s has not answered for %d s. It may have much to do, "
            "or be stopped; Ctrl-C ends only this command.\n",
            path.c_str(), kTellAfterMs / 1'000);
    std::string answer = read_line(client.fd, kMaxAnswerBytes, -1);
    if (answer.empty()) return fail(ErrorCode::io, "the node gave no answer");
    return answer;
}

}  // namespace kontor::app
