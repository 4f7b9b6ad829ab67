#include "address_shares.h"

#include "kontor/base/assert.h"

namespace kontor::http {

namespace ip = boost::asio::ip;

std::string plain_address(const ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return ip::make_address_v4(ip::v4_mapped, address.to_v6()).to_string();
    return address.to_string();
}

bool AddressShares::take(const std::string& key, std::size_t most) {
    Shard& in = shard(key);
    const std::lock_guard lock(in.mutex);
    std::size_t& count = in.counts[key];
    if (count >= most) {
        if (count == 0) in.counts.erase(key);
        return false;
    }
    ++count;
    return true;
}

void AddressShares::give_back(const std::string& key) {
    Shard& in = shard(key);
    const std::lock_guard lock(in.mutex);
    const auto found = in.counts.find(key);
    KONTOR_ASSERT(found != in.counts.end(), "a connection is counted once");
    if (--found->second == 0) in.counts.erase(found);
}

std::size_t AddressShares::count(const std::string& key) const {
    Shard& in = shard(key);
    const std::lock_guard lock(in.mutex);
    const auto found = in.counts.find(key);
    return found == in.counts.end() ? 0 : found->second;
}

}  // namespace kontor::http
