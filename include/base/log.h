/* base/log.h: one line a message on standard error: JSON for machines, plain text for people. Only run/ and cmd/ log.
 *
 * The log is made once, in cmd/, and handed down; it is not a secret store: no body and no credential is ever given to it. */
#pragma once

#include "base/clock.h"

enum log_format { LOG_TEXT, LOG_JSON };
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct log {
    enum log_format format;
    enum log_level least;
    struct clock *clock;
    int file_descriptor;
    void (*before_line)(void *context); /* clears a progress display; NULL when there is none */
    void *context;
};

/* `keys` is a NULL-ended list of name, text, name, text …; a NULL text leaves the pair out. */
void log_write(struct log *log, enum log_level level, const char *message, const char *const *keys);
#define KEYS(...)                                                                                                                          \
    (const char *const[]) {                                                                                                                \
        __VA_ARGS__, NULL, NULL                                                                                                            \
    }
