/* model/diff.h: desired against live, field by field. */
#pragma once

#include "model/live.h"

struct change {
    const char *path;           /* as a person writes it: "scalingConfig.maxSize", "containers[api].image" */
    const struct field *field;  /* AWS rows; NULL for Kubernetes */
    const struct value *before; /* NULL: absent */
    const struct value *after;  /* NULL: removed */
    const char *unresolved;     /* `after` will be known after this: "Cluster/demo.issuer"; or NULL */
    const char
        *item; /* map key or item key that this is about ("dedicated,NO_SCHEDULE"), when the field is compared item by item; else NULL */
    bool replaces;    /* cannot change in place */
    bool informs;     /* shown, but nothing is written for it */
    bool sensitive;   /* values are never printed, only whether they are equal */
    const char *note; /* "left to the autoscaler", "taken from kubectl-edit"; or NULL */
};

enum difference_type {
    DIFFERENCE_NONE,
    DIFFERENCE_CREATE,
    DIFFERENCE_ADOPT, /* exists, unmarked, differs in nothing immutable: marked, and changed where it differs */
    DIFFERENCE_CHANGE,
    DIFFERENCE_REPLACE,
    DIFFERENCE_DELETE,  /* a stray */
    DIFFERENCE_WAIT,    /* nothing to write; something is still under way, or not healthy yet */
    DIFFERENCE_UNKNOWN, /* could not be read */
    DIFFERENCE_REFUSED  /* must not be touched: another fleet's, or refused by the API server; `reason` says it */
};

struct difference {
    enum difference_type type;
    const struct resource *resource; /* NULL for a delete of a stray */
    const struct stray *stray;
    const struct live *live;
    struct change *changes;
    size_t change_count;
    struct value desired;   /* AWS: resolved as far as it can be; Kubernetes: the object to apply */
    const char *unresolved; /* first reference that is not known yet, or NULL */
    const char *reason;
    const char *waits;     /* there are changes, but the API would refuse them now ("UPDATING, update 408c… in progress"); NULL */
    struct value observed; /* AWS: map path → live value of every declared field; what a saved plan is bound to */
};

struct differences {
    struct difference *items; /* beside graph.resources, then one for each stray */
    size_t count;
    size_t unchanged_count;
};

/* A resource with difference NONE and a reason is one that stays though something else was to be expected (a stray that is retained). */
void diff_build(const struct graph *graph, const struct world_state *world, struct arena *arena, struct differences *out);
