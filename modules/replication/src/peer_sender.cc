#include "peer_sender.h"

#include <pthread.h>

namespace kontor::replication {

PeerSender::PeerSender(const Log& log, PeerTransport* transport, const ClusterId& cluster,
                       std::size_t max_append_bytes, std::function<void(Error)> failed)
    : log_(log),
      transport_(transport),
      cluster_(cluster),
      max_append_bytes_(max_append_bytes),
      failed_(std::move(failed)) {}

void PeerSender::start() {
    if (transport_ != nullptr) thread_ = std::thread([this] { run(); });
}

void PeerSender::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void PeerSender::send(Message message) {
    KONTOR_ASSERT(transport_ != nullptr, "a cluster of one has nobody to talk to");
    const std::uint64_t peer = message.header.peer;
    {
        const std::lock_guard lock(mutex_);
        std::size_t& waiting = waiting_[peer];
        if (message.entries_on_disk || waiting > 0) {
            if (waiting >= kMaxQueuedMessages || stopping_) {
                ++dropped_;
                return;
            }
            ++waiting;
            queue_.push_back(std::move(message));
            wake_.notify_one();
            return;
        }
    }
    for (const Message& part : split_append(std::move(message), max_append_bytes_)) transmit(part);
}

void PeerSender::transmit(const Message& message) {
    std::string frame = encode_message(message, cluster_);
    ++frames_;
    bytes_ += frame.size();
    transport_->send(message.header.peer, std::move(frame));
}

void PeerSender::run() {
    pthread_setname_np(pthread_self(), "log-peers");
    for (;;) {
        Message message;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (stopping_) return;
            message = std::move(queue_.front());
            queue_.pop_front();
        }
        const std::uint64_t peer = message.header.peer;
        auto done = read_and_send(std::move(message));
        {
            const std::lock_guard lock(mutex_);
            --waiting_[peer];
        }
        if (!done) {
            failed_(done.error());
            return;
        }
    }
}

Result<Entry> PeerSender::read(Cursor& cursor, std::uint64_t index) {
    if (!cursor.reader || cursor.next != index) cursor.reader.emplace(log_, index);
    cursor.next = 0;  // unless it succeeds
    KONTOR_TRY(const Record record, cursor.reader->next());
    cursor.next = index + 1;
    return Entry{record.header.term, record.header.type, std::make_shared<const std::string>(record.payload)};
}

// Frame by frame, so that no more than one is in memory.
Result<void> PeerSender::read_and_send(Message message) {
    if (!message.entries_on_disk) {
        for (const Message& part : split_append(std::move(message), max_append_bytes_)) transmit(part);
        return {};
    }
    Cursor& cursor = cursors_[message.header.peer];
    const std::uint64_t last = message.header.log_index + message.header.n_entries;
    Message part = message;
    part.entries_on_disk = false;
    part.entries.clear();
    std::size_t bytes = 0;
    const auto flush = [&] {
        part.header.n_entries = static_cast<std::uint32_t>(part.entries.size());
        transmit(part);
        part.header.log_index += part.entries.size();
        part.header.log_term = part.entries.back().term;
        part.entries.clear();
        bytes = 0;
    };
    const std::uint64_t attached_from = last + 1 - message.entries.size();
    for (std::uint64_t index = message.header.log_index + 1; index <= last; ++index) {
        const Entry* attached = index >= attached_from
                                    ? &message.entries[static_cast<std::size_t>(index - attached_from)]
                                    : nullptr;
        const bool in_memory = attached != nullptr && attached->payload != nullptr;
        auto entry = in_memory ? Result<Entry>(*attached) : read(cursor, index);
        if (!entry) {
            if (index < log_.first_index() || entry.error().code == ErrorCode::not_found) {
                ++dropped_;
                return {};  // a checkpoint went by; the engine finds out by itself
            }
            return fail(entry.error());
        }
        if (attached != nullptr && attached->term != entry->term) {
            ++dropped_;
            return {};  // we lead no longer, and another leader's entries took their place
        }
        const std::size_t size = entry->payload->size();
        if (!part.entries.empty() &&
            (bytes + size > max_append_bytes_ || part.entries.size() == kMaxFrameEntries)) {
            flush();
        }
        part.entries.push_back(*std::move(entry));
        bytes += size;
    }
    flush();
    return {};
}

}  // namespace kontor::replication
