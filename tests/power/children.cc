#include "children.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <thread>

namespace kontor::power {

std::vector<std::uint64_t> seeds(std::uint64_t first, std::uint64_t count) {
    if (kontor_test::one_seed_only()) return {from_environment("KONTOR_SEED", 0)};
    std::vector<std::uint64_t> out;
    for (std::uint64_t seed = first + kontor_test::first_seed() - 1; out.size() < count; ++seed)
        out.push_back(seed);
    return out;
}

std::string place_of(std::uint64_t seed) {
    return (std::filesystem::temp_directory_path() /
            ("kontor-power-" + std::to_string(::getpid()) + "-" + std::to_string(seed)))
        .string();
}

namespace {

pid_t start_child(std::uint64_t seed, const std::function<std::string(std::uint64_t)>& run, bool quiet) {
    std::cout << std::flush;
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (std::freopen("/dev/null", "w", quiet ? stderr : stdout) == nullptr) ::_exit(2);
    std::string problem;
    try {
        problem = run(seed);
    } catch (const std::exception& thrown) {  // or the child would go on with the tests behind this one
        problem = std::string("thrown: ") + thrown.what();
    }
    if (!problem.empty()) std::cerr << "seed " << seed << ": " << problem << std::endl;
    if (quiet) {
        std::error_code ignored;
        std::filesystem::remove_all(place_of(seed), ignored);
    }
    ::_exit(problem.empty() ? 0 : 1);
}

}  // namespace

std::vector<std::uint64_t> run_children(std::vector<std::uint64_t> seeds,
                                        const std::function<std::string(std::uint64_t)>& run, bool quiet) {
    std::vector<std::uint64_t> failed;
    std::map<pid_t, std::uint64_t> running;
    const std::size_t together = std::max(1U, std::thread::hardware_concurrency());
    std::reverse(seeds.begin(), seeds.end());
    while (!seeds.empty() || !running.empty()) {
        if (!seeds.empty() && running.size() < together && (!quiet || failed.empty())) {
            running.emplace(start_child(seeds.back(), run, quiet), seeds.back());
            seeds.pop_back();
            continue;
        }
        if (running.empty()) break;
        int status = 0;
        const pid_t child = ::wait(&status);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            failed.push_back(running.at(child));
            if (!quiet)
                std::cerr << "KONTOR_SEED=" << running.at(child) << " failed"
                          << (WIFSIGNALED(status) ? " by signal " + std::to_string(WTERMSIG(status)) : "")
                          << std::endl;
        }
        running.erase(child);
    }
    return failed;
}

}  // namespace kontor::power
