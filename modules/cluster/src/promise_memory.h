#pragma once
// What the other nodes promised, as one node remembers it, and which of their runs know less than an earlier
// one promised: those stand on an older copy of their folder, and nothing of the log is heard from them
// (docs/adr/0011). As text it is <data>/peer/promises.json.
//
// Threading: the caller's lock. Errors: invalid_argument of a text that is none. Limits: as many nodes as the
// cluster has.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "kontor/base/result.h"
#include "kontor/replication/promise.h"

namespace kontor::cluster {

// What a run that says `now` lacks of what an earlier one promised; "": nothing. A run counts as one start:
// two with the same number stand on the same copy.
[[nodiscard]] std::string forgotten_by_run(const replication::Promise& before,
                                           const replication::Promise& now);

class PromiseMemory {
 public:
    struct Forgotten {
        std::string what;
        replication::Promise promise;  // what is remembered
        bool is_known = false;         // it was so at the last message, too
    };
    // A run of a node says what it promises by now; nullopt: it has forgotten nothing that this node knows
    // of.
    [[nodiscard]] std::optional<Forgotten> hear(std::uint64_t node_no, const std::string& run_id,
                                                const replication::Promise& now);
    [[nodiscard]] bool has_forgotten(std::uint64_t node_no, const std::string& run_id) const;
    [[nodiscard]] replication::Promise promise_of(std::uint64_t node_no) const;

    [[nodiscard]] std::string to_json() const;
    [[nodiscard]] static Result<PromiseMemory> from_json(const std::string& text);

 private:
    struct Remembered {
        replication::Promise promise;  // the most
        std::string run_id;            // of the run that said so last
        std::string forgetful_run;
    };
    std::map<std::uint64_t, Remembered> nodes_;
};

}  // namespace kontor::cluster
