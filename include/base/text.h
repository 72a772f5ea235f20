/* base/text.h: a growing text with a stated maximum, and small questions about C strings. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* On the heap; `data` is always NUL-terminated and never NULL after the first add. What does not fit below `limit` is not added, and
 * `full` becomes true and stays so, nor is anything added after it: check it once, at the end. */
struct text {
    char *data;
    size_t length;
    size_t capacity;
    size_t limit;
    bool full;
};

void text_init(struct text *text, size_t limit_bytes);
void text_done(struct text *text);
#define TEXT_AUTO __attribute__((cleanup(text_done))) struct text
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_string(struct text *text, const char *string); /* NULL adds nothing */
void text_clear(struct text *text);                          /* begins anew, with the memory and the limit it has; no longer full */
char *text_copy(const struct text *text, struct arena *arena);

bool text_equal(const char *one, const char *other); /* NULL equals only NULL */
bool text_starts(const char *string, const char *prefix);
bool text_ends(const char *string, const char *suffix);
bool text_is_empty(const char *string);                     /* NULL or "" */
bool text_in(const char *string, const char *const *names); /* `names` ends with NULL */

/* Length of the UTF-8 sequence (RFC 3629) that `bytes` begin with, of which at most `length` are looked at; 0 when they are not UTF-8. */
size_t text_utf8_step(const char *bytes, size_t length);

/* The one of `names` (ends with NULL) that was most probably meant by a misspelt `string`: least edits, at most a third of its
 * length. NULL when none is near. */
const char *text_nearest(const char *string, const char *const *names);

/* Whole string, decimal, within [least, most]; false otherwise. */
bool text_to_integer(const char *string, int64_t least, int64_t most, int64_t *out);

/* Go's duration form restricted to whole units: "90s", "10m", "1h30m", "24h", "1d". 0 to 366 days. */
bool text_to_duration(const char *string, int64_t *out_ms);

/* "12 s", "4 min", "1 h 20 min", "2 d 3 h": at most two units, as people say it. */
char *text_of_duration(struct arena *arena, int64_t duration_ms);
