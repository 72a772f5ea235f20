/* base/clock.h: the one seam for time. Real in production, virtual against the simulated world. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct clock {
    int64_t (*wall_ms)(struct clock *clock);   /* since 1970-01-01T00:00:00Z */
    int64_t (*steady_ms)(struct clock *clock); /* never goes back; its zero means nothing */
};

struct clock *clock_system(void);

int64_t clock_wall_ms(struct clock *clock);
int64_t clock_steady_ms(struct clock *clock);

/* RFC 3339 in UTC with whole seconds: "2026-01-02T03:04:05Z". */
char *time_text(struct arena *arena, int64_t wall_ms);
/* The form of SigV4: "20260102T030405Z". */
char *time_compact(struct arena *arena, int64_t wall_ms);
/* RFC 3339 (fraction and offset allowed), the compact form, or seconds since 1970 with a fraction. */
bool time_parse(const char *text, int64_t *out_wall_ms);
