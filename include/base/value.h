/* base/value.h: what YAML and JSON documents are made of.
 *
 * Values are plain structs that may be copied freely; lists, maps and texts point into the arena they were made in. Maps are sorted by key
 * (bytewise) and have no key twice. `line` and `column` say where the value stands in its file, 0 when it was not read from one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

enum value_type { VALUE_NULL, VALUE_BOOLEAN, VALUE_INTEGER, VALUE_NUMBER, VALUE_TEXT, VALUE_LIST, VALUE_MAP };

struct member;

struct value {
    uint8_t type;    /* enum value_type */
    uint16_t column; /* 65535 stands for that or more */
    uint32_t line;
    union {
        bool boolean;
        int64_t integer;
        double number; /* never NaN or infinite */
        struct {
            const char *bytes; /* UTF-8, no NUL inside, NUL after the end */
            size_t length;
        } text;
        struct {
            struct value *items;
            size_t count;
        } list;
        struct {
            struct member *members;
            size_t count;
        } map;
    };
};

struct member {
    const char *key;
    uint32_t line; /* of the key */
    uint16_t column;
    struct value value;
};

struct value value_null(void);
struct value value_of_boolean(bool boolean);
struct value value_of_integer(int64_t integer);
struct value value_of_number(double number);
struct value value_of_text(const char *text); /* borrowed; NULL gives null */
struct value value_of_list(void);
struct value value_of_map(void);

/* Questions that take NULL and any type: the answer is then NULL, the fallback, or 0. */
bool value_is(const struct value *value, enum value_type type);
const struct value *value_find(const struct value *map, const char *key);
struct value *value_find_mutable(struct value *map, const char *key);
const struct member *value_find_member(const struct value *map, const char *key);
/* Follows members by "." : "metadata.labels.app". Keys with a dot need value_find. */
const struct value *value_at(const struct value *value, const char *path);
const char *value_text(const struct value *value);                      /* NULL unless a text */
const char *value_text_at(const struct value *value, const char *path); /* both in one */
int64_t value_integer(const struct value *value, int64_t fallback);     /* a whole VALUE_NUMBER counts */
bool value_boolean(const struct value *value, bool fallback);
size_t value_count(const struct value *value); /* items or members */
struct place value_place(const struct value *value, const char *file);
const char *value_type_name(enum value_type type); /* "null", "boolean", "integer", "number", "string", "list", "map" */

/* Adds or replaces. The map's own array may move: keep no pointer to members across a set. `key` is borrowed. Returns the stored value. */
struct value *value_set(struct arena *arena, struct value *map, const char *key, struct value value);
/* As value_set, walking and making maps along a dotted path. A non-map on the way is replaced. */
struct value *value_set_at(struct arena *arena, struct value *map, const char *path, struct value value);
bool value_remove(struct value *map, const char *key);
struct value *value_append(struct arena *arena, struct value *list, struct value item);

/* For parsers that meet many members: value_put adds at the end without looking, value_sort then sorts once. value_sort returns the
 * second of the first pair of equal keys, or NULL. Between the two the map must not be asked. */
struct value *value_put(struct arena *arena, struct value *map, const char *key, struct value value);
const struct member *value_sort(struct value *map);

struct value value_copy(struct arena *arena, const struct value *value); /* deep */
/* Numbers compare by worth (1 equals 1.0), places do not count. */
bool value_equal(const struct value *one, const struct value *other);
/* A total order: type, then content. For sorting lists that are sets. */
int value_compare(const struct value *one, const struct value *other);
/* RFC 7396: members of `patch` over `base`, null removes. Result in the arena, inputs untouched. */
struct value value_merge(struct arena *arena, const struct value *base, const struct value *patch);
