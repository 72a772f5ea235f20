/* run/observe.h: reads the live state of everything in the graph, and of what is ours and no longer in it. */
#pragma once

#include "model/live.h"
#include "run/engine.h"
#include "run/requests.h"

/* A resource, a cluster or a whole account that cannot be read is LIVE_UNKNOWN with its error; the rest goes on. */
void observe(struct engine *engine, struct requests *requests, const struct graph *graph, struct ledger *ledger, struct arena *arena,
             struct world_state *out);

/* A graph_lookup over a struct world_state: what was read so far of a resource, NULL when it is not there or not known. */
const struct value *observe_lookup(void *context, const struct resource *resource);
