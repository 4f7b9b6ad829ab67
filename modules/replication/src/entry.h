#pragma once
// One entry of the replicated log. The payload is shared, so that the log, the disk and apply() hold the same
// bytes; it is never changed after construction.

#include <cstdint>
#include <memory>
#include <string>

namespace kontor::replication {

enum class EntryType : std::uint8_t { command = 1, barrier = 2, change = 3 };  // as the engine numbers them

using Payload = std::shared_ptr<const std::string>;

struct Entry {
    std::uint64_t term = 0;
    EntryType type = EntryType::command;
    Payload payload;  // null: only on disk (never for change)
};

// What must survive a restart besides the log: persisted before anything else of the same update.
struct HardState {
    std::uint64_t term = 0;
    std::uint64_t vote = 0;  // 0: none
    friend bool operator==(const HardState&, const HardState&) = default;
};

}  // namespace kontor::replication
