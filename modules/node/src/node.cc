#include "kontor/node/node.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "kontor/base/shortage.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine/service.h"
#include "node_impl.h"

namespace kontor::node {
namespace {

// The names in a folder survive a power cut only when the folder was synced; that its files were is not
// enough.
Result<void> sync_names_in(const std::filesystem::path& folder) {
    const int fd = open_file(folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return fail(errno_error("open " + folder.string(), errno));
    const int code = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    if (code != 0) return fail(errno_error("fsync " + folder.string(), code));
    return {};
}

// Makes the folder and what leads to it. Also of one that is there, the name is made durable: whoever made it
// may have died before. A parent that may not be read is somebody else's, and so is the folder's name in it.
Result<void> make_data_folder(const std::filesystem::path& folder) {
    const auto parent = std::filesystem::absolute(folder / "").parent_path().parent_path();
    std::error_code ec;
    if (!std::filesystem::exists(parent, ec)) KONTOR_CHECK(make_data_folder(parent));
    std::filesystem::create_directories(folder, ec);
    if (ec)
        return fail(ErrorCode::io, "cannot make the data folder " + folder.string() + ": " + ec.message());
    const bool is_readable = ::access(parent.c_str(), R_OK) == 0;
    return is_readable ? sync_names_in(parent) : Result<void>{};
}

}  // namespace

Result<std::unique_ptr<Node>> Node::start(NodeOptions options) {
    KONTOR_ASSERT(options.clock != nullptr && options.metrics != nullptr, "a node needs a clock and metrics");
    if (!options.read_only) {
        KONTOR_CHECK(make_data_folder(options.folder));
        for (const char* part : {"/store", "/log"}) KONTOR_CHECK(make_data_folder(options.folder + part));
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
