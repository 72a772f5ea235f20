/* model/window.c: maintenance windows: cron lines (as of POSIX crontab, with names and steps), lengths, time zones. */
#include <limits.h>

#include "model/window.h"

#define MINUTE_MS 60000
#define DAY_MINUTES 1440
#define HORIZON_DAYS 400 /* a yearly window is found; the 29th of February may not be */

/* Cron lines. */

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

struct cron_field {
    int least, most;
    const char *const *names;
    int first_name;
};

static bool parse_number(const char **at, const struct cron_field *field, int *out) {
    if (**at >= '0' && **at <= '9') {
        char *end = NULL;
        long number = strtol(*at, &end, 10);
        if (end - *at > 2)
            return false;
        *at = end;
        *out = (int)number;
        return *out >= field->least && *out <= field->most;
    }
    for (int i = 0; field->names && field->names[i]; i++) {
        if (strncasecmp(*at, field->names[i], 3) == 0) {
            *at += 3;
            *out = i + field->first_name;
            return true;
        }
    }
    return false;
}

/* "*", "5", "1-5", "*" or a range with "/2"; moves behind it. */
static bool parse_part(const char **at, const struct cron_field *field, uint64_t *bits, bool *any) {
    int from = field->least;
    int to = field->most;
    int step = 1;
    bool single = false;
    if (**at == '*') {
        (*at)++;
        *any = **at != '/';
    } else {
        if (!parse_number(at, field, &from))
            return false;
        to = from;
        single = true;
        if (**at == '-') {
            (*at)++;
            single = false;
            if (!parse_number(at, field, &to) || to < from)
                return false;
        }
    }
    if (**at == '/') {
        const struct cron_field steps = {1, field->most, NULL, 0};
        (*at)++;
        if (!parse_number(at, &steps, &step))
            return false;
        if (single)
            to = field->most;
    }
    for (int i = from; i <= to; i += step)
        *bits |= UINT64_C(1) << i;
    return true;
}

static bool parse_field(const char **at, const struct cron_field *field, uint64_t *bits, bool *any) {
    *bits = 0;
    *any = false;
    while (**at == ' ' || **at == '\t')
        (*at)++;
    for (;;) {
        if (!parse_part(at, field, bits, any))
            return false;
        if (**at != ',')
            break;
        (*at)++;
    }
    return **at == 0 || **at == ' ' || **at == '\t';
}

bool cron_parse(const char *line, struct cron *out) {
    static const struct cron_field fields[] = {
        {0, 59, NULL, 0}, {0, 23, NULL, 0}, {1, 31, NULL, 0}, {1, 12, month_names, 1}, {0, 7, weekday_names, 0}};
    uint64_t bits[5];
    bool any[5];
    const char *at = line;
    if (!line)
        return false;
    for (size_t i = 0; i < 5; i++) {
        if (!parse_field(&at, &fields[i], &bits[i], &any[i]))
            return false;
    }
    while (*at == ' ' || *at == '\t')
        at++;
    if (*at)
        return false;
    struct cron cron = {.minutes = bits[0],
                        .hours = (uint32_t)bits[1],
                        .days = (uint32_t)bits[2],
                        .months = (uint32_t)bits[3],
                        .weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 127),
                        .any_day = any[2],
                        .any_weekday = any[4]};
    *out = cron;
    return true;
}

/* Dates: days since 1970 and the Gregorian calendar, after Howard Hinnant's civil_from_days. */

static int64_t floor_divide(int64_t number, int64_t by) {
    return number / by - (number % by < 0);
}

static void date_of(int64_t day, unsigned *month, unsigned *day_of_month) {
    int64_t shifted = day + 719468;
    int64_t era = floor_divide(shifted, 146097);
    int64_t of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t index = (5 * of_year + 2) / 153;
    *day_of_month = (unsigned)(of_year - (153 * index + 2) / 5 + 1);
    *month = (unsigned)(index < 10 ? index + 3 : index - 9);
}

static unsigned weekday_of(int64_t day) {
    int64_t weekday = (day + 4) % 7; /* 1970-01-01 was a Thursday */
    return (unsigned)(weekday < 0 ? weekday + 7 : weekday);
}

/* When both days are restricted, either is enough (POSIX crontab). */
static bool day_matches(const struct cron *cron, int64_t day) {
    unsigned month = 0;
    unsigned day_of_month = 0;
    date_of(day, &month, &day_of_month);
    if (!(cron->months >> month & 1))
        return false;
    bool by_day = cron->days >> day_of_month & 1;
    bool by_weekday = cron->weekdays >> weekday_of(day) & 1;
    if (!cron->any_day && !cron->any_weekday)
        return by_day || by_weekday;
    return by_day && by_weekday;
}

bool cron_matches(const struct cron *cron, int64_t local_minute) {
    int64_t day = floor_divide(local_minute, DAY_MINUTES);
    int64_t of_day = local_minute - day * DAY_MINUTES;
    return (cron->minutes >> (of_day % 60) & 1) && (cron->hours >> (of_day / 60) & 1) && day_matches(cron, day);
}

/* Zones. */

/* "Etc/GMT-2" is two hours east: the sign is that of POSIX. */
static bool zone_fixed(const char *zone, int64_t *offset_ms) {
    static const char *const utc[] = {"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z", NULL};
    if (text_is_empty(zone) || text_in(zone, utc)) {
        *offset_ms = 0;
        return true;
    }
    int64_t hours = 0;
    if (!text_starts(zone, "Etc/GMT") || (zone[7] != '+' && zone[7] != '-') || !text_to_integer(zone + 8, 0, 14, &hours))
        return false;
    *offset_ms = (zone[7] == '-' ? hours : -hours) * 3600000;
    return true;
}

static bool zone_offset(const struct zones *zones, const char *zone, int64_t wall_ms, int64_t *offset_ms) {
    if (zone_fixed(zone, offset_ms))
        return true;
    if (!zones || !zones->offset_ms)
        return false;
    bool known = false;
    *offset_ms = zones->offset_ms(zones->context, zone, wall_ms, &known);
    return known;
}

char *window_time_text(struct arena *arena, const struct zones *zones, const char *zone, int64_t wall_ms) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    int64_t offset_ms = 0;
    const char *name = text_is_empty(zone) ? "UTC" : zone;
    if (!zone_offset(zones, zone, wall_ms, &offset_ms))
        name = "UTC";
    int64_t minute = floor_divide(wall_ms + offset_ms, MINUTE_MS);
    int64_t day = floor_divide(minute, DAY_MINUTES);
    int64_t of_day = minute - day * DAY_MINUTES;
    return arena_text(arena, "%s %02d:%02d %s", days[weekday_of(day)], (int)(of_day / 60), (int)(of_day % 60), name);
}

/* One window. */

struct opening {
    const struct window *window;
    struct cron cron;
};

/* Wall time of a local minute. Around a change of the clock the offset of the result decides. */
static int64_t wall_of(const struct zones *zones, const char *zone, int64_t local_minute, int64_t guess_offset_ms) {
    int64_t offset_ms = guess_offset_ms;
    int64_t wall_ms = local_minute * MINUTE_MS - offset_ms;
    if (zone_offset(zones, zone, wall_ms, &offset_ms))
        wall_ms = local_minute * MINUTE_MS - offset_ms;
    return wall_ms;
}

/* The end of the window's occurrence that holds the moment; false when it is in none. Of overlapping ones the last ends. */
static bool occurrence_end(const struct opening *opening, const struct zones *zones, int64_t now_ms, int64_t *end_ms) {
    const struct window *window = opening->window;
    int64_t offset_ms = 0;
    zone_offset(zones, window->time_zone, now_ms, &offset_ms);
    int64_t now_minute = floor_divide(now_ms + offset_ms, MINUTE_MS);
    int64_t earliest = now_minute - window->lasts_ms / MINUTE_MS - 120;
    for (int64_t minute = now_minute + 120; minute >= earliest; minute--) {
        if (!cron_matches(&opening->cron, minute))
            continue;
        int64_t start_ms = wall_of(zones, window->time_zone, minute, offset_ms);
        if (start_ms <= now_ms && now_ms < start_ms + window->lasts_ms) {
            *end_ms = start_ms + window->lasts_ms;
            return true;
        }
    }
    return false;
}

static int64_t next_start(const struct opening *opening, const struct zones *zones, int64_t now_ms) {
    const struct window *window = opening->window;
    int64_t offset_ms = 0;
    zone_offset(zones, window->time_zone, now_ms, &offset_ms);
    int64_t now_minute = floor_divide(now_ms + offset_ms, MINUTE_MS);
    int64_t first_day = floor_divide(now_minute, DAY_MINUTES);
    for (int64_t day = first_day; day < first_day + HORIZON_DAYS; day++) {
        if (!day_matches(&opening->cron, day))
            continue;
        for (int of_day = 0; of_day < DAY_MINUTES; of_day++) {
            if (!(opening->cron.minutes >> (of_day % 60) & 1) || !(opening->cron.hours >> (of_day / 60) & 1))
                continue;
            int64_t start_ms = wall_of(zones, window->time_zone, day * DAY_MINUTES + of_day, offset_ms);
            if (start_ms > now_ms)
                return start_ms;
        }
    }
    return INT64_MAX;
}

/* All windows. */

struct look {
    const struct zones *zones;
    struct opening *openings;
    size_t count;
    bool has_allow;
};

static const struct window *denied_by(const struct look *look, int64_t at_ms, int64_t *end_ms) {
    for (size_t i = 0; i < look->count; i++) {
        if (!look->openings[i].window->allow && occurrence_end(&look->openings[i], look->zones, at_ms, end_ms))
            return look->openings[i].window;
    }
    return NULL;
}

/* The latest end of the allow windows around the moment. */
static bool allowed(const struct look *look, int64_t at_ms, int64_t *end_ms) {
    bool open = !look->has_allow;
    *end_ms = look->has_allow ? at_ms : INT64_MAX;
    for (size_t i = 0; i < look->count; i++) {
        int64_t end = 0;
        if (look->openings[i].window->allow && occurrence_end(&look->openings[i], look->zones, at_ms, &end)) {
            open = true;
            *end_ms = end > *end_ms ? end : *end_ms;
        }
    }
    return open;
}

static int64_t first_start(const struct look *look, bool allow, int64_t at_ms, const struct window **by) {
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < look->count; i++) {
        if (look->openings[i].window->allow != allow)
            continue;
        int64_t start = next_start(&look->openings[i], look->zones, at_ms);
        if (start < first) {
            first = start;
            *by = look->openings[i].window;
        }
    }
    return first;
}

static void find_close(const struct look *look, int64_t now_ms, struct window_state *out) {
    int64_t end_ms = 0;
    int64_t at_ms = now_ms;
    for (int i = 0; i < 16 && allowed(look, at_ms, &end_ms) && end_ms != INT64_MAX && end_ms > at_ms; i++)
        at_ms = end_ms; /* windows that follow each other without a gap are one */
    out->closes_ms = look->has_allow ? at_ms : INT64_MAX;
    int64_t denied_ms = first_start(look, false, now_ms, &out->by);
    if (denied_ms < out->closes_ms)
        out->closes_ms = denied_ms;
}

static void find_open(const struct look *look, int64_t now_ms, struct window_state *out) {
    int64_t at_ms = now_ms;
    out->opens_ms = INT64_MAX;
    for (int i = 0; i < 64 && at_ms != INT64_MAX; i++) {
        int64_t end_ms = 0;
        const struct window *deny = denied_by(look, at_ms, &end_ms);
        if (deny) {
            out->by = deny;
            at_ms = end_ms;
        } else if (allowed(look, at_ms, &end_ms)) {
            out->opens_ms = at_ms;
            return;
        } else {
            at_ms = first_start(look, true, at_ms, &out->by);
        }
    }
}

static void look_one(const struct fleet *fleet, const struct zones *zones, int64_t now_ms, struct arena *arena, struct window_state *out) {
    struct look look = {.zones = zones, .openings = ARENA_ARRAY(arena, struct opening, fleet->window_count), .count = fleet->window_count};
    *out = (struct window_state){.closes_ms = INT64_MAX, .opens_ms = INT64_MAX};
    for (size_t i = 0; i < fleet->window_count; i++) {
        const struct window *window = &fleet->windows[i];
        int64_t offset_ms = 0;
        look.openings[i].window = window;
        look.has_allow = look.has_allow || window->allow;
        if (!cron_parse(window->cron, &look.openings[i].cron))
            out->problem = arena_text(arena, "the window \"%s\" is no cron line", window->cron ? window->cron : "");
        else if (!zone_offset(zones, window->time_zone, now_ms, &offset_ms))
            out->problem = arena_text(arena, "the time zone \"%s\" of a window is not known here", window->time_zone);
        if (out->problem) {
            out->by = window;
            return;
        }
    }
    int64_t end_ms = 0;
    out->open = !denied_by(&look, now_ms, &end_ms) && allowed(&look, now_ms, &end_ms);
    if (out->open)
        find_close(&look, now_ms, out);
    else
        find_open(&look, now_ms, out);
}

bool window_any(const struct fleet *fleet) {
    return fleet->window_count > 0 || (fleet->bound && window_any(fleet->bound));
}

/* The operator's own windows must be open too: the next opening is when both are. */
void window_look(const struct fleet *fleet, const struct zones *zones, int64_t now_ms, struct arena *arena, struct window_state *out) {
    look_one(fleet, zones, now_ms, arena, out);
    if (out->problem || !fleet->bound || !window_any(fleet->bound))
        return;
    struct window_state both = *out;
    int64_t at_ms = now_ms;
    for (int i = 0; i < 64; i++) {
        struct window_state bound;
        window_look(fleet->bound, zones, at_ms, arena, &bound);
        if (bound.problem) {
            *out = bound;
            return;
        }
        if (i == 0) {
            out->open = both.open && bound.open;
            if (bound.closes_ms < out->closes_ms) {
                out->closes_ms = bound.closes_ms;
                out->by = bound.by;
            }
        }
        if (both.open && bound.open) {
            out->opens_ms = at_ms;
            return;
        }
        const struct window_state *closed = both.open ? &bound : &both;
        at_ms = closed->opens_ms;
        out->by = closed->by;
        out->opens_ms = INT64_MAX;
        if (at_ms == INT64_MAX)
            return;
        look_one(fleet, zones, at_ms, arena, &both);
    }
}

bool guard_window_check(const struct fleet *fleet, const struct zones *zones, int64_t now_wall_ms, int64_t needs_ms, struct arena *arena,
                        const char **reason) {
    struct window_state state;
    *reason = NULL;
    if (!window_any(fleet))
        return true;
    window_look(fleet, zones, now_wall_ms, arena, &state);
    const char *zone = state.by ? state.by->time_zone : NULL;
    if (state.problem)
        *reason = arena_text(arena, "%s, so nothing is started", state.problem);
    else if (!state.open && state.opens_ms == INT64_MAX)
        *reason = "no window opens within a year";
    else if (!state.open)
        *reason = arena_text(arena, "window opens %s", window_time_text(arena, zones, zone, state.opens_ms));
    else if (state.closes_ms != INT64_MAX && state.closes_ms - now_wall_ms < needs_ms)
        *reason = arena_text(arena, "needs up to %s, and the window closes %s", text_of_duration(arena, needs_ms),
                             window_time_text(arena, zones,
                                              zone                  ? zone
                                              : fleet->window_count ? fleet->windows[0].time_zone
                                                                    : NULL,
                                              state.closes_ms));
    return *reason == NULL;
}

bool guard_window_allows(const struct fleet *fleet, int64_t now_wall_ms, int64_t needs_ms, struct arena *arena, const char **reason) {
    return guard_window_check(fleet, NULL, now_wall_ms, needs_ms, arena, reason);
}
