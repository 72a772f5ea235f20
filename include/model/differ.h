/* model/differ.h: the two ways to compare, and what they share. Only diff*.c and their tests include this. */
#pragma once

#include "model/diff.h"

void diff_aws(const struct graph *graph, const struct world_state *world, const struct resource *resource, const struct live *live,
              struct arena *arena, struct difference *out);
void diff_kubernetes(const struct resource *resource, const struct live *live, struct arena *arena, struct difference *out);

/* A new change at the end of the list. */
struct change *diff_add(struct difference *difference, struct arena *arena, const char *path);
/* Some change is written. */
bool diff_writes(const struct difference *difference);
/* `path` is one of `paths` (ends with NULL; NULL is empty), or lies below one. */
bool diff_path_in(const char *path, const char *const *paths);
/* A text, number or boolean as one text, for comparing across "numbers as texts"; NULL for others. */
const char *diff_scalar_text(struct arena *arena, const struct value *value);

/* JSON documents by meaning; those with a Statement by the rules of IAM policies: one or a list of one, sets, account principals. Texts are
 * parsed. */
struct value document_normal(struct arena *arena, const struct value *document);
bool document_equal(struct arena *arena, const struct value *one, const struct value *other);
/* Kubernetes quantities ("1000m" and 1, "1Gi" and "1024Mi"). False when one is no quantity. */
bool quantity_equal(const struct value *one, const struct value *other);
