/* model/rate.h: which steps may start now, and why the others wait. One pure function. */
#pragma once

#include "model/plan.h"

/* A token bucket. It starts empty: a restart is no new burst. */
struct bucket {
    double tokens;
    int64_t filled_ms; /* wall time of the last look; 0: never */
};

/* The small state that outlives a process. */
struct ledger {
    struct bucket deletes;
    int64_t last_disruption_ms;
    unsigned failures;  /* of the roll-out of `plan_digest` */
    const char *halted; /* why the roll-out stopped, or NULL */
    const char *plan_digest;
    const char *applied_commit;
    struct value updates; /* map resource key → {id, type, started} of EKS updates that we sent */
    struct value bakes; /* disruptive steps: map resource key → wall_ms since when it has been ready in the applied revision; 0: not yet */
    struct value rolling; /* the others that were applied and are not healthy yet: map resource key → true */
    struct value epochs;  /* map resource key → how often it was removed, so that a new creation has a new idempotency token */
};
void ledger_parse(const struct value *value, struct arena *arena, struct ledger *out);
struct value ledger_to_value(const struct ledger *ledger, struct arena *arena);

enum step_state { STEP_PENDING, STEP_RUNNING, STEP_DONE, STEP_FAILED, STEP_SKIPPED };

struct step_progress {
    enum step_state state;
    bool answered;      /* running: its calls are answered, and the world works on it */
    bool ready;         /* done, and healthy in the applied revision: opens GATE_READY */
    int64_t started_ms; /* wall */
    const char *reason; /* why it waits or failed */
};

struct rate_input {
    const struct plan *plan;
    const struct step_progress *progress; /* beside plan.steps */
    struct ledger *ledger;
    unsigned batch; /* slow start: how many creations or changes may be in flight in this wave: 1, 2, 4, 8 … */
    int64_t now_wall_ms;
};

struct rate_decision {
    bool start;
    const char *reason; /* why not: "after NodeGroup/api-workers · until ready"; NULL when it starts or is not pending */
};

/* Fills `decisions`, beside plan.steps. Never lets more disruptive steps run than the fleet allows, nor deletes faster than its bucket
 * (takes the tokens of what it starts from the ledger). */
void rate_next(const struct rate_input *input, struct arena *arena, struct rate_decision *decisions);
