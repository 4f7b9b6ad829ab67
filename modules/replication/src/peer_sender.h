#pragma once
// Frames to the other nodes. What is in memory is sent at once, on the loop thread; entries that were
// released are read back from the log on a thread of their own, and while a peer has such a message waiting,
// everything for it goes that way, so that the order stays.
//
// Threading: send on the loop thread; stop anywhere; counters anywhere. PeerTransport::send is never called
// for
//   one peer on both threads at a time.
// Errors: entries that are gone from the log (a checkpoint went by): the message is dropped, which the engine
//   takes for a loss. Entries that cannot be read: reported once.
// Limits: kMaxQueuedMessages per peer (above: dropped); one frame's entries in memory.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "log.h"
#include "wire.h"

namespace kontor::replication {

inline constexpr std::size_t kMaxQueuedMessages = 64;

class PeerSender {
 public:
    PeerSender(const Log& log, PeerTransport* transport, const ClusterId& cluster,
               std::size_t max_append_bytes, std::function<void(Error)> failed);
    ~PeerSender() { stop(); }

    void start();
    void stop();
    void send(Message message);

    [[nodiscard]] std::uint64_t frames() const { return frames_.load(); }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(); }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(); }

 private:
    struct Cursor {
        std::uint64_t next = 0;
        std::optional<LogReader> reader;
    };
    void run();
    Result<void> read_and_send(Message message);
    Result<Entry> read(Cursor& cursor, std::uint64_t index);
    void transmit(const Message& message);

    const Log& log_;
    PeerTransport* const transport_;
    const ClusterId cluster_;
    const std::size_t max_append_bytes_;
    const std::function<void(Error)> failed_;
    std::thread thread_;
    std::map<std::uint64_t, Cursor> cursors_;  // the thread's: where each peer's reading stands

    std::atomic<std::uint64_t> frames_{0}, bytes_{0}, dropped_{0};

    std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    std::deque<Message> queue_;
    std::map<std::uint64_t, std::size_t> waiting_;  // per peer: in the queue or being read
    bool stopping_ = false;
};

}  // namespace kontor::replication
