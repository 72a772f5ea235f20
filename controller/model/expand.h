/* expand.h: templates of rows into manifests: the parts that a composite stands for, and presets. */
#pragma once

#include "model/manifest.h"

struct expansion {
    const struct manifest *manifest; /* NULL: the slots of metadata and spec are empty */
    const char *cluster;             /* NULL: no EKS cluster */
    const char *fleet;
    const char *account_id; /* NULL: unknown */
    const char *partition;  /* NULL: unknown */
};

/* The value of a template (JSON). Places are those of the manifest. */
struct value expand_template(const struct expansion *expansion, const char *template, struct arena *arena);
/* Whether a part's `when` holds: "mode=irsa", the field's initial value included. */
bool expand_holds(const struct manifest *manifest, const char *when, struct arena *arena);
