/* model/mask.h: what people read never shows a secret, but does show whether two are equal: •••(#1), •••(#2). */
#pragma once

#include "base/text.h"
#include "base/value.h"

/* Numbers of the secrets met so far, in order of first sight. */
struct mask {
    struct arena *arena;
    struct mask_entry {
        const char *bytes;
        size_t length;
        size_t number;
    } * entries;
    size_t count;
    size_t next_number;
};
void mask_init(struct mask *mask, struct arena *arena);

/* Whether a setting of that name holds a secret ("DB_PASSWORD", "apiToken"), and whether a text looks like one (AWS key ids, PEM, tokens,
 * passwords in URLs). */
bool mask_name_is_secret(const char *name);
bool mask_text_is_secret(const char *text);

/* "•••(#n)": equal values have equal numbers. */
const char *mask_of(struct mask *mask, const struct value *value);
/* Remembers every secret inside a Kubernetes object (Secret data as written and decoded, environment values), so that mask_text finds it.
 */
void mask_learn(struct mask *mask, const struct value *object);
/* A deep copy with what is secret masked. `path` is where it stands ("containers[api].env[KEY].value"), or NULL; `sensitive` masks it
 * whole. */
struct value mask_value(struct mask *mask, const struct value *value, const char *path, bool sensitive);
/* A message from outside: known secrets masked; control characters, and those that change the direction of text, written as \u202e. */
const char *mask_text(struct mask *mask, const char *text);
/* Only the second half: for names and paths. Newlines become "\n". */
void mask_escape(struct text *out, const char *bytes, size_t length);
