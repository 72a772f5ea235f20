/* object.h: from a manifest to what is applied: the desired value of one resource. */
#pragma once

#include "model/graph.h"

struct object_place {
    const struct manifest *manifest;
    const struct target *target;
    const char *cluster; /* NULL: in none */
    const char *fleet;
    const char *applyset_id;
};

/* The create input of an AWS resource: spec without eksact's own fields, names, presets, marks. */
struct value object_of_aws(const struct object_place *place, const struct resource *resource, struct arena *arena);
/* The object to apply, with its label and its annotation; *hash is the annotation's value. */
struct value object_of_kubernetes(const struct object_place *place, const struct resource *resource, struct arena *arena,
                                  const char **hash);
/* Reads the annotations of eksact.dev into the resource; what is wrong with them becomes findings. */
void object_read_annotations(const struct manifest *manifest, struct resource *resource, struct arena *arena, struct findings *findings);
