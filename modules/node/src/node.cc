#include "kontor/node/node.h"

#include "kontor/carriers.pb.h"
#include "kontor/machine/service.h"
#include "kontor/node/folder.h"
#include "node_impl.h"

namespace kontor::node {

Result<std::unique_ptr<Node>> Node::start(NodeOptions options) {
    KONTOR_ASSERT(options.clock != nullptr && options.metrics != nullptr, "a node needs a clock and metrics");
    if (!options.read_only) {
        const std::string& folder = options.folder;
        for (const std::string& part :
             {folder, folder + "/groups", group_folder(folder), store_folder(folder), log_folder(folder)})
            KONTOR_CHECK(make_durable_folder(part));
    }
    auto node = std::make_unique<NodeImpl>(std::move(options));
    KONTOR_CHECK(node->open());
    return Result<std::unique_ptr<Node>>(std::move(node));
}

Result<void> Node::submit_and_wait(pb::Command command,
                                   const std::function<void(const machine::Answer&)>& use) {
    std::mutex mutex;
    std::condition_variable changed;
    bool finished = false;
    Result<void> outcome;
    submit(std::move(command), [&](Result<machine::Answer> answer) {
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
