/* run/links.h: connections to the API servers of a graph's clusters, kept from pass to pass. */
#pragma once

#include "model/live.h"
#include "run/engine.h"

/* The API server of a Kubernetes target. `live` is the cluster's live object (its endpoint and authority) and may be NULL for an
 * ExternalCluster. The error says which cluster, and what is missing. */
bool link_open(struct engine *engine, const struct target *target, const struct live *live, struct arena *arena, struct kube **out,
               struct error *err);
void links_done(struct engine *engine);

/* Scope of AWS calls for a target. */
struct aws_scope link_scope(const struct target *target);
