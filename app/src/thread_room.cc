#include "thread_room.h"

#include <latch>
#include <system_error>
#include <thread>
#include <vector>

namespace kontor::app {

Result<void> check_threads(unsigned count) {
    std::vector<std::thread> made;
    made.reserve(count);
    std::latch over(1);
    Result<void> result;
    try {
        while (made.size() < count) made.emplace_back([&over] { over.wait(); });
    } catch (const std::system_error& error) {
        result =
            fail(ErrorCode::unavailable, "a node needs " + std::to_string(count) + " threads, and after " +
                                             std::to_string(made.size()) + " no further one may be made (" +
                                             error.code().message() + "). " + kMoreThreadsText);
    }
    over.count_down();
    for (std::thread& thread : made) thread.join();
    return result;
}

}  // namespace kontor::app
