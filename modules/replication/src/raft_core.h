/* The one door to libraft 0.22.1: an opaque handle and plain structs, because raft.h is C only.
 *
 * The engine is its pure core: every function below is one raft_step(), without I/O, clock or threads.
 * Ownership: everything passed in stays the caller's and is copied or only read during the call. What
 *   kontor_raft_update points to belongs to the handle and is valid until the next call on it. Payload bytes
 *   are never copied: the engine keeps terms and indexes, not entries, and reads the bytes of a
 *   configuration only.
 * Errors: 0 or a KONTOR_RAFT_* code of the engine. The packaged engine is built without assertions, so the
 *   preconditions stated here are the caller's to keep (driver.cc does).
 * Threading: one thread at a time per handle. */
#ifndef KONTOR_REPLICATION_RAFT_CORE_H
#define KONTOR_REPLICATION_RAFT_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kontor_raft;

enum kontor_raft_entry_type { KONTOR_RAFT_COMMAND = 1, KONTOR_RAFT_BARRIER = 2, KONTOR_RAFT_CHANGE = 3 };
enum kontor_raft_state {
    KONTOR_RAFT_UNAVAILABLE,
    KONTOR_RAFT_FOLLOWER,
    KONTOR_RAFT_CANDIDATE,
    KONTOR_RAFT_LEADER
};
enum kontor_raft_role { KONTOR_RAFT_STANDBY = 0, KONTOR_RAFT_VOTER = 1 };
enum kontor_raft_code {
    KONTOR_RAFT_NOMEM = 1,
    KONTOR_RAFT_MALFORMED = 6,
    KONTOR_RAFT_NOTLEADER = 7,
    KONTOR_RAFT_SHUTDOWN = 9, /* a conflict below the commit index: stop the process */
    KONTOR_RAFT_CANTCHANGE = 11,
    KONTOR_RAFT_INVALID = 20,
    KONTOR_RAFT_NOSPACE = 22
};

struct kontor_raft_entry {
    uint64_t term;
    int type;
    const void* data;
    size_t len;
};

struct kontor_raft_snapshot {
    uint64_t index, term, configuration_index;
    const void* configuration; /* as kontor_raft_configuration_encode() makes it */
    size_t configuration_len;
};

enum kontor_raft_message_type {
    KONTOR_RAFT_APPEND = 1,
    KONTOR_RAFT_APPEND_RESULT = 2,
    KONTOR_RAFT_VOTE = 3,
    KONTOR_RAFT_VOTE_RESULT = 4,
    KONTOR_RAFT_INSTALL_SNAPSHOT = 5, /* outgoing only: the driver never steps one (KONTOR_RAFT_INVALID) */
    KONTOR_RAFT_TIMEOUT_NOW = 6
};

/* One message of any type; fields that a type does not use are zero. */
struct kontor_raft_message {
    int type;
    uint8_t version;
    uint64_t peer; /* whom it goes to, or whom it came from */
    uint64_t term;
    uint64_t log_index, log_term;  /* append: prev; vote, timeout-now: last; install: last of the snapshot */
    uint64_t leader_commit;        /* append */
    uint32_t n_entries;            /* append: entries (log_index, log_index + n_entries] */
    uint64_t rejected, last_index; /* append result */
    uint64_t candidate;            /* vote */
    bool disrupt_leader, pre_vote, granted;
    uint16_t features, capacity;  /* results */
    uint64_t configuration_index; /* install */
};

/* What the caller must do after a step, in this order (RAFT.md, "Shape of the loop"). */
struct kontor_raft_update {
    bool hard_state; /* term or vote changed: durable before anything else of this update */
    bool state, commit, timeout;
    bool entries; /* truncate the log to entries_index - 1, then append */
    bool barrier; /* ... the new leader's own barrier (term below), not entries of the caller */
    uint64_t entries_index;
    size_t entries_offset; /* first one in the array that the caller submitted or received */
    unsigned n_entries;
    uint64_t barrier_term;
    const struct kontor_raft_message* messages;
    unsigned n_messages;
};

struct kontor_raft_options {
    uint64_t id;
    const char* address;
    unsigned seed;
    unsigned election_timeout_ms, heartbeat_ms, install_snapshot_timeout_ms;
    unsigned max_inflight_entries; /* per peer */
};

/* NULL: out of memory, or the linked library is not the one of the header. */
struct kontor_raft* kontor_raft_create(const struct kontor_raft_options* options);
void kontor_raft_destroy(struct kontor_raft* r);

/* Once, first. `snapshot` may be NULL; without it start_index is 1 and entry 1, if any, is a CHANGE; with it
 * start_index <= snapshot index + 1. Data is needed for CHANGE entries only. */
int kontor_raft_start(struct kontor_raft* r, uint64_t now_ms, uint64_t term, uint64_t vote,
                      const struct kontor_raft_snapshot* snapshot, uint64_t start_index,
                      const struct kontor_raft_entry* entries, size_t n, struct kontor_raft_update* update);
int kontor_raft_timeout_event(struct kontor_raft* r, uint64_t now_ms, struct kontor_raft_update* update);
/* term of every entry = the current term; a CHANGE alone. NOTLEADER, CANTCHANGE, NOSPACE change nothing. */
int kontor_raft_submit(struct kontor_raft* r, uint64_t now_ms, const struct kontor_raft_entry* entries,
                       size_t n, struct kontor_raft_update* update);
/* index > kontor_raft_last_stored() */
int kontor_raft_persisted(struct kontor_raft* r, uint64_t now_ms, uint64_t index,
                          struct kontor_raft_update* update);
int kontor_raft_configuration(struct kontor_raft* r, uint64_t now_ms, uint64_t index, const void* data,
                              size_t len, struct kontor_raft_update* update);
/* The index is above the previous snapshot's and at or below last_stored. */
int kontor_raft_snapshot_taken(struct kontor_raft* r, uint64_t now_ms,
                               const struct kontor_raft_snapshot* snapshot, unsigned trailing,
                               struct kontor_raft_update* update);
/* `entries`: message->n_entries of them, for an append. `as_voter`: during this step the server is a voter
 * whatever its configuration says (guard 9; for VOTE only). */
int kontor_raft_receive(struct kontor_raft* r, uint64_t now_ms, const struct kontor_raft_message* message,
                        const char* peer_address, const struct kontor_raft_entry* entries, bool as_voter,
                        struct kontor_raft_update* update);
/* The target is another voter and has the last entry; no other transfer is on its way; this one leads. */
int kontor_raft_transfer(struct kontor_raft* r, uint64_t now_ms, uint64_t target,
                         struct kontor_raft_update* update);

uint64_t kontor_raft_term(const struct kontor_raft* r);
uint64_t kontor_raft_vote(const struct kontor_raft* r);
uint64_t kontor_raft_commit_index(const struct kontor_raft* r);
uint64_t kontor_raft_last_index(struct kontor_raft* r);
uint64_t kontor_raft_last_stored(const struct kontor_raft* r);
/* False: no such entry in the engine's log, nor is it the snapshot's last. */
bool kontor_raft_term_of(const struct kontor_raft* r, uint64_t index, uint64_t* term);
uint64_t kontor_raft_configuration_committed_index(const struct kontor_raft* r);
uint64_t kontor_raft_configuration_uncommitted_index(const struct kontor_raft* r);
uint64_t kontor_raft_next_timeout_ms(const struct kontor_raft* r);
uint64_t kontor_raft_transferee(const struct kontor_raft* r);
int kontor_raft_current_state(struct kontor_raft* r);
void kontor_raft_leader(struct kontor_raft* r, uint64_t* id);
/* Leader only; false otherwise or when `id` is not in the configuration. */
bool kontor_raft_match_index(const struct kontor_raft* r, uint64_t id, uint64_t* index);
const char* kontor_raft_error_text(struct kontor_raft* r, int code);

/* Encodes a configuration as the engine does. Returns the bytes needed (written when they fit), 0 on error.
 */
size_t kontor_raft_configuration_encode(const uint64_t* ids, const char* const* addresses, const int* roles,
                                        unsigned n, void* out, size_t out_size);

#ifdef __cplusplus
}
#endif

#endif
