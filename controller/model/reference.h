/* reference.h: "Kind/name.attribute" in manifests, and finding what it names. */
#pragma once

#include "model/graph.h"

struct reference {
    const struct kind *row;
    const char *namespace; /* the cluster's name, of "NodeGroup/demo/api"; NULL: none */
    const char *name;
    const struct attribute *attribute;
    bool bare;
};

/* What is wrong with the text, in a person's words; NULL when *out was filled. "|bare" at the end is allowed. */
const char *reference_parse(struct arena *arena, const char *text, struct reference *out);

/* The resource that `from` means: in its own account and region first, then wherever there is exactly one. NULL when there is none, or
 * when it could be several: then *ambiguous is set. */
struct resource *reference_find(const struct graph *graph, const struct resource *from, const struct reference *reference, bool *ambiguous);

/* Calls `each` for every reference in the value, its late texts and, when `in_keys`, its map keys. `text` is what stands in the manifest.
 */
void reference_walk(const struct value *value, bool in_keys, struct arena *arena,
                    void (*each)(void *context, const char *text, const struct value *place), void *context);

/* The end of the next "${…}" at or after `at` (past its brace), nested ones included; *start is its "$". NULL when there is none. */
const char *slot_next(const char *at, const char **start);
