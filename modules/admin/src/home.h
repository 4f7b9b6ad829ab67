#pragma once
// The first page: today, the last day by the hour, the last month by the day, and how the node feels.
//
// Threading: anywhere; reads only.

#include "words.h"

namespace kontor::admin {

class Home {
 public:
    Home(const AdminOptions& options, std::uint64_t started_ms)
        : options_(options), started_ms_(started_ms) {}

    // As JSON.
    [[nodiscard]] Result<std::string> look(bool livemode) const;
    void get(const CallPtr& call) const;

 private:
    void put_node(JsonWriter& json) const;
    void put_webhooks(JsonWriter& json, bool livemode) const;

    const AdminOptions& options_;
    const std::uint64_t started_ms_;
};

}  // namespace kontor::admin
