/* model/calls.h: from differences to AWS calls, by the rows. */
#pragma once

#include "model/plan.h"

/* The calls that write these changes: one operation and update type a call, in the order of the rows, tags last. */
struct calls {
    struct call *items;
    size_t count;
};
void calls_create(const struct difference *difference, struct arena *arena, struct calls *out);
void calls_change(const struct difference *difference, struct arena *arena, struct calls *out);
void calls_replace(const struct difference *difference, struct arena *arena, struct calls *out);
/* `object` is the live object; what it holds item by item is removed first. */
void calls_delete(const struct kind *row, const struct value *object, const struct value *desired, struct arena *arena, struct calls *out);
