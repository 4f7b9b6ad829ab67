#pragma once
// How many connections each client (kontor/base/address_key.h) has, over all threads of a server.
//
// Threading: any thread; asked when connections come and go, never for a request. Limits: as many addresses
// as there are connections.

#include <array>
#include <boost/asio/ip/address.hpp>
#include <mutex>
#include <string>
#include <unordered_map>

namespace kontor::http {

// As people write it: IPv4 also where it came mapped into IPv6.
[[nodiscard]] std::string plain_address(const boost::asio::ip::address& address);

class AddressShares {
 public:
    // True, and counted, when the address had fewer than `most`.
    [[nodiscard]] bool take(const std::string& key, std::size_t most);
    void give_back(const std::string& key);
    [[nodiscard]] std::size_t count(const std::string& key) const;

 private:
    struct Shard {
        mutable std::mutex mutex;
        std::unordered_map<std::string, std::size_t> counts;
    };
    [[nodiscard]] Shard& shard(const std::string& key) const {
        return shards_[std::hash<std::string>{}(key) % shards_.size()];
    }
    mutable std::array<Shard, 16> shards_;
};

}  // namespace kontor::http
