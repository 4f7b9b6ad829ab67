#include "descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <string>

namespace kontor::app {

Result<DescriptorPlan> plan_descriptors(const Settings& settings, std::uint64_t limit, std::uint64_t usual) {
    limit = std::min<std::uint64_t>(limit, std::numeric_limits<int>::max());
    const std::uint64_t files = kFileDescriptors + 2 * static_cast<std::uint64_t>(settings.partitions);
    const std::uint64_t others = std::min(kOtherSockets, limit / 4);
    const std::uint64_t most = limit > files + others ? limit - files - others : 0;
    const std::string why = "this process may have " + std::to_string(limit) +
                            " open files (RLIMIT_NOFILE), of which " + std::to_string(files) +
                            " are kept for files and " + std::to_string(others) +
                            " for peers and deliveries; raise the limit (ulimit -n, LimitNOFILE= in a unit)";
    if (most < kFewestConnections)
        return fail(ErrorCode::invalid_argument, "no room for connections: " + why);
    const auto wanted = static_cast<std::uint64_t>(settings.https_max_connections);
    if (wanted > most)
        return fail(ErrorCode::invalid_argument, "max_connections = " + std::to_string(wanted) +
                                                     " does not fit, at most " + std::to_string(most) +
                                                     " do: " + why);
    DescriptorPlan plan;
    plan.max_connections = wanted != 0 ? wanted : std::min(usual, most);
    const auto share = static_cast<std::size_t>(settings.https_max_connections_per_address);
    plan.max_connections_per_address =
        share != 0 ? share : std::max<std::size_t>(1, plan.max_connections / 4);
    plan.max_outgoing = static_cast<std::size_t>(others / 3);
    plan.max_descriptor = static_cast<int>(limit - files);
    return plan;
}

std::uint64_t descriptor_limit() {
    rlimit now{};
    return ::getrlimit(RLIMIT_NOFILE, &now) == 0 ? now.rlim_max : 1'024;
}

void raise_descriptor_limit() {
    rlimit now{};
    if (::getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur == now.rlim_max) return;
    now.rlim_cur = now.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &now);  // always allowed; where not, the old one is as before
}

}  // namespace kontor::app
