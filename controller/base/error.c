#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* An error is one line wherever it is shown, whatever was quoted into it. */
static void flatten(char *text) {
    for (char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = ' ';
}

__attribute__((format(printf, 4, 0))) static bool set(struct error *err, enum error_kind kind, struct place place, const char *format,
                                                      va_list values) {
    if (err->kind != ERROR_NONE)
        return false;
    err->kind = kind;
    err->place = place;
    (void)vsnprintf(err->text, sizeof err->text, format, values);
    flatten(err->text);
    return false;
}

bool error_set(struct error *err, enum error_kind kind, const char *format, ...) {
    va_list values;
    va_start(values, format);
    (void)set(err, kind, (struct place){0}, format, values);
    va_end(values);
    return false;
}

bool error_set_at(struct error *err, enum error_kind kind, struct place place, const char *format, ...) {
    va_list values;
    va_start(values, format);
    (void)set(err, kind, place, format, values);
    va_end(values);
    return false;
}

bool error_wrap(struct error *err, const char *format, ...) {
    char cause[sizeof err->text];
    memcpy(cause, err->text, sizeof cause);

    va_list values;
    va_start(values, format);
    int length = vsnprintf(err->text, sizeof err->text, format, values);
    va_end(values);
    if (length >= 0 && (size_t)length < sizeof err->text)
        (void)snprintf(err->text + length, sizeof err->text - (size_t)length, ": %s", cause);
    flatten(err->text);
    return false;
}

const char *error_kind_name(enum error_kind kind) {
    static const char *const names[] = {
        [ERROR_NONE] = "none",         [ERROR_INVALID] = "invalid", [ERROR_DENIED] = "denied", [ERROR_MISSING] = "missing",
        [ERROR_CONFLICT] = "conflict", [ERROR_BUSY] = "busy",       [ERROR_BROKEN] = "broken",
    };
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "broken";
}
