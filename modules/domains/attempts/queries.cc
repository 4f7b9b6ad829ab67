#include "domains/attempts/attempts.h"

#include "domains/attempts/tables.h"

namespace kontor::attempts {

using namespace machine;  // the frame's words

std::optional<pb::ChannelAttempt> find_attempt(const store::Reader& rows, std::uint64_t no) {
    return load<pb::ChannelAttempt>(rows, table::attempts, Key().be64(no));
}

std::vector<Due> due_attempts(const store::Reader& rows, std::int64_t until_ms, std::size_t limit,
                              Due after) {
    return due_in_outbox(rows, kAttemptOutbox, until_ms, limit, after);
}

std::vector<pb::ChannelAttempt> attempts_of_intent(const store::Reader& rows, Scope scope,
                                                   std::uint64_t intent_no, std::uint64_t after_no,
                                                   std::size_t limit) {
    std::vector<pb::ChannelAttempt> found;
    for (const std::uint64_t no : linked(rows, scope, intent_no, kIntentAttempt, after_no, limit)) {
        if (auto attempt = find_attempt(rows, no)) found.push_back(std::move(*attempt));
    }
    return found;
}

}  // namespace kontor::attempts
