#include "raft_core.h"

#include <raft.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(
    RAFT_VERSION_NUMBER >= 2201 && RAFT_VERSION_NUMBER < 2300,
    "raft.h 0.22.1 or later of the 0.22 series is needed (package libraft-dev of bookworm-backports)");
_Static_assert((int)KONTOR_RAFT_COMMAND == RAFT_COMMAND && (int)KONTOR_RAFT_BARRIER == RAFT_BARRIER &&
                   (int)KONTOR_RAFT_CHANGE == RAFT_CHANGE,
               "entry types");
_Static_assert((int)KONTOR_RAFT_LEADER == RAFT_LEADER && (int)KONTOR_RAFT_FOLLOWER == RAFT_FOLLOWER,
               "states");
_Static_assert((int)KONTOR_RAFT_VOTER == RAFT_VOTER && (int)KONTOR_RAFT_STANDBY == RAFT_STANDBY, "roles");
_Static_assert((int)KONTOR_RAFT_NOMEM == RAFT_NOMEM && (int)KONTOR_RAFT_MALFORMED == RAFT_MALFORMED &&
                   (int)KONTOR_RAFT_NOTLEADER == RAFT_NOTLEADER &&
                   (int)KONTOR_RAFT_SHUTDOWN == RAFT_SHUTDOWN &&
                   (int)KONTOR_RAFT_CANTCHANGE == RAFT_CANTCHANGE &&
                   (int)KONTOR_RAFT_INVALID == RAFT_INVALID && (int)KONTOR_RAFT_NOSPACE == RAFT_NOSPACE,
               "error codes");
_Static_assert((int)KONTOR_RAFT_APPEND == RAFT_APPEND_ENTRIES &&
                   (int)KONTOR_RAFT_APPEND_RESULT == RAFT_APPEND_ENTRIES_RESULT &&
                   (int)KONTOR_RAFT_VOTE == RAFT_REQUEST_VOTE &&
                   (int)KONTOR_RAFT_VOTE_RESULT == RAFT_REQUEST_VOTE_RESULT &&
                   (int)KONTOR_RAFT_INSTALL_SNAPSHOT == RAFT_INSTALL_SNAPSHOT &&
                   (int)KONTOR_RAFT_TIMEOUT_NOW == RAFT_TIMEOUT_NOW,
               "message types");

struct kontor_raft {
    struct raft engine;
    struct raft_entry* entries; /* scratch of the last submit or receive */
    size_t entries_capacity;
    struct kontor_raft_message* messages;
    size_t messages_capacity;
};

/* The engine wants a batch pointer that is not NULL, and for submitted and loaded entries only that. */
static char not_a_batch;

static bool reserve_entries(struct kontor_raft* r, size_t n) {
    if (n > r->entries_capacity) {
        struct raft_entry* grown = realloc(r->entries, n * sizeof *grown);
        if (grown == NULL) return false;
        r->entries = grown;
        r->entries_capacity = n;
    }
    return true;
}

static void fill_entries(struct raft_entry* out, const struct kontor_raft_entry* in, size_t n, void* batch) {
    for (size_t i = 0; i < n; i++) {
        memset(&out[i], 0, sizeof out[i]);
        out[i].term = in[i].term;
        out[i].type = (enum raft_entry_type)in[i].type;
        out[i].buf.base = (void*)in[i].data; /* read only: see raft_core.h, Ownership */
        out[i].buf.len = in[i].len;
        out[i].batch = batch;
    }
}

static void copy_message(struct kontor_raft_message* out, const struct raft_message* in) {
    memset(out, 0, sizeof *out);
    out->type = (int)in->type;
    out->peer = in->server_id;
    switch (in->type) {
        case RAFT_APPEND_ENTRIES:
            out->version = in->append_entries.version;
            out->term = in->append_entries.term;
            out->log_index = in->append_entries.prev_log_index;
            out->log_term = in->append_entries.prev_log_term;
            out->leader_commit = in->append_entries.leader_commit;
            out->n_entries = in->append_entries.n_entries;
            break;
        case RAFT_APPEND_ENTRIES_RESULT:
            out->version = in->append_entries_result.version;
            out->term = in->append_entries_result.term;
            out->rejected = in->append_entries_result.rejected;
            out->last_index = in->append_entries_result.last_log_index;
            out->features = in->append_entries_result.features;
            out->capacity = in->append_entries_result.capacity;
            break;
        case RAFT_REQUEST_VOTE:
            out->version = in->request_vote.version;
            out->term = in->request_vote.term;
            out->candidate = in->request_vote.candidate_id;
            out->log_index = in->request_vote.last_log_index;
            out->log_term = in->request_vote.last_log_term;
            out->disrupt_leader = in->request_vote.disrupt_leader;
            out->pre_vote = in->request_vote.pre_vote;
            break;
        case RAFT_REQUEST_VOTE_RESULT:
            out->version = in->request_vote_result.version;
            out->term = in->request_vote_result.term;
            out->granted = in->request_vote_result.vote_granted;
            out->pre_vote = in->request_vote_result.pre_vote;
            out->features = in->request_vote_result.features;
            out->capacity = in->request_vote_result.capacity;
            break;
        case RAFT_INSTALL_SNAPSHOT:
            out->version = in->install_snapshot.version;
            out->term = in->install_snapshot.term;
            out->log_index = in->install_snapshot.last_index;
            out->log_term = in->install_snapshot.last_term;
            out->configuration_index = in->install_snapshot.conf_index;
            break;
        case RAFT_TIMEOUT_NOW:
            out->version = in->timeout_now.version;
            out->term = in->timeout_now.term;
            out->log_index = in->timeout_now.last_log_index;
            out->log_term = in->timeout_now.last_log_term;
            break;
    }
}

static bool fill_message(struct raft_message* out, const struct kontor_raft_message* in,
                         const char* address) {
    memset(out, 0, sizeof *out);
    out->type = (enum raft_message_type)in->type;
    out->server_id = in->peer;
    out->server_address = address;
    switch (in->type) {
        case KONTOR_RAFT_APPEND:
            out->append_entries.version = in->version;
            out->append_entries.term = in->term;
            out->append_entries.prev_log_index = in->log_index;
            out->append_entries.prev_log_term = in->log_term;
            out->append_entries.leader_commit = in->leader_commit;
            out->append_entries.n_entries = in->n_entries;
            return true;
        case KONTOR_RAFT_APPEND_RESULT:
            out->append_entries_result.version = in->version;
            out->append_entries_result.term = in->term;
            out->append_entries_result.rejected = in->rejected;
            out->append_entries_result.last_log_index = in->last_index;
            out->append_entries_result.features = in->features;
            out->append_entries_result.capacity = in->capacity;
            return true;
        case KONTOR_RAFT_VOTE:
            out->request_vote.version = in->version;
            out->request_vote.term = in->term;
            out->request_vote.candidate_id = in->candidate;
            out->request_vote.last_log_index = in->log_index;
            out->request_vote.last_log_term = in->log_term;
            out->request_vote.disrupt_leader = in->disrupt_leader;
            out->request_vote.pre_vote = in->pre_vote;
            return true;
        case KONTOR_RAFT_VOTE_RESULT:
            out->request_vote_result.version = in->version;
            out->request_vote_result.term = in->term;
            out->request_vote_result.vote_granted = in->granted;
            out->request_vote_result.pre_vote = in->pre_vote;
            out->request_vote_result.features = in->features;
            out->request_vote_result.capacity = in->capacity;
            return true;
        case KONTOR_RAFT_TIMEOUT_NOW:
            out->timeout_now.version = in->version;
            out->timeout_now.term = in->term;
            out->timeout_now.last_log_index = in->log_index;
            out->timeout_now.last_log_term = in->log_term;
            return true;
        default:
            return false;
    }
}

/* Steps the engine and translates what it says. `source` is the array whose entries may come back. */
static int step(struct kontor_raft* r, struct raft_event* event, uint64_t now_ms,
                const struct raft_entry* source, struct kontor_raft_update* out) {
    struct raft_update update;
    memset(&update, 0, sizeof update);
    memset(out, 0, sizeof *out);
    event->time = now_ms;
    int rv = raft_step(&r->engine, event, &update);
    if (rv != 0) return rv;
    out->hard_state =
        (update.flags & (RAFT_UPDATE_CURRENT_TERM)) != 0 || (update.flags & (RAFT_UPDATE_VOTED_FOR)) != 0;
    out->state = (update.flags & (RAFT_UPDATE_STATE)) != 0;
    out->commit = (update.flags & (RAFT_UPDATE_COMMIT_INDEX)) != 0;
    out->timeout = (update.flags & (RAFT_UPDATE_TIMEOUT)) != 0;
    if (update.flags & (RAFT_UPDATE_ENTRIES)) {
        out->entries = true;
        out->entries_index = update.entries.index;
        out->n_entries = update.entries.n;
        if (update.entries.batch == &r->engine.barrier) {
            out->barrier = true;
            out->barrier_term = update.entries.batch[0].term;
            raft_free(update.entries.batch[0].batch); /* the array is the engine's own */
        } else {
            out->entries_offset = (size_t)(update.entries.batch - source);
        }
    }
    if ((update.flags & (RAFT_UPDATE_MESSAGES)) && update.messages.n > 0) {
        size_t n = update.messages.n;
        if (n > r->messages_capacity) {
            struct kontor_raft_message* grown = realloc(r->messages, n * sizeof *grown);
            if (grown == NULL) return RAFT_NOMEM;
            r->messages = grown;
            r->messages_capacity = n;
        }
        for (size_t i = 0; i < n; i++) copy_message(&r->messages[i], &update.messages.batch[i]);
        out->messages = r->messages;
        out->n_messages = (unsigned)n;
    }
    return 0;
}

struct kontor_raft* kontor_raft_create(const struct kontor_raft_options* options) {
    if (raft_version_number() != RAFT_VERSION_NUMBER) return NULL;
    struct kontor_raft* r = calloc(1, sizeof *r);
    if (r == NULL) return NULL;
    if (raft_init(&r->engine, NULL, NULL, options->id, options->address) != 0) {
        free(r);
        return NULL;
    }
    r->engine.tracer = NULL; /* the default one formats even when silent, into a global buffer */
    raft_seed(&r->engine, options->seed);
    raft_set_election_timeout(&r->engine, options->election_timeout_ms);
    raft_set_heartbeat_timeout(&r->engine, options->heartbeat_ms);
    raft_set_install_snapshot_timeout(&r->engine, options->install_snapshot_timeout_ms);
    raft_set_max_inflight_entries(&r->engine, options->max_inflight_entries);
    raft_set_pre_vote(&r->engine, true);
    return r;
}

void kontor_raft_destroy(struct kontor_raft* r) {
    if (r == NULL) return;
    raft_close(&r->engine, NULL);
    free(r->entries);
    free(r->messages);
    free(r);
}

static int decode_configuration(const void* data, size_t len, struct raft_configuration* out) {
    struct raft_buffer buffer;
    buffer.base = (void*)data; /* read only */
    buffer.len = len;
    return raft_configuration_decode(&buffer, out);
}

int kontor_raft_start(struct kontor_raft* r, uint64_t now_ms, uint64_t term, uint64_t vote,
                      const struct kontor_raft_snapshot* snapshot, uint64_t start_index,
                      const struct kontor_raft_entry* entries, size_t n, struct kontor_raft_update* update) {
    struct raft_event event;
    memset(&event, 0, sizeof event);
    struct raft_snapshot_metadata metadata;
    memset(&metadata, 0, sizeof metadata);
    event.type = RAFT_START;
    event.start.term = term;
    event.start.voted_for = vote;
    event.start.start_index = start_index;
    if (n > UINT32_MAX) return RAFT_INVALID;
    struct raft_entry* loaded = NULL;
    if (n > 0) {
        loaded = malloc(n * sizeof *loaded);
        if (loaded == NULL) return RAFT_NOMEM;
        fill_entries(loaded, entries, n, &not_a_batch);
    }
    event.start.entries = loaded;
    event.start.n_entries = (unsigned)n;
    if (snapshot != NULL) {
        metadata.index = snapshot->index;
        metadata.term = snapshot->term;
        metadata.configuration_index = snapshot->configuration_index;
        int rv = decode_configuration(snapshot->configuration, snapshot->configuration_len,
                                      &metadata.configuration);
        if (rv != 0) {
            free(loaded);
            return rv;
        }
        event.start.metadata = &metadata; /* its configuration is the engine's from here on */
    }
    int rv = step(r, &event, now_ms, loaded, update);
    free(loaded);
    return rv;
}

int kontor_raft_timeout_event(struct kontor_raft* r, uint64_t now_ms, struct kontor_raft_update* update) {
    struct raft_event event;
    memset(&event, 0, sizeof event);
    event.type = RAFT_TIMEOUT;
    return step(r, &event, now_ms, NULL, update);
}

int kontor_raft_submit(struct kontor_raft* r, uint64_t now_ms, const struct kontor_raft_entry* entries,
                       size_t n, struct kontor_raft_update* update) {
    struct raft_event event;
    memset(&event, 0, sizeof event);
    if (n == 0 || n > UINT32_MAX) return RAFT_INVALID;
    if (!reserve_entries(r, n)) return RAFT_NOMEM;
    fill_entries(r->entries, entries, n, &not_a_batch);
    event.type = RAFT_SUBMIT;
    event.submit.entries = r->entries;
    event.submit.n = (unsigned)n;
    return step(r, &event, now_ms, r->entries, update);
}

int kontor_raft_persisted(struct kontor_raft* r, uint64_t now_ms, uint64_t index,
                          struct kontor_raft_update* update) {
    struct raft_event event;
    memset(&event, 0, sizeof event);
    event.type = RAFT_PERSISTED_ENTRIES;
    event.persisted_entries.index = index;
    return step(r, &event, now_ms, NULL, update);
}

int kontor_raft_configuration(struct kontor_raft* r, uint64_t now_ms, uint64_t index, const void* data,
                              size_t len, struct kontor_raft_update* update) {
    struct raft_event event;
    memset(&event, 0, sizeof event);
    event.type = RAFT_CONFIGURATION;
    event.configuration.index = index;
    int rv = decode_configuration(data, len, &event.configuration.conf); /* the engine's from the step on */
    if (rv != 0) return rv;
    return step(r, &event, now_ms, NULL, update);
}

int kontor_raft_snapshot_taken(struct kontor_raft* r, uint64_t now_ms,
                               const struct kontor_raft_snapshot* snapshot, unsigned trailing,
                               struct kontor_raft_update* update) {
    struct raft_event event;
    memset(&event, 0, sizeof event);
    event.type = RAFT_SNAPSHOT;
    event.snapshot.metadata.index = snapshot->index;
    event.snapshot.metadata.term = snapshot->term;
    event.snapshot.metadata.configuration_index = snapshot->configuration_index;
    event.snapshot.trailing = trailing;
    int rv = decode_configuration(snapshot->configuration, snapshot->configuration_len,
                                  &event.snapshot.metadata.configuration);
    if (rv != 0) return rv;
    return step(r, &event, now_ms, NULL, update);
}

int kontor_raft_receive(struct kontor_raft* r, uint64_t now_ms, const struct kontor_raft_message* message,
                        const char* peer_address, const struct kontor_raft_entry* entries, bool as_voter,
                        struct kontor_raft_update* update) {
    struct raft_event event;
    struct raft_message received;
    struct raft_server* self = NULL;
    int role = 0;
    memset(&event, 0, sizeof event);
    memset(update, 0, sizeof *update);
    if (!fill_message(&received, message, peer_address)) return RAFT_INVALID;
    void* batch = NULL;
    if (message->type == KONTOR_RAFT_APPEND && message->n_entries > 0) {
        /* The engine frees this batch unless it hands the entries back: then it is ours again. The payload
         * bytes are not in it, so nothing of the caller's is ever freed. */
        if (!reserve_entries(r, message->n_entries)) return RAFT_NOMEM;
        batch = raft_malloc(1);
        if (batch == NULL) return RAFT_NOMEM;
        fill_entries(r->entries, entries, message->n_entries, batch);
        received.append_entries.entries = r->entries;
    }
    event.type = RAFT_RECEIVE;
    event.receive.message = &received;
    if (as_voter && message->type == KONTOR_RAFT_VOTE) { /* a vote request never changes the configuration */
        for (unsigned i = 0; i < r->engine.configuration.n; i++) {
            if (r->engine.configuration.servers[i].id != r->engine.id) continue;
            self = &r->engine.configuration.servers[i];
            role = self->role;
            self->role = RAFT_VOTER;
        }
    }
    int rv = step(r, &event, now_ms, r->entries, update);
    if (self != NULL) self->role = role;
    if (rv == 0 && update->entries && !update->barrier && batch != NULL) raft_free(batch);
    return rv;
}

int kontor_raft_transfer(struct kontor_raft* r, uint64_t now_ms, uint64_t target,
                         struct kontor_raft_update* update) {
    struct raft_event event;
    memset(&event, 0, sizeof event);
    event.type = RAFT_TRANSFER;
    event.transfer.server_id = target;
    return step(r, &event, now_ms, NULL, update);
}

uint64_t kontor_raft_term(const struct kontor_raft* r) {
    return raft_current_term(&r->engine);
}
uint64_t kontor_raft_vote(const struct kontor_raft* r) {
    return raft_voted_for(&r->engine);
}
uint64_t kontor_raft_commit_index(const struct kontor_raft* r) {
    return raft_commit_index(&r->engine);
}
uint64_t kontor_raft_last_index(struct kontor_raft* r) {
    return raft_last_index(&r->engine);
}
uint64_t kontor_raft_last_stored(const struct kontor_raft* r) {
    return r->engine.last_stored;
}
bool kontor_raft_term_of(const struct kontor_raft* r, uint64_t index, uint64_t* term) {
    const struct raft_trail* trail = &r->engine.trail;
    if (index == 0) return false;
    if (index == trail->snapshot.index) {
        *term = trail->snapshot.term;
        return true;
    }
    if (index <= trail->offset) return false;
    /* Each record is the last index of one term, in order. */
    for (unsigned i = trail->front; i != trail->back; i = (i + 1) % trail->size) {
        if (index <= trail->records[i].index) {
            *term = trail->records[i].term;
            return true;
        }
    }
    return false;
}
uint64_t kontor_raft_configuration_committed_index(const struct kontor_raft* r) {
    return r->engine.configuration_committed_index;
}
uint64_t kontor_raft_configuration_uncommitted_index(const struct kontor_raft* r) {
    return r->engine.configuration_uncommitted_index;
}
uint64_t kontor_raft_next_timeout_ms(const struct kontor_raft* r) {
    return raft_timeout(&r->engine);
}
uint64_t kontor_raft_transferee(const struct kontor_raft* r) {
    return raft_transferee(&r->engine);
}
int kontor_raft_current_state(struct kontor_raft* r) {
    return (int)raft_state(&r->engine);
}

void kontor_raft_leader(struct kontor_raft* r, uint64_t* id) {
    raft_id leader = 0;
    const char* address = NULL;
    raft_leader(&r->engine, &leader, &address);
    *id = leader;
}

bool kontor_raft_match_index(const struct kontor_raft* r, uint64_t id, uint64_t* index) {
    raft_index match = 0;
    if (raft_match_index(&r->engine, id, &match) != 0) return false;
    *index = match;
    return true;
}

const char* kontor_raft_error_text(struct kontor_raft* r, int code) {
    const char* text = raft_errmsg(&r->engine);
    return text != NULL && text[0] != '\0' ? text : raft_strerror(code);
}

size_t kontor_raft_configuration_encode(const uint64_t* ids, const char* const* addresses, const int* roles,
                                        unsigned n, void* out, size_t out_size) {
    struct raft_configuration configuration;
    struct raft_buffer buffer;
    size_t needed = 0;
    raft_configuration_init(&configuration);
    for (unsigned i = 0; i < n; i++) {
        if (raft_configuration_add(&configuration, ids[i], addresses[i], roles[i]) != 0) goto done;
    }
    if (n > 0 && raft_configuration_encode(&configuration, &buffer) == 0) {
        needed = buffer.len;
        if (needed <= out_size) memcpy(out, buffer.base, needed);
        raft_free(buffer.base);
    }
done:
    raft_configuration_close(&configuration);
    return needed;
}
