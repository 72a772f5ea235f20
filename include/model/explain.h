/* model/explain.h: documentation and JSON Schema, printed from the rows. */
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "schema/kind.h"

/* For people: a kind ("NodeGroup"), a field of it ("NodeGroup.scalingConfig.maxSize", "NodeGroup.taints.key"), or, when `what` is NULL, the
 * list of kinds. What there is none of is ERROR_INVALID and names the nearest. */
bool explain_kind(const char *what, struct text *out, struct error *err);

/* JSON Schema (draft 2020-12) of a manifest of the kind, with one member a line and a newline at the end; of all kinds as one schema when
 * `kind` is NULL. */
void schema_render(const struct kind *kind, struct text *out);

/* The rows themselves as JSON, one object a field: how it changes, by which call. For tests that hold them against the API's own model. */
void schema_render_rows(const struct kind *kind, struct text *out);
