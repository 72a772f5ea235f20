#include "base/finding.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 6, 0))) static void add(struct findings *findings, struct arena *arena, struct place place, const char *hint,
                                                      bool warning, const char *format, va_list values) {
    findings->items = arena_grow(arena, findings->items, findings->count, sizeof findings->items[0]);
    findings->items[findings->count++] =
        (struct finding){.place = place, .text = arena_textv(arena, format, values), .hint = hint, .warning = warning};
    findings->error_count += !warning;
}

void findings_add(struct findings *findings, struct arena *arena, struct place place, const char *hint, const char *format, ...) {
    va_list values;
    va_start(values, format);
    add(findings, arena, place, hint, false, format, values);
    va_end(values);
}

void findings_warn(struct findings *findings, struct arena *arena, struct place place, const char *hint, const char *format, ...) {
    va_list values;
    va_start(values, format);
    add(findings, arena, place, hint, true, format, values);
    va_end(values);
}

static int compare_texts(const char *one, const char *other) {
    return strcmp(one != NULL ? one : "", other != NULL ? other : "");
}

static int compare_numbers(uint32_t one, uint32_t other) {
    return (one > other) - (one < other);
}

static int compare(const void *left, const void *right) {
    const struct finding *one = left;
    const struct finding *other = right;
    int order = compare_texts(one->place.file, other->place.file);
    if (order == 0)
        order = compare_numbers(one->place.line, other->place.line);
    if (order == 0)
        order = compare_numbers(one->place.column, other->place.column);
    if (order == 0)
        order = compare_texts(one->text, other->text);
    /* The rest only so that equal inputs come out in one order; an error stands before the same said as a warning. */
    if (order == 0)
        order = (int)one->warning - (int)other->warning;
    if (order == 0)
        order = compare_texts(one->resource, other->resource);
    if (order == 0)
        order = compare_texts(one->hint, other->hint);
    return order;
}

void findings_sort(struct findings *findings) {
    if (findings->count == 0)
        return;
    qsort(findings->items, findings->count, sizeof findings->items[0], compare);
    size_t kept = 1;
    for (size_t i = 1; i < findings->count; i++)
        if (compare(&findings->items[kept - 1], &findings->items[i]) != 0)
            findings->items[kept++] = findings->items[i];
    findings->count = kept;
    findings->error_count = 0;
    for (size_t i = 0; i < kept; i++)
        findings->error_count += !findings->items[i].warning;
}
