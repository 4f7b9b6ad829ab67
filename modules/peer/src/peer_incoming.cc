#include "peer_incoming.h"

#include <algorithm>
#include <atomic>

#include "kontor/base/log.h"

namespace kontor::peer {
namespace {

Frame failure(std::uint64_t id, const Error& error) {
    return {.kind = FrameKind::failure,
            .id = id,
            .code = static_cast<std::uint16_t>(error.code),
            .body = error.message.substr(0, kMaxRefusalBytes)};
}

// One call's right to an answer; the last copy that goes away without one says so.
class CallTicket {
 public:
    CallTicket(PeerLink& link, std::uint64_t id, std::size_t max_bytes)
        : box_(link.loop().box()), link_(link.weak_from_this()), id_(id), max_bytes_(max_bytes) {}
    ~CallTicket() { answer(fail(ErrorCode::internal, "the call was dropped without an answer")); }
    CallTicket(const CallTicket&) = delete;
    CallTicket& operator=(const CallTicket&) = delete;

    void answer(Result<std::string> result) {
        if (used_.exchange(true)) return;
        if (result && result->size() > max_bytes_)
            result = fail(ErrorCode::too_large, "the answer has " + std::to_string(result->size()) +
                                                    " bytes, at most " + std::to_string(max_bytes_));
        if (result)
            box_->push(link_, {.kind = FrameKind::answer, .id = id_, .body = *std::move(result)});
        else
            box_->push(link_, failure(id_, result.error()));
    }

 private:
    std::shared_ptr<FrameBox> box_;
    std::weak_ptr<PeerLink> link_;
    std::uint64_t id_;
    std::size_t max_bytes_;
    std::atomic<bool> used_{false};
};

}  // namespace

void PeerIncoming::make_room(const OpenedLink& opened) {
    const std::size_t most = opened.purpose == Purpose::messages ? 1 : kMaxCallLinks;
    std::vector<std::shared_ptr<PeerLink>> same;
    for (const auto& link : links_)
        if (link->who().node_id == opened.who.node_id && link->purpose() == opened.purpose)
            same.push_back(link);
    for (std::size_t i = 0; i + most < same.size() + 1; ++i) {
        // What the older one still holds must not come after what the newer one brings.
        same[i]->shut(
            {ErrorCode::conflict, node_name(opened.who.node_id) + " connected again from " + opened.address},
            true);
    }
}

void PeerIncoming::adopt(OpenedLink opened) {
    if (closed_) return;
    bool refused = false;
    if (opened.purpose == Purpose::anonymous) {
        const auto anonymous = std::count_if(links_.begin(), links_.end(), [](const auto& link) {
            return link->purpose() == Purpose::anonymous;
        });
        refused = static_cast<std::size_t>(anonymous) >= shared_.options.limits.max_anonymous_connections;
    } else {
        make_room(opened);
    }
    auto meter = shared_.meter(opened.who.node_id);
    const auto link =
        std::make_shared<PeerLink>(loop_, *this, std::move(opened), shared_.options.limits, std::move(meter));
    links_.push_back(link);
    if (refused) {
        return link->shut({ErrorCode::overloaded, "too many connections without a certificate"}, true);
    }
    link->start();
}

void PeerIncoming::hang_up(std::uint64_t node_id, const Error& why) {
    const auto all = links_;
    for (const auto& link : all)
        if (link->who().node_id == node_id) link->shut(why, true);
}

void PeerIncoming::tick(std::uint64_t now) {
    const auto all = links_;
    for (const auto& link : all) link->tick(now);
}

void PeerIncoming::close() {
    closed_ = true;
    const auto all = links_;
    for (const auto& link : all) link->shut({ErrorCode::unavailable, "this node is stopping"}, true);
}

void PeerIncoming::on_closed(PeerLink& link, const Error& why) {
    std::erase_if(links_, [&link](const auto& one) { return one.get() == &link; });
    if (closed_ || why.code == ErrorCode::io) return;
    shared_.log_limited("closed the connection of " + node_name(link.who().node_id) + " at " +
                        link.address() + ": " + why.message);
}

void PeerIncoming::on_frame(PeerLink& link, Frame& frame) {
    const bool messages = link.purpose() == Purpose::messages;
    if (frame.kind == FrameKind::message && messages) {
        if (frame.group == kFirstGroup) return shared_.on_message(link.who().node_id, std::move(frame.body));
        // Of one that a later version knows: not for this node, and no reason to part from what it has.
        return shared_.log_limited("a message of " + node_name(link.who().node_id) + " for group " +
                                   std::to_string(frame.group) + ", which this node has not, was dropped");
    }
    if (frame.kind == FrameKind::call && !messages) return on_call(link, frame);
    link.shut({ErrorCode::corruption,
               "a frame that has no place on a connection for " + std::string(to_string(link.purpose()))},
              true);
}

void PeerIncoming::on_call(PeerLink& link, Frame& frame) {
    const PeerNetOptions& options = shared_.options;
    ++link.open_calls;
    const auto refuse = [&link, &frame](ErrorCode code, const char* why) {
        link.answer(failure(frame.id, {code, why}));
    };
    if (frame.group != kFirstGroup) return refuse(ErrorCode::unsupported, "this node has group 0 only");
    const auto& open = options.anonymous_kinds;
    if (link.purpose() == Purpose::anonymous && std::find(open.begin(), open.end(), frame.code) == open.end())
        return refuse(ErrorCode::permission_denied, "this call needs the certificate of a node");
    if (!options.on_call) return refuse(ErrorCode::unsupported, "this node answers no calls");
    const std::size_t most = link.purpose() == Purpose::anonymous ? kMaxAnonymousCalls : kMaxCallsInFlight;
    if (link.open_calls > most) return refuse(ErrorCode::overloaded, "too many calls in flight");
    const auto ticket = std::make_shared<CallTicket>(link, frame.id, options.limits.max_frame_bytes);
    try {
        options.on_call(link.who(), frame.code, std::move(frame.body),
                        [ticket](Result<std::string> result) { ticket->answer(std::move(result)); });
    } catch (const std::exception& e) {
        log::error("net", std::string("on_call threw: ") + e.what());
        ticket->answer(fail(ErrorCode::internal, "the call failed"));
    }
}

}  // namespace kontor::peer
