// This node's certificate: trusting a new authority, and renewal in good time, or when it is late.

#include "certificate.h"

#include "cluster_impl.h"
#include "domains/members/members.h"
#include "kontor/base/log.h"
#include "kontor/members.pb.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kCertificateEveryMs = 10'000;
constexpr std::uint64_t kAuthoritySettlesMs = 10'000;  // until all nodes trust a new one
constexpr std::uint64_t kAnswerMs = 10'000;

}  // namespace

CertificateAge age_of(const std::string& certificate_pem, std::int64_t now_ms) {
    const auto validity = transport::certificate_validity(certificate_pem);
    if (!validity) return CertificateAge::ended;
    const std::int64_t left_ms = validity->not_after_s * 1000 - now_ms;
    if (left_ms <= 0) return CertificateAge::ended;
    return left_ms <= kRenewBeforeMs ? CertificateAge::old : CertificateAge::good;
}

// A new authority is trusted at once, and a certificate of its own asked for when all others had time to do
// the same; and one in good time before the old one ends.
void ClusterImpl::look_after_certificate(std::uint64_t now_ms) {
    std::optional<pb::Cluster> cluster;
    node()->read([&](const store::Reader& rows, std::uint64_t) { cluster = members::find_cluster(rows); });
    if (!cluster) return;
    const Identity self = identity();
    if (cluster->ca_pem() != self.credentials.ca_pem) {
        peer::PeerCredentials trusting = self.credentials;
        trusting.ca_pem = cluster->ca_pem();
        if (auto taken = net_->set_credentials(trusting); !taken) {
            log::warning("cluster", "the new authority: " + taken.error().describe());
            return;
        }
        if (auto saved = change_identity([&](Identity& identity) { identity.credentials = trusting; });
            !saved)
            log::warning("cluster", saved.error().describe());
        log::info("cluster", "event=authority_trusted");
        authority_seen_ms_ = now_ms;
        next_certificate_ms_ = now_ms + kAuthoritySettlesMs;
        return;
    }
    if (now_ms < next_certificate_ms_) return;
    next_certificate_ms_ = now_ms + kCertificateEveryMs;
    const CertificateAge age = age_of(self.credentials.certificate_pem, options_.clock->wall_ms());
    if (age == CertificateAge::good && authority_seen_ms_ == 0) return;
    if (auto renewed = renew_certificate(age); !renewed)
        log::warning("cluster", "a new certificate: " + renewed.error().describe());
    else
        authority_seen_ms_ = 0;
}

Result<void> ClusterImpl::renew_certificate(CertificateAge age) {
    KONTOR_TRY(const auto keys, peer::make_private_key_and_request());
    const Identity self = identity();
    peer::PeerCredentials renewed = self.credentials;
    renewed.private_key_pem = keys.private_key_pem;
    KONTOR_TRY(renewed.certificate_pem, ask_for_certificate(keys.request_pem, age));
    KONTOR_CHECK(change_identity([&](Identity& identity) { identity.credentials = renewed; }));
    KONTOR_CHECK(net_->set_credentials(renewed));
    log::info("cluster", "event=certificate_renewed");
    return {};
}

// By the leader. A node that was away until its certificate had ended can ask nobody, since nobody talks to
// it; so it signs its own one, with the authority's key, which each node has in its state. If the authority
// was changed meanwhile that does not help, and the others say so: then it joins as a new node.
Result<std::string> ClusterImpl::ask_for_certificate(const std::string& request_pem, CertificateAge age) {
    const std::uint64_t self = identity().node_no;
    if (node()->leads()) return issue(self, request_pem);
    Error problem{ErrorCode::unavailable, "the cluster has no leader just now"};
    if (const std::uint64_t leader = node()->leader_id(); leader != 0) {
        pb::CertificateRequest request;
        request.set_certificate_request_pem(request_pem);
        const auto answer =
            call_and_wait(leader, call_kind::certificate, request.SerializeAsString(), kAnswerMs);
        pb::CertificateReply reply;
        if (answer && reply.ParseFromString(*answer)) return reply.certificate_pem();
        problem = answer ? Error{ErrorCode::unsupported, "the answer cannot be read"} : answer.error();
    }
    if (age != CertificateAge::ended) return fail(std::move(problem));
    log::warning("cluster",
                 "event=certificate_ended this node was away for long, and signs a new one itself");
    return issue(self, request_pem);
}

}  // namespace kontor::cluster
