/* model/plan.h: the steps that make live equal to desired, with their order, their calls and what blocks them. */
#pragma once

#include "model/diff.h"

enum action { ACTION_CREATE, ACTION_ADOPT, ACTION_CHANGE, ACTION_REPLACE, ACTION_DELETE, ACTION_WAIT };

/* What a call waits for after the one before it. */
enum call_after {
    CALL_AFTER_DONE,  /* its answer; and where it answers with an update, that update's end */
    CALL_AFTER_READY, /* what it made is ready (a replacement made first) */
    CALL_AFTER_GONE   /* what it removed is gone (a name that is used again) */
};

/* One AWS call of a step; several run one after another. Kubernetes steps have none: they apply or delete the object (ACTION_REPLACE:
 * delete, wait until it is gone, apply). Documents (policies) stand in the input as values; they become text when they are sent. */
struct call {
    const struct operation *operation;
    struct value input;      /* without token; references may still stand in it */
    const char *update_type; /* "LoggingUpdate", or NULL */
    enum call_after after;
};

struct step_edge {
    size_t before; /* index of the step */
    enum gate gate;
    const char *reason;
};

struct step {
    size_t index;
    const char *key, *id;
    enum action action;
    const struct difference *difference;
    const struct resource *resource; /* NULL for a delete */
    const struct stray *stray;
    const struct target *target;
    struct call *calls;
    size_t call_count;
    struct step_edge *edges;
    size_t edge_count;
    unsigned wave; /* from 1 */
    bool disruptive;
    const char *blocked;      /* by a guard: what to write, and where; NULL when free */
    const char *blocked_rule; /* "acknowledgement", "deletion budget", "window", "never to nothing"; NULL */
    const char *reason;       /* why so and not otherwise ("1.34 is a hop on the way to 1.36"); NULL */
    const char *waits;        /* why it cannot start although nothing blocks it ("update 408c… in progress"); NULL */
    int64_t expected_ms[2];   /* p50, p90 */
    unsigned aws_writes, kubernetes_writes;
    struct value precondition; /* {uid, resourceVersion}, or {fieldsHash} of the live fields read */
    size_t cluster;            /* which cluster it stirs, counted from 1; 0: none. Below plan.cluster_count + 1 */
    bool eks_update;           /* has a call that begins an EKS update: one at a time in its cluster */
};

/* Offset from UTC of an IANA time zone at a moment, in milliseconds east; *known false when the zone is unknown. The tz database is files,
 * so run/ provides this. Without it, only UTC and Etc/GMT±N are known. */
struct zones {
    int64_t (*offset_ms)(void *context, const char *zone, int64_t wall_ms, bool *known);
    void *context;
};

struct plan {
    struct step *steps; /* in order of wave, then key */
    size_t step_count;
    unsigned wave_count;
    bool complete; /* false: something could not be read */
    unsigned unknown_count;
    bool blocked;            /* some step is */
    const char *digest;      /* of what would be done: 64 hex digits */
    const char *live_digest; /* of the live fields that were read */
    int64_t forecast_ms[2];  /* p50, p90 of the whole */
    unsigned peak_disruption;
    const struct graph *graph;
    const struct differences *differences;
    const struct world_state *world;
    const struct findings *findings; /* of the tree; errors make the plan partial, and block every delete */
    const char *commit, *subject, *source;
    struct zones zones;
    int64_t now_wall_ms;
    size_t cluster_count;
    bool applyable; /* some step may be started: neither blocked nor waiting */
};

struct plan_input {
    const struct graph *graph;
    const struct world_state *world;
    const struct differences *differences;
    const struct findings *findings;
    const struct tree *tree;
    int64_t now_wall_ms;
    struct zones zones; /* may be all zero */
};
/* Findings, graph and world are borrowed and must outlive the plan. */
void plan_build(const struct plan_input *input, struct arena *arena, struct plan *out);

/* Sets blocked, blocked_rule on steps that may not happen without consent. Part of plan_build; its own function for tests. */
void guard_check(struct plan *plan, int64_t now_wall_ms, struct arena *arena);
/* Whether the windows allow a step of that length to start now; *reason says why not, and when. */
bool guard_window_allows(const struct fleet *fleet, int64_t now_wall_ms, int64_t needs_ms, struct arena *arena, const char **reason);

/* The same, with named time zones. */
bool guard_window_check(const struct fleet *fleet, const struct zones *zones, int64_t now_wall_ms, int64_t needs_ms, struct arena *arena,
                        const char **reason);

/* Sets forecast_ms and peak_disruption by running the rate function forward over expected durations. Part of plan_build. */
void forecast_run(struct plan *plan, struct arena *arena);

enum plan_exit { PLAN_NONE = 0, PLAN_CHANGES = 2, PLAN_ERROR = 1, PLAN_BLOCKED = 3, PLAN_PARTIAL = 4 };
enum plan_exit plan_exit_code(const struct plan *plan);
unsigned plan_count(const struct plan *plan, enum action action);
const char *action_name(enum action action); /* "create", "adopt", "change", "replace", "delete", "wait" */

/* A saved plan: JSON with the steps, the digests and the commit. */
struct value plan_to_value(const struct plan *plan, struct arena *arena);
