/* model/window.h: maintenance windows: five-field cron lines with a length and a time zone. */
#pragma once

#include "model/plan.h"

/* The state of all windows of a fleet at one moment. */
struct window_state {
    bool open;
    int64_t closes_ms;       /* when open: wall time of the end; INT64_MAX when there is none in sight */
    int64_t opens_ms;        /* when closed: the next opening; INT64_MAX when there is none within a year */
    const struct window *by; /* the window that decides: denies now, or opens next; NULL when there are none */
    const char *problem;     /* a window that cannot be read (cron, time zone): then nothing is open; NULL */
};
bool window_any(const struct fleet *fleet); /* the fleet or its bound has windows */
void window_look(const struct fleet *fleet, const struct zones *zones, int64_t now_ms, struct arena *arena, struct window_state *out);

/* Minutes, hours, days, months and weekdays as bits; false when it is no cron line. */
struct cron {
    uint64_t minutes;
    uint32_t hours, days, months, weekdays;
    bool any_day, any_weekday; /* written as "*": then the other alone decides */
};
bool cron_parse(const char *line, struct cron *out);
bool cron_matches(const struct cron *cron, int64_t local_minute); /* minutes since 1970 in local time */

/* "Mon 09:00 Europe/Berlin" */
char *window_time_text(struct arena *arena, const struct zones *zones, const char *zone, int64_t wall_ms);
