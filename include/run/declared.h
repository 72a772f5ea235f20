/* run/declared.h: the Kubernetes object to apply, with what other resources have to say filled in. */
#pragma once

#include "model/graph.h"

/* True when the object has references: then its applied hash is of the resolved object, so that a new ARN counts as a change. */
bool declared_is_late(const struct resource *resource);

/* The object to apply, with its hash in ANNOTATION_APPLIED. `unresolved` gets the first reference that is not known yet, else NULL. */
struct value declared_resolve(const struct graph *graph, const struct resource *resource, const struct graph_lookup *lookup,
                              struct arena *arena, const char **unresolved);
const char *declared_hash(const struct value *object);
