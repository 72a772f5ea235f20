#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_init(struct text *text, size_t limit_bytes) {
    *text = (struct text){.limit = limit_bytes};
}

void text_done(struct text *text) {
    free(text->data);
    *text = (struct text){0};
}

/* Room for `more` bytes and a NUL, or `full`. */
static bool make_room(struct text *text, size_t more) {
    if (more > text->limit - text->length)
        text->full = true;
    size_t needed = text->length + (text->full ? 0 : more) + 1;
    if (needed > text->capacity) {
        size_t capacity = text->capacity < 64 ? 64 : text->capacity * 2;
        if (capacity < needed)
            capacity = needed;
        char *data = realloc(text->data, capacity);
        if (data == NULL) {
            (void)fputs("eksact: out of memory\n", stderr);
            abort();
        }
        text->data = data;
        text->data[text->length] = '\0';
        text->capacity = capacity;
    }
    return !text->full;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length) {
    if (!make_room(text, length) || length == 0)
        return;
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_add_string(struct text *text, const char *string) {
    text_add_bytes(text, string, string != NULL ? strlen(string) : 0);
}

void text_add(struct text *text, const char *format, ...) {
    char first[256];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(first, sizeof first, format, values);
    va_end(values);
    if (length < 0) {
        text->full = true;
        (void)make_room(text, 0);
        return;
    }
    if ((size_t)length < sizeof first) {
        text_add_bytes(text, first, (size_t)length);
        return;
    }
    if (!make_room(text, (size_t)length))
        return;
    va_start(values, format);
    (void)vsnprintf(text->data + text->length, (size_t)length + 1, format, values);
    va_end(values);
    text->length += (size_t)length;
}

void text_clear(struct text *text) {
    text->length = 0;
    text->full = false;
    if (text->data != NULL)
        text->data[0] = '\0';
}

char *text_copy(const struct text *text, struct arena *arena) {
    return arena_copy(arena, text->data, text->length);
}

bool text_equal(const char *one, const char *other) {
    if (one == NULL || other == NULL)
        return one == other;
    return strcmp(one, other) == 0;
}

bool text_starts(const char *string, const char *prefix) {
    return string != NULL && strncmp(string, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *string, const char *suffix) {
    if (string == NULL)
        return false;
    size_t length = strlen(string);
    size_t suffix_length = strlen(suffix);
    return length >= suffix_length && memcmp(string + length - suffix_length, suffix, suffix_length) == 0;
}

bool text_is_empty(const char *string) {
    return string == NULL || string[0] == '\0';
}

bool text_in(const char *string, const char *const *names) {
    if (string == NULL)
        return false;
    for (; *names != NULL; names++)
        if (strcmp(string, *names) == 0)
            return true;
    return false;
}

size_t text_utf8_step(const char *bytes, size_t length) {
    const unsigned char *at = (const unsigned char *)bytes;
    if (length == 0)
        return 0;
    if (at[0] < 0x80)
        return 1;
    size_t step = at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
    if (step == 0 || step > length)
        return 0;
    /* The second byte shuts out overlong forms, surrogates, and what lies beyond U+10FFFF. */
    unsigned char low = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < step; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return step;
}

static size_t least(size_t one, size_t other) {
    return one < other ? one : other;
}

static char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

#define NEAREST_LONGEST 64

/* Insertions, deletions, replacements and swaps of neighbours (optimal string alignment); a different case alone costs nothing much, so it
 * counts as no edit. */
static size_t count_edits(const char *one, size_t one_length, const char *other, size_t other_length) {
    size_t rows[3][NEAREST_LONGEST + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= other_length; j++)
        last[j] = before[j] = j;
    for (size_t i = 1; i <= one_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= other_length; j++) {
            bool same = lower(one[i - 1]) == lower(other[j - 1]);
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + !same);
            bool swapped = i > 1 && j > 1 && lower(one[i - 1]) == lower(other[j - 2]) && lower(one[i - 2]) == lower(other[j - 1]);
            if (swapped)
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[other_length];
}

const char *text_nearest(const char *string, const char *const *names) {
    if (string == NULL)
        return NULL;
    size_t length = strlen(string);
    if (length > NEAREST_LONGEST)
        return NULL;
    const char *nearest = NULL;
    size_t fewest = length / 3 + 1;
    for (; *names != NULL; names++) {
        size_t name_length = strlen(*names);
        if (name_length > NEAREST_LONGEST)
            continue;
        size_t edits = count_edits(string, length, *names, name_length);
        if (edits < fewest) {
            fewest = edits;
            nearest = *names;
        }
    }
    return nearest;
}

bool text_to_integer(const char *string, int64_t least_value, int64_t most_value, int64_t *out) {
    if (string == NULL)
        return false;
    const char *digits = string + (string[0] == '-');
    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits))
        return false;
    errno = 0;
    long long number = strtoll(string, NULL, 10);
    if (errno != 0 || number < least_value || number > most_value)
        return false;
    *out = number;
    return true;
}

#define SECOND_MS ((int64_t)1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

/* Largest first: a duration names its units in this order, each at most once. */
static const struct unit {
    const char *name; /* in git */
    const char *said; /* to people */
    int64_t worth_ms;
} units[] = {{"d", "d", DAY_MS}, {"h", "h", HOUR_MS}, {"m", "min", MINUTE_MS}, {"s", "s", SECOND_MS}, {"ms", "ms", 1}};

#define UNIT_COUNT (sizeof units / sizeof units[0])

bool text_to_duration(const char *string, int64_t *out_ms) {
    if (text_is_empty(string))
        return false;
    int64_t total_ms = 0;
    size_t next_unit = 0;
    if (strcmp(string, "0") == 0) {
        *out_ms = 0;
        return true;
    }
    for (const char *at = string; *at != '\0';) {
        size_t digits = strspn(at, "0123456789");
        if (digits == 0 || digits > 12)
            return false;
        int64_t number = strtoll(at, NULL, 10);
        at += digits;
        size_t letters = strspn(at, "dhms");
        size_t unit = next_unit;
        while (unit < UNIT_COUNT && !(strlen(units[unit].name) == letters && memcmp(units[unit].name, at, letters) == 0))
            unit++;
        if (unit == UNIT_COUNT || number > 366 * DAY_MS / units[unit].worth_ms)
            return false;
        total_ms += number * units[unit].worth_ms;
        next_unit = unit + 1;
        at += letters;
    }
    if (total_ms > 366 * DAY_MS)
        return false;
    *out_ms = total_ms;
    return true;
}

char *text_of_duration(struct arena *arena, int64_t duration_ms) {
    if (duration_ms < 0)
        duration_ms = 0;
    if (duration_ms > 0 && duration_ms < SECOND_MS)
        return arena_text(arena, "%" PRId64 " ms", duration_ms);
    /* Rounded to the smaller of the two units that will be said, so that "1 h 60 min" cannot come out. */
    int64_t smaller_ms = duration_ms >= DAY_MS ? HOUR_MS : duration_ms >= HOUR_MS ? MINUTE_MS : SECOND_MS;
    int64_t rounded_ms = (duration_ms + smaller_ms / 2) / smaller_ms * smaller_ms;
    for (size_t unit = 0; unit < 3; unit++) {
        if (rounded_ms < units[unit].worth_ms)
            continue;
        int64_t whole = rounded_ms / units[unit].worth_ms;
        int64_t rest = rounded_ms % units[unit].worth_ms / units[unit + 1].worth_ms;
        if (rest == 0)
            return arena_text(arena, "%" PRId64 " %s", whole, units[unit].said);
        return arena_text(arena, "%" PRId64 " %s %" PRId64 " %s", whole, units[unit].said, rest, units[unit + 1].said);
    }
    return arena_text(arena, "%" PRId64 " s", rounded_ms / SECOND_MS);
}
