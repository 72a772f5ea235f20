/* base/json.h: JSON text to values and back. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "base/value.h"

/* The whole text is one JSON value (RFC 8259), UTF-8, at most 100 deep. Duplicate keys: the last wins, as with Go and Python.
 * `name` says in errors what was read ("answer of DescribeCluster"). */
bool json_parse(struct arena *arena, const char *name, const char *bytes, size_t length, struct value *out, struct error *err);

/* Compact when indent_width is 0, else one member a line. Keys come out sorted: equal values give equal bytes. */
void json_render(struct text *text, const struct value *value, unsigned indent_width);
char *json_text(struct arena *arena, const struct value *value);

/* A JSON string with its quotes. Bytes that are not UTF-8 come out as U+FFFD. */
void json_render_string(struct text *text, const char *string);
