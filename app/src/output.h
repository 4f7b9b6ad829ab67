#pragma once
// What a command says: lines for people, or one JSON object a line for scripts (--json). Standard output
// only; the process log goes to standard error.

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace kontor::app {

class Output {
 public:
    explicit Output(bool json) : json_(json) {}
    [[nodiscard]] bool json() const { return json_; }
    void text(const std::string& line) const;                                        // only without --json
    void event(const nlohmann::ordered_json& object) const;                          // only with --json
    void step(const std::string& line, const nlohmann::ordered_json& object) const;  // one or the other

 private:
    bool json_;
};

}  // namespace kontor::app
