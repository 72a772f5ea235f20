/* owner.h: which cluster owns a directory. */
#pragma once

#include "model/graph.h"

/* One Cluster or ExternalCluster and the directory that it owns. */
struct owner {
    const char *directory;
    const struct manifest *manifest;
    struct resource *resource; /* NULL until it is made, and when it was left out */
    struct target *target;     /* its Kubernetes API, once made */
    bool disputed;             /* two own the directory: nobody does */
    size_t left_out_count;     /* manifests that were left out with it */
};

struct owners {
    struct owner *items; /* sorted by directory */
    size_t count;
};

void owners_build(const struct manifests *manifests, struct arena *arena, struct owners *out, struct findings *findings);
/* The owner of the nearest directory above; NULL when there is none. */
struct owner *owner_of(const struct owners *owners, const char *directory);
