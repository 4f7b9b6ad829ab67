#include "output.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace kontor::app {
namespace {
void print(const std::string& line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);  // scripts wait for the line
}
}  // namespace

void Output::text(const std::string& line) const {
    if (!json_) print(line);
}
void Output::event(const nlohmann::ordered_json& object) const {
    if (json_) print(object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}
void Output::step(const std::string& line, const nlohmann::ordered_json& object) const {
    text(line);
    event(object);
}

}  // namespace kontor::app
