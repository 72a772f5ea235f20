/* run/observation.h: what the two halves of observe share. */
#pragma once

#include "run/links.h"
#include "run/observe.h"

struct observation {
    struct engine *engine;
    struct requests *requests;
    const struct graph *graph;
    struct ledger *ledger;
    struct arena *arena;
    struct world_state *world;
};

void observe_aws(struct observation *observation);
void observe_kubernetes(struct observation *observation);

/* The array of strays may move: keep no pointer across another add. */
struct stray *observation_add_stray(struct observation *observation, const struct target *target, const char *id);
void observation_unknown(struct live *live, const struct error *err);
