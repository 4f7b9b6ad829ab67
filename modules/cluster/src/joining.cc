// The new node's side of joining; the leader's is ClusterImpl::admit.

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "identity.h"
#include "kontor/base/bytes.h"
#include "kontor/base/files.h"
#include "kontor/cluster/cluster.h"
#include "kontor/machine/features.h"
#include "kontor/members.pb.h"
#include "kontor/peer.pb.h"
#include "token.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kJoinTimeoutMs = 15'000;

// A folder that was a node must not become a new one: it would forget what it voted.
Result<void> check_empty(const std::string& data_folder) {
    if (file_exists(data_folder + "/groups"))
        return fail(ErrorCode::already_exists,
                    data_folder + " holds a node's data already: join with an empty data folder");
    std::error_code ec;
    std::filesystem::create_directories(data_folder, ec);
    if (ec) return fail(ErrorCode::io, "cannot make " + data_folder + ": " + ec.message());
    return {};
}

// Everything else is a refusal, the same wherever it is asked for.
bool may_pass_elsewhere(ErrorCode code) {
    return code == ErrorCode::unavailable || code == ErrorCode::overloaded || code == ErrorCode::timeout ||
           code == ErrorCode::io;
}

Result<pb::JoinReply> ask(const Token& token, const pb::JoinRequest& request) {
    Error last{ErrorCode::unavailable, "no address in the token"};
    for (const std::string& address : token.addresses) {
        const auto answer = peer::anonymous_call(address, token.authority_sha256, call_kind::join,
                                                 request.SerializeAsString(), kJoinTimeoutMs);
        if (!answer) {
            last = answer.error();
            last.message = address + ": " + last.message;
            if (!may_pass_elsewhere(last.code)) break;
            continue;
        }
        pb::JoinReply reply;
        if (reply.ParseFromString(*answer)) return reply;
        last = {ErrorCode::unsupported, address + ": the answer cannot be read; are the versions far apart?"};
    }
    return fail(last);
}

}  // namespace

Result<Joined> join(const JoinWishes& wishes) {
    KONTOR_TRY(const Token token, parse_token(wishes.token));
    if (wishes.advertised.empty())
        return fail(ErrorCode::invalid_argument,
                    "set cluster.address to the host name or address by which other nodes reach this one");
    const std::string token_hash = to_hex(crypto::sha256(token.secret));
    KONTOR_TRY(auto earlier, load_identity(wishes.data_folder));
    Identity self;
    if (earlier && earlier->joined_with == token_hash) {
        self = *std::move(earlier);  // the same again: the answer may have been lost
        if (self.node_no != 0) return Joined{self.node_no, to_hex(self.cluster_id), false};
    } else if (earlier && earlier->node_no != 0) {
        return fail(
            ErrorCode::already_exists,
            wishes.data_folder + " is node " + std::to_string(earlier->node_no) + " of a cluster already");
    } else {
        KONTOR_CHECK(check_empty(wishes.data_folder));
        if (!wishes.marker.empty() && ::unlink(wishes.marker.c_str()) != 0 && errno != ENOENT)
            return fail(errno_error("remove " + wishes.marker, errno));
        KONTOR_TRY(auto keys, peer::make_private_key_and_request());
        self.name = wishes.name;
        self.advertised = wishes.advertised;
        self.credentials.private_key_pem = std::move(keys.private_key_pem);
        self.key_request_pem = std::move(keys.request_pem);
        self.joined_with = token_hash;
        KONTOR_CHECK(save_identity(wishes.data_folder, self));
    }
    pb::JoinRequest request;
    request.set_secret(token.secret);
    request.set_certificate_request_pem(self.key_request_pem);
    request.set_key_proof(wishes.sealer->seal(token.secret, "cluster join"));
    pb::ClusterNode& node = *request.mutable_node();
    node.set_name(wishes.name);
    node.set_peer_address(wishes.advertised);
    node.set_api_url(wishes.api_url);
    node.set_version(wishes.version);
    node.set_feature_level(machine::feature_level());
    KONTOR_TRY(const pb::JoinReply reply, ask(token, request));
    self.node_no = reply.node_no();
    self.cluster_id = reply.cluster_id();
    self.name = wishes.name;
    self.advertised = wishes.advertised;
    self.credentials.ca_pem = reply.ca_pem();
    self.credentials.certificate_pem = reply.certificate_pem();
    self.needs_state = true;
    Joined joined{self.node_no, to_hex(self.cluster_id), false};
    for (const pb::ClusterNode& one : reply.nodes()) {
        if (one.no() == self.node_no)
            joined.is_voter = one.voter();
        else
            self.peers[one.no()] = one.peer_address();
    }
    KONTOR_CHECK(save_identity(wishes.data_folder, self));
    return joined;
}

}  // namespace kontor::cluster
