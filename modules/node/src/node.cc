#include "kontor/node/node.h"

#include <filesystem>

#include "node_impl.h"

namespace kontor::node {

Result<std::unique_ptr<Node>> Node::start(NodeOptions options) {
    KONTOR_ASSERT(options.clock != nullptr && options.metrics != nullptr, "a node needs a clock and metrics");
    std::error_code ec;
    std::filesystem::create_directories(options.folder, ec);
    if (ec) return fail(ErrorCode::io, "cannot make the data folder " + options.folder + ": " + ec.message());
    auto node = std::make_unique<NodeImpl>(std::move(options));
    KONTOR_CHECK(node->open());
    return Result<std::unique_ptr<Node>>(std::move(node));
}

Result<void> Node::submit_and_wait(pb::Command command,
                                   const std::function<void(const payments::Answer&)>& use) {
    std::mutex mutex;
    std::condition_variable changed;
    bool finished = false;
    Result<void> outcome;
    submit(std::move(command), [&](Result<payments::Answer> answer) {
        if (answer)
            use(*answer);
        else
            outcome = Unexpected{answer.error()};
        const std::lock_guard lock(mutex);
        finished = true;
        changed.notify_one();  // under the lock: the waiter's frame goes away right after
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return finished; });
    return outcome;
}

}  // namespace kontor::node
