/* base/finding.h: something wrong in the input, with its place and what to write instead. All findings of a run are collected. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

struct finding {
    struct place place;
    const char *resource; /* id of the resource concerned, or NULL */
    const char *text;     /* what is wrong: "unknown field \"spec.nodeRol\"" */
    const char *hint;     /* what to write instead: "did you mean \"nodeRole\"?"; or NULL */
    bool warning;         /* said, but stops nothing */
};

struct findings {
    struct finding *items;
    size_t count;
    size_t error_count;
};

/* `hint` may be NULL; it is borrowed, the text is made in the arena. */
void findings_add(struct findings *findings, struct arena *arena, struct place place, const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void findings_warn(struct findings *findings, struct arena *arena, struct place place, const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* By file, line, column, text; the same finding twice is kept once. */
void findings_sort(struct findings *findings);
