/* run/apply.h: starts the steps of a plan as their predecessors end and the rate allows; does not wait for what takes the world minutes. */
#pragma once

#include "model/rate.h"
#include "run/engine.h"
#include "run/requests.h"

struct apply_result {
    struct step_progress *progress; /* beside plan.steps */
    unsigned done, running, failed, waiting;
    unsigned held;         /* blocked by a guard, or after such a step: nothing happens to them until a person acts */
    int64_t look_again_ms; /* in how long something may have changed; -1: nothing is under way */
};

void apply(struct engine *engine, struct requests *requests, const struct plan *plan, struct world_state *world, struct ledger *ledger,
           struct arena *arena, struct apply_result *out);
