// What nodes promised, as the others remember it, and those that forgot (docs/adr/0011).
//
// Each node tells the others what it promised, first of all on a connection and then as it grows; nothing of
// the log is heard from a run that knows less than an earlier one promised. What others promised is kept in
// <data>/peer/promises.json, not synced: who remembers less accuses nobody.

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cluster_impl.h"
#include "domains/members/members.h"
#include "found_identity.h"
#include "kontor/base/bytes.h"
#include "kontor/base/files.h"
#include "kontor/base/log.h"
#include "kontor/node/folder.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

using replication::Promise;

constexpr std::uint64_t kStoreEveryMs = 1'000;
constexpr std::uint64_t kAskEveryMs = 500, kAskTimeoutMs = 5'000;
constexpr std::uint64_t kTakenOutMs = 30'000;  // after the last time that it asked
constexpr std::uint64_t kTellForgotMs = 5'000;

std::string path_of(const std::string& data_folder) {
    return data_folder + "/peer/promises.json";
}

Promise promise_of(const pb::NodePromise& from) {
    return {from.generation(), from.sequence(), from.term(), from.epoch(), from.index()};
}

void fill(pb::NodePromise& to, const Promise& promise) {
    to.set_generation(promise.generation);
    to.set_sequence(promise.sequence);
    to.set_term(promise.term);
    to.set_epoch(promise.epoch);
    to.set_index(promise.index);
}

}  // namespace

void ClusterImpl::tell_promise(std::uint64_t to) {
    node::Node* const node = this->node();
    if (node == nullptr || is_isolated()) return;
    const Promise promise = node->promise();
    if (promise.generation == 0) return;
    pb::NodePromise message;
    message.set_run_id(run_id_);
    fill(message, promise);
    std::string frame = message.SerializeAsString();
    frame.push_back(kPromiseMessage);
    std::shared_ptr<peer::PeerNet> links;
    {
        const std::lock_guard lock(mutex_);
        links = net_;
    }
    if (links) links->send(to, std::move(frame));
}

void ClusterImpl::hear_promise(std::uint64_t from, const std::string& bytes) {
    pb::NodePromise message;
    if (!message.ParseFromString(bytes)) return;
    const Promise now = promise_of(message);
    std::optional<PromiseMemory::Forgotten> forgotten;
    {
        const std::lock_guard lock(mutex_);
        Known& known = known_[from];
        if (known.hello_run != message.run_id()) return;  // of a connection that is gone
        known.promise_run = message.run_id();
        forgotten = promises_.hear(from, message.run_id(), now);
        if (!forgotten) return;
        // It may not have heard us the first time.
        const std::uint64_t now_ms = options_.clock->monotonic_ms();
        if (forgotten->is_known && now_ms < known.told_forgot_ms + kTellForgotMs) return;
        known.told_forgot_ms = now_ms;
    }
    if (!forgotten->is_known)
        log::error("cluster",
                   "event=node_forgot node=" + std::to_string(from) + " what=\"" + forgotten->what +
                       "\" (it stands on an older copy of its folder; nothing of the log is heard from it)");
    pb::Forgot forgot;
    fill(*forgot.mutable_promise(), forgotten->promise);
    [[maybe_unused]] const bool posted = tasks_.post([this, from, body = forgot.SerializeAsString()] {
        [[maybe_unused]] const auto told = call_and_wait(from, call_kind::forgot, body, kTellForgotMs);
    });
}

// A node of an earlier version tells nothing, and is heard.
bool ClusterImpl::may_hear_log(std::uint64_t from) const {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(from);
    if (known == known_.end() || !known->second.tells_promise) return true;
    if (known->second.promise_run != known->second.hello_run) return false;
    return !promises_.has_forgotten(from, known->second.hello_run);
}

void ClusterImpl::look_after_promises(std::uint64_t now_ms) {
    const Promise promise = node()->promise();
    const bool is_due = now_ms >= next_promises_ms_;  // also when it is the same: a message may be lost
    if (promise.generation != 0 && (is_due || promise != told_promise_)) {
        told_promise_ = promise;
        for (const auto& [no, address] : told_peers_) tell_promise(no);
    }
    if (!is_due) return;
    next_promises_ms_ = now_ms + kStoreEveryMs;
    std::string text;
    {
        const std::lock_guard lock(mutex_);
        text = promises_.to_json();
    }
    if (text == stored_promises_) return;
    // Not synced: it is written every second, and a disk has better things to do.
    const std::string path = path_of(options_.data_folder), draft = path + ".new";
    std::ofstream file(draft, std::ios::trunc);
    file << text;
    file.close();
    if (file && std::rename(draft.c_str(), path.c_str()) == 0) stored_promises_ = text;
}

// A power cut may leave it damaged. Each of the others says again what it promised as soon as it is there.
void ClusterImpl::load_promises() {
    const std::string path = path_of(options_.data_folder);
    const auto text = read_file(path);
    auto loaded = text ? PromiseMemory::from_json(*text) : Result<PromiseMemory>(fail(text.error()));
    if (loaded) {
        promises_ = *std::move(loaded);
        return;
    }
    const bool is_missing = !text && text.error().code == ErrorCode::not_found;
    if (is_missing && !identity_.has_log) return;  // its first start
    const std::string aside = path + ".damaged";
    const bool is_kept = !is_missing && std::rename(path.c_str(), aside.c_str()) == 0;
    const char* const reason = is_missing ? "missing" : text ? "damaged" : "unreadable";
    log::warning("cluster",
                 "event=promises_lost file=" + path + " reason=" + reason +
                     (is_kept ? " kept=" + aside : "") +
                     " (what the other members promised is not known here until each has said it again: one "
                     "that is put back from an older copy meanwhile is noticed by its own marker and by the "
                     "other members only)");
}

// Another member remembers more. Only what is true is believed: it may be that one that is confused.
void ClusterImpl::hear_that_it_forgot(const peer::PeerIdentity& from, const std::string& body,
                                      const peer::CallResponder& respond) {
    respond(std::string());
    pb::Forgot forgot;
    if (!forgot.ParseFromString(body)) return;
    const Promise own = node()->promise();
    const std::string what = forgotten_by_run(promise_of(forgot.promise()), own);
    if (own.generation == 0 || what.empty()) return;
    const std::string text = "node " + std::to_string(from.node_id) +
                             " remembers more of what this node promised than its folder does (" + what +
                             "): the folder was replaced by an earlier copy. Let the others take this node "
                             "in anew: 'kontor cluster rejoin' here, then start it";
    [[maybe_unused]] const bool posted = tasks_.post([this, text] {
        if (auto kept = change_identity([&](Identity& self) { self.forgot = text; }); !kept)
            log::warning("cluster", kept.error().describe());
        if (options_.on_fatal) options_.on_fatal(Error{ErrorCode::conflict, text});
    });
}

// --- being taken in anew

bool ClusterImpl::is_taken_out(std::uint64_t node_no) const {
    const std::lock_guard lock(mutex_);
    const auto asked = taken_out_ms_.find(node_no);
    return asked != taken_out_ms_.end() && asked->second + kTakenOutMs > options_.clock->monotonic_ms();
}

// The leader's side. Out of the log's configuration first, committed without the caller: from then on nobody
// counts what it forgot. The reconciler does it; the caller asks again until it is done.
void ClusterImpl::take_out(const peer::PeerIdentity& from, const peer::CallResponder& respond) {
    if (!node()->leads()) return respond(fail(ErrorCode::unavailable, "this node is not the leader"));
    // The log counts nobody else any more, and the rows do not say yet that all others are removed.
    if (is_taking_over_.load())
        return respond(fail(ErrorCode::unavailable, "retry: this node is taking over"));
    bool is_member = false;
    node()->read([&](const store::Reader& rows, std::uint64_t) {
        const auto row = members::find_cluster_node(rows, from.node_id);
        is_member = row && !row->removed();
    });
    if (!is_member)
        return respond(fail(ErrorCode::permission_denied,
                            "node " + std::to_string(from.node_id) + " is no member any more"));
    {
        const std::lock_guard lock(mutex_);
        taken_out_ms_[from.node_id] = options_.clock->monotonic_ms();
    }
    const auto view = node()->cluster_view();
    const bool is_in = std::any_of(view.members.begin(), view.members.end(),
                                   [&](const auto& one) { return one.id == from.node_id; });
    if (is_in || view.configuration_index != view.committed_configuration_index)
        return respond(fail(ErrorCode::unavailable, "retry: it is being taken out of the configuration"));
    pb::RejoinReply reply;
    {
        const std::lock_guard lock(mutex_);
        taken_out_ms_.erase(from.node_id);
        Promise known = promises_.promise_of(from.node_id);
        known.term = std::max(known.term, view.term);
        fill(*reply.mutable_promise(), known);
    }
    log::warning("cluster", "event=taken_out node=" + std::to_string(from.node_id) + " (it joins anew)");
    respond(reply.SerializeAsString());
}

replication::ReplicaOptions ClusterImpl::log_folder() const {
    replication::ReplicaOptions options;
    options.folder = node::log_folder(options_.data_folder);
    options.marker = options_.marker;
    return options;
}

// The new one's side, before its node is there.
Result<void> ClusterImpl::be_taken_in_anew(const std::function<void(const std::string&)>& tell) {
    Identity self = identity();
    if (!self.rejoins) return self.needs_state && self.renewed ? forget_folder() : Result<void>{};
    KONTOR_TRY(Promise most, replication::Replica::remembered(log_folder()));
    std::string told;
    for (bool is_granted = false; !is_granted;) {
        std::string reason = "no other node answers";
        for (const auto& [no, address] : self.peers) {
            const auto answer = call_and_wait(no, call_kind::rejoin, "", kAskTimeoutMs);
            pb::RejoinReply reply;
            if (answer && reply.ParseFromString(*answer)) {
                most = replication::most_of(most, promise_of(reply.promise()));
                is_granted = true;
                break;
            }
            if (!answer && answer.error().code == ErrorCode::permission_denied) return fail(answer.error());
            if (!answer) reason = "node " + std::to_string(no) + ": " + answer.error().message;
        }
        if (is_granted) break;
        if (auto verdict = verdict_of_others()) return fail(*std::move(verdict));
        if (reason != told) tell("Waiting to be taken in anew: " + reason);
        told = reason;
        if (options_.shall_stop && options_.shall_stop())
            return fail(ErrorCode::unavailable, "stopped while it waited to be taken in anew");
        std::unique_lock lock(reconciler_mutex_);
        reconciler_changed_.wait_for(lock, std::chrono::milliseconds(kAskEveryMs),
                                     [this] { return stopping_; });
        if (stopping_) return fail(ErrorCode::unavailable, "this node is stopping");
    }
    // Beyond everything that anybody may remember of this number.
    KONTOR_CHECK(change_identity([&](Identity& changed) {
        changed.rejoins = false;
        changed.needs_state = true;
        changed.has_log = false;
        changed.forgot.clear();
        changed.counts_alone = false;
        changed.renewed = Promise{most.generation + 1, most.sequence + 1, most.term, most.epoch + 1, 0};
    }));
    return forget_folder();
}

// The copied state takes the place of store/ by itself; the log and what was made of the old rows go here.
Result<void> ClusterImpl::forget_folder() {
    for (const std::string& part :
         {node::log_folder(options_.data_folder), options_.data_folder + "/reports"}) {
        std::error_code ec;
        std::filesystem::remove_all(part, ec);
        if (ec) return fail(ErrorCode::io, "cannot remove " + part + ": " + ec.message());
    }
    return {};
}

}  // namespace kontor::cluster
