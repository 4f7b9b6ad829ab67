#include "kontor/node/node.h"

#include <memory>
#include <mutex>
#include <optional>

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
    // What stopped it says more than what its own first command met then ("the replica is stopping").
    struct Stopped {
        std::mutex mutex;
        std::optional<Error> why;
    };
    const auto stopped = std::make_shared<Stopped>();
    options.on_fatal = [stopped, tell = std::move(options.on_fatal)](const Error& error) {
        {
            const std::lock_guard lock(stopped->mutex);
            if (!stopped->why) stopped->why = error;
        }
        if (tell) tell(error);
    };
    auto node = std::make_unique<NodeImpl>(std::move(options));
    if (auto opened = node->open(); !opened) {
        node.reset();  // ends its threads: nothing stops it later
        const std::lock_guard lock(stopped->mutex);
        return fail(stopped->why ? *stopped->why : opened.error());
    }
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
