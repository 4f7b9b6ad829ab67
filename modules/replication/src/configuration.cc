#include "configuration.h"

#include <algorithm>

#include "kontor/base/bytes.h"
#include "raft_core.h"

namespace kontor::replication {

namespace {

constexpr std::uint8_t kFormat = 1;

const char* problem_of(const Configuration& configuration) {
    const auto& servers = configuration.servers;
    if (servers.empty()) return "no server";
    if (servers.size() > kMaxServers) return "too many servers";
    for (std::size_t i = 0; i < servers.size(); ++i) {
        const Server& server = servers[i];
        if (server.id == 0) return "server id 0";
        if (server.address.empty() || server.address.size() > kMaxAddressBytes) return "address length";
        if (server.address.find('\0') != std::string::npos) return "zero byte in an address";
        for (std::size_t j = 0; j < i; ++j) {
            if (servers[j].id == server.id) return "server id twice";
            if (servers[j].address == server.address) return "address twice";
        }
    }
    return nullptr;
}

}  // namespace

const Server* Configuration::find(std::uint64_t id) const {
    const auto found =
        std::find_if(servers.begin(), servers.end(), [id](const Server& s) { return s.id == id; });
    return found == servers.end() ? nullptr : &*found;
}

std::size_t Configuration::voters() const {
    return static_cast<std::size_t>(std::count_if(
        servers.begin(), servers.end(), [](const Server& s) { return s.role == ServerRole::voter; }));
}

bool Configuration::sole_voter(std::uint64_t id) const {
    const Server* self = find(id);
    return self != nullptr && self->role == ServerRole::voter && voters() == 1;
}

Result<std::string> encode_configuration(const Configuration& configuration) {
    if (const char* problem = problem_of(configuration); problem != nullptr) {
        return fail(ErrorCode::invalid_argument, std::string("cluster configuration: ") + problem);
    }
    std::vector<std::uint64_t> ids;
    std::vector<const char*> addresses;
    std::vector<int> roles;
    for (const Server& server : configuration.servers) {
        ids.push_back(server.id);
        addresses.push_back(server.address.c_str());
        roles.push_back(static_cast<int>(server.role));
    }
    std::string out(16 + kMaxServers * (kMaxAddressBytes + 10), '\0');
    const std::size_t size =
        kontor_raft_configuration_encode(ids.data(), addresses.data(), roles.data(),
                                         static_cast<unsigned>(ids.size()), out.data(), out.size());
    if (size == 0 || size > out.size())
        return fail(ErrorCode::internal, "cluster configuration: not encodable");
    out.resize(size);
    return out;
}

Result<Configuration> decode_configuration(std::string_view bytes) {
    const auto bad = [](const char* what) {
        return fail(ErrorCode::corruption, std::string("cluster configuration: ") + what);
    };
    if (bytes.size() < 9 || static_cast<std::uint8_t>(bytes[0]) != kFormat) return bad("unknown format");
    const auto count = get_le<std::uint64_t>(bytes.substr(1));
    if (count > kMaxServers) return bad("too many servers");
    std::string_view rest = bytes.substr(9);
    Configuration configuration;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (rest.size() < 8) return bad("cut");
        Server server;
        server.id = get_le<std::uint64_t>(rest);
        rest.remove_prefix(8);
        const std::size_t end = rest.find('\0');
        if (end == std::string_view::npos || rest.size() < end + 2) return bad("cut");
        server.address = std::string(rest.substr(0, end));
        const auto role = static_cast<std::uint8_t>(rest[end + 1]);
        if (role > static_cast<std::uint8_t>(ServerRole::voter)) return bad("unknown role");
        server.role = static_cast<ServerRole>(role);
        rest.remove_prefix(end + 2);
        configuration.servers.push_back(std::move(server));
    }
    if (rest.size() >= 8 || rest.find_first_not_of('\0') != std::string_view::npos)
        return bad("bytes after the end");
    if (const char* problem = problem_of(configuration); problem != nullptr) return bad(problem);
    return configuration;
}

}  // namespace kontor::replication
