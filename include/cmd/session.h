/* cmd/session.h: what a command works with, made from its arguments: the real world, or a simulated one kept in a file. */
#pragma once

#include "cmd/command.h"
#include "run/engine.h"
#include "run/files.h"
#include "sandbox/sandbox.h"

struct progress;

struct session {
    struct arena *arena;
    struct engine engine;
    struct log log;
    struct http *http;
    struct sandbox *sandbox; /* NULL: the real world */
    const char *sandbox_file;
    struct http_trust *git_trust;
    bool colour; /* of standard output */
    bool quiet, verbose;
    volatile bool *stop;
    struct progress *progress;
};

/* An arena, and signals that ask to end: for commands that need no more of a session. */
void session_begin(struct session *session);

/* Also installs SIGINT and SIGTERM, which end a command after the step under way. */
bool session_open(struct session *session, const struct arguments *arguments, struct error *err);
/* Keeps the simulated world. Returns the exit code to use: `code`, or 1 when that could not be kept. */
int session_close(struct session *session, int code);

/* A signal has asked to end. */
bool session_stopped(const struct session *session);

/* Waits, attending to what the seam attends; returns early when asked to end. */
void session_wait(struct session *session, int64_t duration_ms);
