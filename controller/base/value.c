#include "base/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value value_null(void) {
    return (struct value){.type = VALUE_NULL};
}

struct value value_of_boolean(bool boolean) {
    return (struct value){.type = VALUE_BOOLEAN, .boolean = boolean};
}

struct value value_of_integer(int64_t integer) {
    return (struct value){.type = VALUE_INTEGER, .integer = integer};
}

struct value value_of_number(double number) {
    return (struct value){.type = VALUE_NUMBER, .number = number};
}

struct value value_of_text(const char *text) {
    if (text == NULL)
        return value_null();
    return (struct value){.type = VALUE_TEXT, .text = {.bytes = text, .length = strlen(text)}};
}

struct value value_of_list(void) {
    return (struct value){.type = VALUE_LIST};
}

struct value value_of_map(void) {
    return (struct value){.type = VALUE_MAP};
}

bool value_is(const struct value *value, enum value_type type) {
    return value != NULL && value->type == type;
}

/* Compares a key with a part of a path, which has no NUL at its end. */
static int compare_key(const char *key, const char *name, size_t length) {
    int order = strncmp(key, name, length);
    return order != 0 ? order : key[length] != '\0';
}

/* Index of the member, or of the place where it would stand; *found says which. */
static size_t find_index(const struct value *map, const char *name, size_t length, bool *found) {
    size_t low = 0;
    size_t high = map->map.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_key(map->map.members[middle].key, name, length);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

static const struct member *find_part(const struct value *map, const char *name, size_t length) {
    if (!value_is(map, VALUE_MAP))
        return NULL;
    bool found;
    size_t index = find_index(map, name, length, &found);
    return found ? &map->map.members[index] : NULL;
}

const struct member *value_find_member(const struct value *map, const char *key) {
    return key != NULL ? find_part(map, key, strlen(key)) : NULL;
}

const struct value *value_find(const struct value *map, const char *key) {
    const struct member *member = value_find_member(map, key);
    return member != NULL ? &member->value : NULL;
}

struct value *value_find_mutable(struct value *map, const char *key) {
    if (!value_is(map, VALUE_MAP) || key == NULL)
        return NULL;
    bool found;
    size_t index = find_index(map, key, strlen(key), &found);
    return found ? &map->map.members[index].value : NULL;
}

const struct value *value_at(const struct value *value, const char *path) {
    for (;;) {
        size_t length = strcspn(path, ".");
        const struct member *member = find_part(value, path, length);
        if (member == NULL)
            return NULL;
        if (path[length] == '\0')
            return &member->value;
        value = &member->value;
        path += length + 1;
    }
}

const char *value_text(const struct value *value) {
    return value_is(value, VALUE_TEXT) ? value->text.bytes : NULL;
}

const char *value_text_at(const struct value *value, const char *path) {
    return value_text(value_at(value, path));
}

/* 2^63 is exact in a double, INT64_MAX is not. */
#define TWO_TO_63 9223372036854775808.0

static bool is_whole(double number) {
    return number >= -TWO_TO_63 && number < TWO_TO_63 && floor(number) == number;
}

int64_t value_integer(const struct value *value, int64_t fallback) {
    if (value_is(value, VALUE_INTEGER))
        return value->integer;
    if (value_is(value, VALUE_NUMBER) && is_whole(value->number))
        return (int64_t)value->number;
    return fallback;
}

bool value_boolean(const struct value *value, bool fallback) {
    return value_is(value, VALUE_BOOLEAN) ? value->boolean : fallback;
}

size_t value_count(const struct value *value) {
    if (value_is(value, VALUE_LIST))
        return value->list.count;
    return value_is(value, VALUE_MAP) ? value->map.count : 0;
}

struct place value_place(const struct value *value, const char *file) {
    if (value == NULL)
        return (struct place){.file = file};
    return (struct place){.file = file, .line = value->line, .column = value->column};
}

const char *value_type_name(enum value_type type) {
    static const char *const names[] = {
        [VALUE_NULL] = "null",   [VALUE_BOOLEAN] = "boolean", [VALUE_INTEGER] = "integer", [VALUE_NUMBER] = "number",
        [VALUE_TEXT] = "string", [VALUE_LIST] = "list",       [VALUE_MAP] = "map",
    };
    return (size_t)type < sizeof names / sizeof names[0] ? names[type] : "unknown";
}

static struct value *insert(struct arena *arena, struct value *map, size_t index, struct member member) {
    map->map.members = arena_grow(arena, map->map.members, map->map.count, sizeof map->map.members[0]);
    struct member *at = &map->map.members[index];
    memmove(at + 1, at, (map->map.count - index) * sizeof *at);
    *at = member;
    map->map.count++;
    return &at->value;
}

static struct value *set_part(struct arena *arena, struct value *map, const char *key, size_t length, struct value value) {
    if (map->type != VALUE_MAP)
        *map = value_of_map();
    bool found;
    size_t index = find_index(map, key, length, &found);
    if (!found) {
        const char *name = key[length] == '\0' ? key : arena_copy(arena, key, length);
        return insert(arena, map, index, (struct member){.key = name, .line = value.line, .column = value.column, .value = value});
    }
    map->map.members[index].value = value;
    return &map->map.members[index].value;
}

struct value *value_set(struct arena *arena, struct value *map, const char *key, struct value value) {
    return set_part(arena, map, key, strlen(key), value);
}

struct value *value_set_at(struct arena *arena, struct value *map, const char *path, struct value value) {
    for (;;) {
        size_t length = strcspn(path, ".");
        if (path[length] == '\0')
            return set_part(arena, map, path, length, value);
        const struct member *member = find_part(map, path, length);
        if (member == NULL || member->value.type != VALUE_MAP)
            map = set_part(arena, map, path, length, value_of_map());
        else
            map = &map->map.members[member - map->map.members].value;
        path += length + 1;
    }
}

bool value_remove(struct value *map, const char *key) {
    if (!value_is(map, VALUE_MAP) || key == NULL)
        return false;
    bool found;
    size_t index = find_index(map, key, strlen(key), &found);
    if (!found)
        return false;
    struct member *at = &map->map.members[index];
    map->map.count--;
    memmove(at, at + 1, (map->map.count - index) * sizeof *at);
    return true;
}

struct value *value_append(struct arena *arena, struct value *list, struct value item) {
    if (list->type != VALUE_LIST)
        *list = value_of_list();
    list->list.items = arena_grow(arena, list->list.items, list->list.count, sizeof list->list.items[0]);
    struct value *at = &list->list.items[list->list.count++];
    *at = item;
    return at;
}

struct value *value_put(struct arena *arena, struct value *map, const char *key, struct value value) {
    return insert(arena, map, map->map.count, (struct member){.key = key, .line = value.line, .column = value.column, .value = value});
}

static void sort_by_insertion(struct member *members, size_t count) {
    for (size_t i = 1; i < count; i++) {
        if (strcmp(members[i - 1].key, members[i].key) <= 0)
            continue;
        struct member moving = members[i];
        size_t at = i;
        for (; at > 0 && strcmp(members[at - 1].key, moving.key) > 0; at--)
            members[at] = members[at - 1];
        members[at] = moving;
    }
}

/* Stable, unlike what the C standard promises of qsort: of equal keys the later one must stay the later one. */
static void sort_by_merging(struct member *members, size_t count, struct member *spare) {
    if (count <= 16) {
        sort_by_insertion(members, count);
        return;
    }
    size_t half = count / 2;
    sort_by_merging(members, half, spare);
    sort_by_merging(members + half, count - half, spare);
    memcpy(spare, members, half * sizeof *members);
    size_t left = 0;
    size_t right = half;
    for (size_t to = 0; left < half; to++) {
        bool take_left = right == count || strcmp(spare[left].key, members[right].key) <= 0;
        members[to] = take_left ? spare[left++] : members[right++];
    }
}

static bool is_sorted(const struct member *members, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (strcmp(members[i - 1].key, members[i].key) > 0)
            return false;
    return true;
}

const struct member *value_sort(struct value *map) {
    struct member *members = map->map.members;
    size_t count = map->map.count;
    if (count <= 16) {
        sort_by_insertion(members, count);
    } else if (!is_sorted(members, count)) {
        struct member *spare = calloc(count / 2, sizeof *spare);
        if (spare == NULL) {
            (void)fputs("eksact: out of memory\n", stderr);
            abort();
        }
        sort_by_merging(members, count, spare);
        free(spare);
    }
    for (size_t i = 1; i < count; i++)
        if (strcmp(members[i - 1].key, members[i].key) == 0)
            return &members[i];
    return NULL;
}

/* The capacity that arena_grow believes a list of `count` items to have. */
static size_t capacity_of(size_t count) {
    size_t capacity = 1;
    while (capacity < count)
        capacity *= 2;
    return capacity;
}

struct value value_copy(struct arena *arena, const struct value *value) {
    struct value copy = *value;
    switch (value->type) {
    case VALUE_TEXT:
        copy.text.bytes = arena_copy(arena, value->text.bytes, value->text.length);
        break;
    case VALUE_LIST:
        if (value->list.count == 0) {
            copy.list.items = NULL;
            break;
        }
        copy.list.items = ARENA_ARRAY(arena, struct value, capacity_of(value->list.count));
        for (size_t i = 0; i < value->list.count; i++)
            copy.list.items[i] = value_copy(arena, &value->list.items[i]);
        break;
    case VALUE_MAP:
        if (value->map.count == 0) {
            copy.map.members = NULL;
            break;
        }
        copy.map.members = ARENA_ARRAY(arena, struct member, capacity_of(value->map.count));
        for (size_t i = 0; i < value->map.count; i++) {
            const struct member *from = &value->map.members[i];
            struct member *to = &copy.map.members[i];
            *to = *from;
            to->key = arena_copy(arena, from->key, strlen(from->key));
            to->value = value_copy(arena, &from->value);
        }
        break;
    default:
        break;
    }
    return copy;
}

bool value_equal(const struct value *one, const struct value *other) {
    return value_compare(one, other) == 0;
}

/* Exact, also where a double cannot tell neighbouring integers apart. */
static int compare_integer_number(int64_t integer, double number) {
    if (number >= TWO_TO_63)
        return -1;
    if (number < -TWO_TO_63)
        return 1;
    double whole = floor(number);
    int64_t other = (int64_t)whole;
    if (integer != other)
        return integer < other ? -1 : 1;
    return number > whole ? -1 : 0;
}

static int compare_numbers(const struct value *one, const struct value *other) {
    if (one->type == VALUE_INTEGER && other->type == VALUE_INTEGER)
        return (one->integer > other->integer) - (one->integer < other->integer);
    if (one->type == VALUE_NUMBER && other->type == VALUE_NUMBER)
        return (one->number > other->number) - (one->number < other->number);
    if (one->type == VALUE_INTEGER)
        return compare_integer_number(one->integer, other->number);
    return -compare_integer_number(other->integer, one->number);
}

static int compare_counts(size_t one, size_t other) {
    return (one > other) - (one < other);
}

static int compare_lists(const struct value *one, const struct value *other) {
    for (size_t i = 0; i < one->list.count && i < other->list.count; i++) {
        int order = value_compare(&one->list.items[i], &other->list.items[i]);
        if (order != 0)
            return order;
    }
    return compare_counts(one->list.count, other->list.count);
}

static int compare_maps(const struct value *one, const struct value *other) {
    for (size_t i = 0; i < one->map.count && i < other->map.count; i++) {
        int order = strcmp(one->map.members[i].key, other->map.members[i].key);
        if (order == 0)
            order = value_compare(&one->map.members[i].value, &other->map.members[i].value);
        if (order != 0)
            return order;
    }
    return compare_counts(one->map.count, other->map.count);
}

/* Integers and numbers are one type here, because they compare by worth. */
static int rank_of(const struct value *value) {
    return value->type == VALUE_NUMBER ? VALUE_INTEGER : value->type;
}

int value_compare(const struct value *one, const struct value *other) {
    if (one == NULL || other == NULL)
        return (one != NULL) - (other != NULL);
    int one_rank = rank_of(one);
    int other_rank = rank_of(other);
    if (one_rank != other_rank)
        return one_rank < other_rank ? -1 : 1;
    switch (one_rank) {
    case VALUE_BOOLEAN:
        return (int)one->boolean - (int)other->boolean;
    case VALUE_INTEGER:
        return compare_numbers(one, other);
    case VALUE_TEXT:
        return strcmp(one->text.bytes, other->text.bytes);
    case VALUE_LIST:
        return compare_lists(one, other);
    case VALUE_MAP:
        return compare_maps(one, other);
    default:
        return 0;
    }
}

struct value value_merge(struct arena *arena, const struct value *base, const struct value *patch) {
    if (!value_is(patch, VALUE_MAP))
        return patch != NULL ? value_copy(arena, patch) : value_null();
    struct value merged = value_is(base, VALUE_MAP) ? value_copy(arena, base) : value_of_map();
    for (size_t i = 0; i < patch->map.count; i++) {
        const struct member *member = &patch->map.members[i];
        if (member->value.type == VALUE_NULL) {
            (void)value_remove(&merged, member->key);
            continue;
        }
        struct value result = value_merge(arena, value_find(&merged, member->key), &member->value);
        (void)value_set(arena, &merged, arena_copy(arena, member->key, strlen(member->key)), result);
    }
    return merged;
}
