/* base/error.h: an error is a value on the caller's stack: its kind says what to do next, its text what happened.
 *
 * Convention: a function that can fail returns bool and takes `struct error *err` last. It returns false exactly when it has set
 * *err. Outputs are written only on success. The first cause wins: setting an error that is set already changes nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Named after what a reconciler does next. */
enum error_kind {
    ERROR_NONE,
    ERROR_INVALID,  /* a commit must change: wait for the next one */
    ERROR_DENIED,   /* a person must act: credentials, permissions, quota, policy */
    ERROR_MISSING,  /* the world says that it does not exist (HTTP 404 and its kin) */
    ERROR_CONFLICT, /* the world moved under us: observe again */
    ERROR_BUSY,     /* throttled, 5xx, timeout, connection lost: try again with backoff */
    ERROR_BROKEN    /* our fault, or an answer that cannot be read */
};

/* Where something stands in an input. `file` is NULL when there is no place; lines and columns count from 1, 0 is unknown. */
struct place {
    const char *file;
    uint32_t line;
    uint32_t column;
};

struct error {
    enum error_kind kind;
    struct place place; /* `file` is borrowed and lives as long as the input it names */
    char text[480];     /* one line, no newline at the end; cut when longer */
};

/* Each returns false, so that `return error_set(err, ...)` raises. */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool error_set_at(struct error *err, enum error_kind kind, struct place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts what was being done in front: "read Cluster/demo" + "HTTP 503" becomes "read Cluster/demo: HTTP 503". Returns false. */
bool error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "invalid", "denied", "missing", "conflict", "busy", "broken"; "none" for ERROR_NONE. */
const char *error_kind_name(enum error_kind kind);
