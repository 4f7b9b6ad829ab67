#include "kontor/transport/greeting_peek.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace kontor::transport {
namespace {

constexpr int kHeadBytes = 9;  // of a record (type, version, length) and of the message in it (type, length)
constexpr unsigned char kHandshakeRecord = 22, kClientHello = 1;

void set_low_mark(int fd, int bytes) {
    (void)::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

}  // namespace

void await_greeting(int fd) {
    set_low_mark(fd, kHeadBytes);
}

GreetingPeek peek_greeting(int fd) {
    unsigned char head[kHeadBytes] = {};
    const ssize_t n = ::recv(fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? GreetingPeek::not_yet
                                                                         : GreetingPeek::closed;
    if (n == 0) return GreetingPeek::closed;
    if (head[0] == kHandshakeRecord && n < kHeadBytes) {
        pollfd one{fd, POLLRDHUP, 0};  // a side that has closed would wake us again and again
        return ::poll(&one, 1, 0) > 0 ? GreetingPeek::closed : GreetingPeek::not_yet;
    }
    set_low_mark(fd, 1);
    if (head[0] != kHandshakeRecord) return GreetingPeek::good;
    const std::size_t size = (std::size_t{head[6]} << 16U) | (std::size_t{head[7]} << 8U) | head[8];
    return head[5] == kClientHello && size <= kMaxGreetingBytes ? GreetingPeek::good : GreetingPeek::refused;
}

}  // namespace kontor::transport
