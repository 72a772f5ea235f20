#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_ms(clockid_t id) {
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t read_wall_ms(struct clock *clock) {
    (void)clock;
    return read_ms(CLOCK_REALTIME);
}

static int64_t read_steady_ms(struct clock *clock) {
    (void)clock;
    return read_ms(CLOCK_MONOTONIC);
}

struct clock *clock_system(void) {
    /* Has no state: nothing ever writes to it, whatever the type says. */
    static const struct clock system_clock = {.wall_ms = read_wall_ms, .steady_ms = read_steady_ms};
    return (struct clock *)&system_clock;
}

int64_t clock_wall_ms(struct clock *clock) {
    return clock->wall_ms(clock);
}

int64_t clock_steady_ms(struct clock *clock) {
    return clock->steady_ms(clock);
}

static char *format_time(struct arena *arena, int64_t wall_ms, const char *format) {
    int64_t seconds = wall_ms / 1000 - (wall_ms % 1000 < 0);
    time_t time = (time_t)seconds;
    struct tm parts = {0};
    (void)gmtime_r(&time, &parts);
    char text[64];
    size_t length = strftime(text, sizeof text, format, &parts);
    return arena_copy(arena, text, length);
}

char *time_text(struct arena *arena, int64_t wall_ms) {
    return format_time(arena, wall_ms, "%Y-%m-%dT%H:%M:%SZ");
}

char *time_compact(struct arena *arena, int64_t wall_ms) {
    return format_time(arena, wall_ms, "%Y%m%dT%H%M%SZ");
}

/* Exactly `count` digits; moves *at behind them. */
static bool read_digits(const char **at, size_t count, int *out) {
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        char digit = (*at)[i];
        if (digit < '0' || digit > '9')
            return false;
        number = number * 10 + (digit - '0');
    }
    *at += count;
    *out = number;
    return true;
}

static bool read_letter(const char **at, char letter) {
    char lower = letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
    if (**at != letter && **at != lower)
        return false;
    (*at)++;
    return true;
}

/* Year to second, with or without the separators of the long form. */
static bool read_parts(const char **at, bool compact, struct tm *out) {
    struct tm parts = {0};
    int year;
    int month;
    bool ok = read_digits(at, 4, &year) && (compact || read_letter(at, '-')) && read_digits(at, 2, &month) &&
              (compact || read_letter(at, '-')) && read_digits(at, 2, &parts.tm_mday) && read_letter(at, 'T') &&
              read_digits(at, 2, &parts.tm_hour) && (compact || read_letter(at, ':')) && read_digits(at, 2, &parts.tm_min) &&
              (compact || read_letter(at, ':')) && read_digits(at, 2, &parts.tm_sec);
    /* RFC 3339, section 5.6: a leap second is written :60. */
    if (!ok || month < 1 || month > 12 || parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60)
        return false;
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    *out = parts;
    return true;
}

/* timegm moves a 31st of February into March; a date that moved did not exist. */
static bool to_seconds(struct tm parts, int64_t *out) {
    int leap = parts.tm_sec == 60;
    parts.tm_sec -= leap;
    struct tm moved = parts;
    *out = (int64_t)timegm(&moved) + leap;
    return moved.tm_mday == parts.tm_mday && moved.tm_mon == parts.tm_mon && parts.tm_mday > 0;
}

/* ".25" is 250; finer digits are cut. No fraction is 0. */
static bool read_fraction(const char **at, int64_t *out_ms) {
    *out_ms = 0;
    if (**at != '.')
        return true;
    (*at)++;
    size_t digits = strspn(*at, "0123456789");
    int64_t unit_ms = 100;
    for (size_t i = 0; i < digits && i < 3; i++, unit_ms /= 10)
        *out_ms += ((*at)[i] - '0') * unit_ms;
    *at += digits;
    return digits > 0;
}

static bool read_offset(const char **at, int64_t *out_seconds) {
    *out_seconds = 0;
    if (read_letter(at, 'Z'))
        return true;
    int sign = **at == '-' ? -1 : 1;
    if (**at != '+' && **at != '-')
        return false;
    (*at)++;
    int hours;
    int minutes;
    if (!read_digits(at, 2, &hours) || !read_letter(at, ':') || !read_digits(at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *out_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool read_long(const char *text, int64_t *out_wall_ms) {
    struct tm parts;
    int64_t seconds;
    int64_t fraction_ms;
    int64_t offset_seconds;
    if (!read_parts(&text, false, &parts) || !to_seconds(parts, &seconds) || !read_fraction(&text, &fraction_ms) ||
        !read_offset(&text, &offset_seconds) || *text != '\0')
        return false;
    *out_wall_ms = (seconds - offset_seconds) * 1000 + fraction_ms;
    return true;
}

static bool read_compact(const char *text, int64_t *out_wall_ms) {
    struct tm parts;
    int64_t seconds;
    if (!read_parts(&text, true, &parts) || !to_seconds(parts, &seconds) || strcmp(text, "Z") != 0)
        return false;
    *out_wall_ms = seconds * 1000;
    return true;
}

static bool read_seconds(const char *text, int64_t *out_wall_ms) {
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 12)
        return false;
    int64_t seconds = strtoll(text, NULL, 10);
    int64_t fraction_ms;
    text += digits;
    if (!read_fraction(&text, &fraction_ms) || *text != '\0')
        return false;
    *out_wall_ms = seconds * 1000 + fraction_ms;
    return true;
}

bool time_parse(const char *text, int64_t *out_wall_ms) {
    if (text == NULL)
        return false;
    return read_long(text, out_wall_ms) || read_compact(text, out_wall_ms) || read_seconds(text, out_wall_ms);
}
