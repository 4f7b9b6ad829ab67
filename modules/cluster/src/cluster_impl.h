#pragma once
// The parts of a cluster's node, joined: links, router, reconciler. See the public header.
//
// Locks: `mutex_` guards what is said so below and is never held while something else is called.

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "certificate.h"
#include "clock_skew.h"
#include "divergence.h"
#include "identity.h"
#include "kontor/carriers.pb.h"
#include "kontor/cluster/cluster.h"
#include "kontor/log.pb.h"
#include "kontor/members.pb.h"
#include "kontor/peer.pb.h"
#include "promise_memory.h"
#include "router.h"
#include "tasks.h"

namespace kontor::cluster {

class ClusterImpl final : public Cluster, private replication::PeerTransport {
 public:
    explicit ClusterImpl(ClusterOptions options);
    ~ClusterImpl() override { stop(); }
    [[nodiscard]] Result<void> open();

    void stop() override;
    bool is_member() const override { return is_member_.load(); }
    node::Membership membership() override;
    bool needs_state() const override;
    Result<void> copy_state(const std::function<void(const std::string&)>& tell) override;
    void attach(node::Node& node, http::Handler local, KindOf kind_of, const std::string& api_url) override;
    void leave_office() override;
    void prepare_stop() override;
    Result<pb::Result> propose(pb::Command command) override;
    void handle(http::Request request, http::Responder respond) override;
    std::uint16_t port() const override;
    Result<void> init() override;
    Result<std::string> make_token(const TokenWishes& wishes) override;
    Result<void> remove(std::uint64_t node_no) override;
    Result<void> leave() override;
    Result<void> set_voter(std::uint64_t node_no, bool voter) override;
    Result<void> transfer(std::uint64_t node_no) override;
    Result<void> rotate_authority() override;
    Result<void> take_over(bool accepts_loss) override;
    Result<Restarting> restart(std::uint64_t node_no, const RestartWishes& wishes) override;
    Result<void> isolate(std::uint64_t node_no, std::uint64_t ms) override;
    std::string status_json() override;
    std::map<std::uint64_t, std::string> api_authorities() override;

 private:
    struct Known {  // about another node
        std::string run_id, peer_address, api_url;
        std::string row_address;  // the row's, when it was last looked at
        bool is_up = false;       // our link to it
        bool tells_promise = false;
        std::string hello_run, promise_run;  // of the newest hello, and of the newest promise
        std::uint64_t told_forgot_ms = 0;    // monotonic; when it was last told that it forgot
        std::optional<pb::NodeReport> report;
        std::uint64_t report_ms = 0;       // monotonic
        std::uint64_t heard_alone_ms = 0;  // boot time; when it called while this node counts alone
    };

    struct Copying {  // the state, from another node
        std::uint64_t from = 0, bytes = 0, bytes_total = 0, percent = 0;
        std::string phase;
    };

    void send(std::uint64_t node_id, std::string frame) override;  // of the log

    // --- links (cluster.cc)
    Result<void> listen();
    void on_message(std::uint64_t from, std::string frame);
    std::string hello() const;
    std::optional<peer::PeerRefusal> check_hello(const peer::PeerIdentity& who, std::string_view bytes);
    void on_link(std::uint64_t node_id, bool is_up);
    void register_metrics(const node::Node& node);
    [[nodiscard]] Identity identity() const;
    Result<void> change_identity(const std::function<void(Identity&)>& change);
    [[nodiscard]] node::Node* node() const { return node_.load(std::memory_order_acquire); }

    // --- what others ask (cluster_calls.cc)
    void on_call(const peer::PeerIdentity& from, std::uint16_t kind, std::string body,
                 peer::CallResponder respond);
    void pass_to_leader(std::uint16_t kind, std::string body, peer::CallResponder respond);
    void admit(const std::string& body, const peer::CallResponder& respond);
    void sign(const peer::PeerIdentity& from, const std::string& body, const peer::CallResponder& respond);
    void obey(const peer::PeerIdentity& from, const std::string& body, const peer::CallResponder& respond);
    void hand_over(std::uint64_t target, const peer::CallResponder& respond);
    void hand_over_and_wait();
    void leave_full_disk(std::uint64_t now_ms);
    void give_state(std::string request, peer::CallResponder respond);
    [[nodiscard]] pb::NodeReport report(bool with_authority = false) const;
    Result<transport::CertificateAuthority> authority() const;
    Result<std::string> issue(std::uint64_t node_no, const std::string& request_pem) const;

    // --- what nodes promised, and those that forgot (promises.cc)
    void tell_promise(std::uint64_t to);
    void hear_promise(std::uint64_t from, const std::string& bytes);
    [[nodiscard]] bool may_hear_log(std::uint64_t from) const;
    void look_after_promises(std::uint64_t now_ms);
    void load_promises();
    void hear_that_it_forgot(const peer::PeerIdentity& from, const std::string& body,
                             const peer::CallResponder& respond);
    void take_out(const peer::PeerIdentity& from, const peer::CallResponder& respond);
    [[nodiscard]] bool is_taken_out(std::uint64_t node_no) const;
    Result<void> be_taken_in_anew(const std::function<void(const std::string&)>& tell);
    Result<void> forget_folder();
    [[nodiscard]] replication::ReplicaOptions log_folder() const;

    // --- being cut off for a test (isolation.cc)
    Result<std::string> isolate_here(const std::string& body);
    [[nodiscard]] bool is_isolated() const;
    void hold_call(peer::CallResponder respond);

    // --- equal states (compare.cc)
    void tell_hash();
    void compare_hash(std::uint64_t from, const std::string& theirs);
    void settle_difference(std::uint64_t from, const Difference& difference);
    Votes votes_about(std::uint64_t from, const Difference& difference);
    std::string name_rows(std::uint64_t from, const Difference& known);
    std::optional<store::EntryHash> ask_hash(std::uint64_t node_no, std::uint64_t index,
                                             std::uint64_t timeout_ms);
    void tell_entry_hash(const std::string& body, const peer::CallResponder& respond);
    void tell_entry_rows(const std::string& body, const peer::CallResponder& respond);

    // --- starting again (restart.cc)
    Result<std::string> restart_here(const std::string& body);
    Result<void> others_can_go_on() const;

    // --- asking others
    Result<std::string> call_and_wait(std::uint64_t node_no, std::uint16_t kind, std::string body,
                                      std::uint64_t timeout_ms, peer::PeerLane lane = peer::PeerLane::fast);
    // The same and propose() for people, who are told when this node shall stop, and for itself, which is
    // not.
    enum class Asker { people, node };
    Result<std::string> call_as(Asker asker, std::uint64_t node_no, std::uint16_t kind, std::string body,
                                std::uint64_t timeout_ms, peer::PeerLane lane = peer::PeerLane::fast);
    Result<pb::Result> propose_as(Asker asker, pb::Command command);
    [[nodiscard]] bool shall_stop() const;

    // --- what people ask for (cluster_commands.cc, take_over.cc)
    // What a command about the cluster answered, as what the one who asked is told.
    [[nodiscard]] static Result<void> outcome_of(const Result<pb::Result>& result);
    [[nodiscard]] Result<void> mark_removed(std::uint64_t node_no);
    [[nodiscard]] Result<void> wait_until_uncounted(std::uint64_t node_no);
    [[nodiscard]] Result<void> nobody_else_is_left();
    [[nodiscard]] Result<void> begin_after_take_over();

    // --- the reconciler (reconciler.cc): a thread that makes things as the rows say
    void run_reconciler();
    void look_after_links();
    void look_after_reports(std::uint64_t now_ms);
    void ask_for_report(peer::PeerNet& links, std::uint64_t number, std::function<void()> done);
    void heard_report(std::uint64_t number, pb::NodeReport report, std::uint64_t asked_ms);
    void look_after_load(std::uint64_t now_ms);
    void look_after_clock(std::uint64_t now_ms);
    void give_up_leading(const std::vector<std::uint64_t>& voters, const Skew& off, std::uint64_t now_ms);
    [[nodiscard]] bool look_after_own_row();
    void look_after_certificate(std::uint64_t now_ms);
    void look_after_membership();
    void look_after_features();
    [[nodiscard]] std::optional<Error> verdict_of_others() const;
    Result<void> renew_certificate(CertificateAge age);
    Result<std::string> ask_for_certificate(const std::string& request_pem, CertificateAge age);
    void change(replication::MembershipChange::Kind kind, std::uint64_t node_no, const char* what);
    void state_needed();
    void do_state_needed();
    void set_doing(std::string what);
    [[nodiscard]] std::string joining_status_json() const;
    void hear_all();
    std::vector<pb::ClusterNode> nodes(bool also_removed = false) const;

    const ClusterOptions options_;
    const std::string run_id_;
    std::atomic<bool> is_member_{false};
    std::atomic<node::Node*> node_{nullptr};
    std::unique_ptr<Router> router_;
    Tasks tasks_;  // what blocks: state, certificates
    mutable std::mutex mutex_;
    std::mutex identity_change_mutex_;                     // taken before mutex_
    Identity identity_;                                    // guarded by mutex_
    std::map<std::uint64_t, Known> known_;                 // guarded by mutex_
    std::map<std::uint64_t, std::string> told_peers_;      // reconciler only: what the links were told
    PromiseMemory promises_;                               // guarded by mutex_; of the others
    std::map<std::uint64_t, std::uint64_t> taken_out_ms_;  // guarded by mutex_; who asked to be taken in anew
    std::string doing_;                                    // guarded by mutex_
    std::optional<Copying> copying_;                       // guarded by mutex_
    std::string api_url_;                                  // guarded by mutex_
    std::shared_ptr<peer::PeerNet> net_;                   // guarded by mutex_; set once
    std::atomic<bool> change_under_way_{false};
    std::atomic<bool> is_copying_{false};
    LoadMeter load_meter_;  // reconciler
    std::atomic<std::uint32_t> load_{0};
    std::uint64_t next_balance_ms_ = 0;  // reconciler
    ClockSkew skew_;                     // guarded by mutex_
    std::atomic<std::int64_t> clock_off_ms_{0}, clock_skew_ms_{0};
    std::atomic<bool> clock_is_off_{false};  // beyond the limit: this node had better not lead
    std::uint64_t next_clock_ms_ = 0, next_give_up_ms_ = 0;  // reconciler
    unsigned clock_off_looks_ = 0;                           // reconciler
    std::map<std::uint64_t, bool> told_skew_;  // reconciler: of whom the log says that it is off
    std::atomic<bool> is_judging_{false};      // a difference of states is being looked at
    std::atomic<std::uint64_t> isolated_from_ms_{0}, isolated_until_ms_{0};
    std::atomic<bool> counts_alone_{false};        // no peers until it has taken over
    std::vector<peer::CallResponder> held_calls_;  // guarded by mutex_; while isolated
    std::atomic<bool> is_stopping_{false};         // to be started again
    std::atomic<bool> is_taking_over_{false};      // the reconciler leaves membership alone
    std::uint64_t authority_seen_ms_ = 0;          // reconciler: when the rows' authority changed
    replication::Promise told_promise_;            // reconciler
    std::string stored_promises_;                  // reconciler: as the file has them
    std::uint64_t next_promises_ms_ = 0;           // reconciler
    std::uint64_t next_report_ms_ = 0, next_certificate_ms_ = 0, next_own_row_ms_ = 0, next_hash_ms_ = 0,
                  next_leave_ms_ = 0;
    std::map<std::uint64_t, std::uint64_t> stable_since_ms_;  // reconciler

    std::mutex reconciler_mutex_;
    std::condition_variable reconciler_changed_;
    bool stopping_ = false;  // guarded by reconciler_mutex_
    std::thread reconciler_;
};

}  // namespace kontor::cluster
