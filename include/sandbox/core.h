/* sandbox/core.h: the simulated world's own state, for sandbox.c, clock.c, state.c and faults.c. */
#pragma once

#include "sandbox/parts.h"

enum fault {
    FAULT_NONE,
    FAULT_RESET,
    FAULT_RESET_AFTER,
    FAULT_TIMEOUT,
    FAULT_500,
    FAULT_503,
    FAULT_THROTTLE,
    FAULT_TRUNCATE,
    FAULT_KILL,
    FAULT_KILL_AFTER
};

struct pending {
    struct http_exchange *exchange;
    unsigned number; /* of the exchange, from 1 */
    enum fault fault;
    int64_t due_ms;
    int64_t limit_at_ms;         /* when the client gives up */
    struct sandbox_watch *watch; /* an open watch, or NULL */
    bool ended;                  /* of a watch */
};

struct attended {
    int file_descriptor;
    bool (*ready)(void *context);
    void *context;
};

struct sandbox_seam {
    struct http http; /* first: the seam's functions find the sandbox by it */
    struct sandbox *sandbox;
};

struct sandbox_clock {
    struct clock clock; /* first, for the same reason */
    struct sandbox *sandbox;
};

enum { SANDBOX_ATTENDED_LIMIT = 64 };

struct sandbox {
    struct world world; /* first: world.note finds the rest by it */
    struct sandbox_options options;
    struct sandbox_seam seam;
    struct sandbox_clock clock;
    struct arena *own;       /* lives as long as the sandbox: options, calls */
    size_t compact_at_bytes; /* when the state's arena is rebuilt */
    int64_t steady_offset_ms;
    int64_t real_start_ms, real_world_ms; /* scaled time: the real clock's steady, and the world's now, at the start */

    struct pending *pending; /* in the order they were started */
    size_t pending_count, pending_capacity;
    struct attended attended[SANDBOX_ATTENDED_LIMIT];
    size_t attended_count;

    unsigned exchange_count;
    bool killed;
    const char **calls;
    size_t call_count;
};

/* clock.c */
void clock_begin(struct sandbox *sandbox, int64_t now_ms);
int64_t clock_now(struct sandbox *sandbox); /* wall, of the world */
/* Steps the world event by event up to `until_ms`. Returns when something happens next. */
int64_t clock_advance(struct sandbox *sandbox, int64_t until_ms);

/* faults.c */
const char *fault_name(enum fault fault);
bool fault_parse(const char *name, enum fault *out);
enum fault fault_find(const struct value *state, unsigned exchange_number);

/* state.c */
void state_compact(struct sandbox *sandbox);
