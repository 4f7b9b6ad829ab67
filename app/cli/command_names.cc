#include "command_names.h"

#include <algorithm>
#include <numeric>

namespace kontor::app {
namespace {

constexpr std::size_t kLikely = 2;  // typing errors that are still recognized

// Levenshtein's: letters to put in, to leave out and to replace.
std::size_t distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t before = row[0]++;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = before + (a[i] == b[j] ? 0 : 1);
            before = row[j + 1];
            row[j + 1] = std::min({replaced, before + 1, row[j] + 1});
        }
    }
    return row.back();
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string about(const CLI::App& app, const std::string& word) {
    std::string nearest, all;
    std::size_t least = kLikely + 1;
    for (const CLI::App* one : commands_of(app)) {
        const std::string& name = one->get_name();
        all += (all.empty() ? "" : ", ") + name;
        const std::size_t far = distance(word, name);
        if (far >= std::min(least, name.size())) continue;
        least = far;
        nearest = name;
    }
    return "unknown command '" + word + "'" +
           (nearest.empty() ? "; there are: " + all : "; did you mean '" + nearest + "'?");
}

}  // namespace

std::string unknown_command(const CLI::App& app, const std::vector<std::string>& words) {
    const CLI::App* at = &app;
    for (const std::string& word : words) {
        const auto commands = commands_of(*at);
        if (commands.empty() || word.starts_with('-')) return "";
        const auto next = std::find_if(commands.begin(), commands.end(),
                                       [&word](const CLI::App* one) { return one->check_name(word); });
        if (next == commands.end()) return about(*at, word);
        at = *next;
    }
    return "";
}

}  // namespace kontor::app
