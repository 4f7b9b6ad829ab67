#pragma once
// A blocking client that sends any bytes, so that tests can be as rude as the network is.

#include <openssl/ssl.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kontor_test {

struct RawResponse {
    int status = 0;
    std::map<std::string, std::string> headers;  // lower-case names
    std::string body;
};

class RawClient {
 public:
    enum class End : std::uint8_t { clean, reset, timeout };  // clean: close_notify (TLS) or FIN (plain)

    RawClient(std::uint16_t port, bool tls = true, int receive_buffer_bytes = 0);
    ~RawClient();
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }
    bool send(std::string_view bytes);
    // nullopt when the connection ends or 10 s pass before a whole response is there.
    std::optional<RawResponse> response(bool head_only = false);
    // At least `n` bytes, or less when the connection ends.
    std::string read_some(std::size_t n);
    // Reads and drops the rest; says how the connection ended.
    End end(int timeout_ms = 5000);
    void abort();  // RST
    [[nodiscard]] SSL* ssl() { return ssl_; }
    [[nodiscard]] int fd() const { return fd_; }
    std::string buffer;  // received, not yet taken

 private:
    bool fill();
    int fd_ = -1;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
    bool connected_ = false;
    End last_ = End::timeout;
};

[[nodiscard]] std::string get(std::string_view target = "/", std::string_view more = "");
[[nodiscard]] std::string post(std::string_view target, std::string_view body, std::string_view more = "");

}  // namespace kontor_test
