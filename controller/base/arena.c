#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Far above what a pass over the largest fleet needs; a pass that grows past it has lost its way. */
#define ARENA_LIMIT_BYTES ((size_t)8 << 30)

#define ALIGNMENT _Alignof(max_align_t)
#define CHUNK_LEAST_BYTES ((size_t)16 << 10)
#define CHUNK_MOST_BYTES ((size_t)1 << 20)

/* Under the address sanitizer every piece is an allocation of its own, so that a write past its end is found. */
#if defined(__SANITIZE_ADDRESS__)
#define PIECES_APART true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PIECES_APART true
#endif
#endif
#ifndef PIECES_APART
#define PIECES_APART false
#endif

struct chunk {
    struct chunk *before;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct chunk *newest;
    unsigned char *free_from; /* what is left of the chunk that small pieces come from */
    size_t free_bytes;
    size_t chunk_bytes; /* size of the next such chunk */
    size_t used_bytes;
};

static _Noreturn void end_process(const char *why) {
    (void)fprintf(stderr, "eksact: %s\n", why);
    abort();
}

struct arena *arena_new(void) {
    struct arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        end_process("out of memory");
    arena->chunk_bytes = CHUNK_LEAST_BYTES;
    return arena;
}

void arena_free(struct arena *arena) {
    if (arena == NULL)
        return;
    for (struct chunk *chunk = arena->newest; chunk != NULL;) {
        struct chunk *before = chunk->before;
        free(chunk);
        chunk = before;
    }
    free(arena);
}

void arena_free_at(struct arena **arena) {
    arena_free(*arena);
    *arena = NULL;
}

static unsigned char *add_chunk(struct arena *arena, size_t size_bytes) {
    struct chunk *chunk = calloc(1, sizeof *chunk + size_bytes);
    if (chunk == NULL)
        end_process("out of memory");
    chunk->before = arena->newest;
    arena->newest = chunk;
    return chunk->bytes;
}

static void *take_slowly(struct arena *arena, size_t size_bytes) {
    if (size_bytes > ARENA_LIMIT_BYTES || arena->used_bytes + size_bytes > ARENA_LIMIT_BYTES)
        end_process("a pass needs more memory than its limit");
    arena->used_bytes += size_bytes;
    /* A large piece gets a chunk of its own and leaves the rest of the current one in use. */
    if (PIECES_APART || size_bytes > arena->chunk_bytes / 4)
        return add_chunk(arena, size_bytes);

    unsigned char *piece = add_chunk(arena, arena->chunk_bytes);
    arena->free_from = piece + size_bytes;
    arena->free_bytes = arena->chunk_bytes - size_bytes;
    if (arena->chunk_bytes < CHUNK_MOST_BYTES)
        arena->chunk_bytes *= 2;
    return piece;
}

static void *take_rounded(struct arena *arena, size_t size_bytes) {
    if (size_bytes > arena->free_bytes)
        return take_slowly(arena, size_bytes);
    unsigned char *piece = arena->free_from;
    arena->free_from += size_bytes;
    arena->free_bytes -= size_bytes;
    arena->used_bytes += size_bytes;
    return piece;
}

void *arena_take(struct arena *arena, size_t size_bytes) {
    if (size_bytes > ARENA_LIMIT_BYTES)
        end_process("a pass needs more memory than its limit");
    if (PIECES_APART)
        return take_slowly(arena, size_bytes == 0 ? 1 : size_bytes);
    size_t rounded = (size_bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    return take_rounded(arena, rounded == 0 ? ALIGNMENT : rounded);
}

void *arena_array(struct arena *arena, size_t item_bytes, size_t count) {
    if (item_bytes != 0 && count > ARENA_LIMIT_BYTES / item_bytes)
        end_process("a pass needs more memory than its limit");
    return arena_take(arena, item_bytes * count);
}

void *arena_grow(struct arena *arena, void *items, size_t count, size_t item_bytes) {
    if (count == 0)
        return items != NULL ? items : arena_array(arena, item_bytes, 1);
    bool has_room = (count & (count - 1)) != 0;
    if (has_room)
        return items;
    void *moved = arena_array(arena, item_bytes, count * 2);
    memcpy(moved, items, count * item_bytes);
    return moved;
}

/* Texts need no alignment: they come from the far end of the chunk, close together. */
static char *take_text(struct arena *arena, size_t size_bytes) {
    if (PIECES_APART || size_bytes > arena->free_bytes)
        return arena_take(arena, size_bytes);
    arena->free_bytes -= size_bytes;
    arena->used_bytes += size_bytes;
    return (char *)arena->free_from + arena->free_bytes;
}

char *arena_copy(struct arena *arena, const char *bytes, size_t length) {
    char *copy = take_text(arena, length + 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

char *arena_text(struct arena *arena, const char *format, ...) {
    va_list values;
    va_start(values, format);
    char *text = arena_textv(arena, format, values);
    va_end(values);
    return text;
}

char *arena_textv(struct arena *arena, const char *format, va_list values) {
    char first[256];
    va_list again;
    va_copy(again, values);
    int length = vsnprintf(first, sizeof first, format, values);
    if (length < 0)
        end_process("a text cannot be formatted");
    char *text;
    if ((size_t)length < sizeof first) {
        text = arena_copy(arena, first, (size_t)length);
    } else {
        text = arena_take(arena, (size_t)length + 1);
        (void)vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return text;
}

size_t arena_used_bytes(const struct arena *arena) {
    return arena->used_bytes;
}
