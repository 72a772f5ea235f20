/* edges.h: what must come before what. */
#pragma once

#include "model/graph.h"

/* Whether objects of the group and kind have a namespace. For kinds that the API server does not bring itself, only a definition in the
 * same tree tells: SCOPE_UNKNOWN without one. */
enum object_scope { SCOPE_UNKNOWN, SCOPE_CLUSTERED, SCOPE_NAMESPACED };
enum object_scope object_scope(const char *group, const char *kind);

void edge_add(struct arena *arena, struct resource *after, struct resource *before, enum gate gate, const char *reason);
/* All edges but those of references, over the whole graph; a depends-on annotation that names nothing is a finding. */
void edges_build(struct graph *graph, struct arena *arena, struct findings *findings);
/* Sorts each resource's edges by key and keeps one a predecessor, with the strictest gate. */
void edges_sort(struct graph *graph);
/* Each circle becomes a finding; `out` (beside graph.resources) gets its members. */
void edges_find_cycles(const struct graph *graph, struct arena *arena, bool *out, struct findings *findings);
