#include "index_room.h"

#include <algorithm>

#include "kontor/base/log.h"
#include "kontor/node/node.h"

namespace kontor::node {
namespace {

constexpr auto kWarnPercent = static_cast<unsigned>(kWarnIndexUsed * 100);

}  // namespace

IndexRoom::IndexRoom(std::uint64_t last_index)
    : last_index_(last_index), refuse_from_(last_index > kReserve ? last_index - kReserve : last_index) {}

void IndexRoom::look(std::uint64_t applied_index) {
    refuses_.store(applied_index >= refuse_from_, std::memory_order_relaxed);
    const auto percent = static_cast<unsigned>(std::min(used(applied_index) * 100, 100.0));
    if (percent < kWarnPercent || percent <= warned_percent_) return;
    warned_percent_ = percent;
    log::warning("node", "event=log_index_used percent=" + std::to_string(percent) + " index=" +
                             std::to_string(applied_index) + " of=" + std::to_string(last_index_) +
                             " when it is used up nothing is written any more: plan a new installation");
}

std::string IndexRoom::text() const {
    if (!refuses()) return {};
    return "the log's " + std::to_string(last_index_) +
           " indexes are used up: nothing is written any more, reads go on; a new installation has to take "
           "over";
}

}  // namespace kontor::node
