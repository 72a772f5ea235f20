/* base/arena.h: memory with one lifetime. Everything that takes a `struct arena *` returns memory of it, and nobody frees that.
 *
 * Memory is zeroed. Out of memory, or over the arena's own limit, ends the process: the next pass of a new process starts clean. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* NULL is allowed */
void arena_free_at(struct arena **arena);
#define ARENA_AUTO __attribute__((cleanup(arena_free_at))) struct arena

/* Zeroed, aligned for any type. A size of 0 gives a valid pointer. */
void *arena_take(struct arena *arena, size_t size_bytes);
#define ARENA_NEW(arena, type) ((type *)arena_take((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_array((arena), sizeof(type), (count)))
void *arena_array(struct arena *arena, size_t item_bytes, size_t count);

/* Makes room for one more item in a list of `count` items: returns `items` or its moved copy. The capacity is count rounded up to a
 * power of two, so a list must only grow through here. */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t item_bytes);

char *arena_copy(struct arena *arena, const char *bytes, size_t length); /* adds a NUL; not aligned */
char *arena_text(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_textv(struct arena *arena, const char *format, va_list values) __attribute__((format(printf, 2, 0)));

/* Bytes handed out so far. */
size_t arena_used_bytes(const struct arena *arena);
