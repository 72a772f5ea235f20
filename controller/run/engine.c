#include "run/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/json.h"
#include "run/links.h"

enum { LEDGER_LIMIT_BYTES = 16 << 20 };

void engine_done(struct engine *engine) {
    links_done(engine);
    aws_free(engine->aws);
    engine->aws = NULL;
    free(engine->learnt_account_id);
    free(engine->ledger_text);
    engine->learnt_account_id = engine->ledger_text = NULL;
}

bool engine_aws(struct engine *engine, struct error *err) {
    return engine->aws != NULL || aws_new(&engine->aws_options, &engine->aws, err);
}

/* The whole file, or NULL with errno. */
static char *file_read(const char *path, size_t limit_bytes) {
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    char *bytes = malloc(limit_bytes + 1);
    size_t length = bytes == NULL ? 0 : fread(bytes, 1, limit_bytes, file);
    bool failed = bytes == NULL || ferror(file) || (length == limit_bytes && fgetc(file) != EOF);
    fclose(file);
    if (failed) {
        free(bytes);
        errno = EFBIG;
        return NULL;
    }
    bytes[length] = '\0';
    return bytes;
}

bool engine_ledger_load(struct engine *engine, struct arena *arena, struct ledger *out, struct error *err) {
    if (engine->ledger_text == NULL && engine->ledger_file != NULL) {
        engine->ledger_text = file_read(engine->ledger_file, LEDGER_LIMIT_BYTES);
        if (engine->ledger_text == NULL && errno != ENOENT)
            return error_set(err, ERROR_DENIED, "read the ledger %s: %s", engine->ledger_file, strerror(errno));
    }
    struct value value = value_of_map();
    if (engine->ledger_text != NULL &&
        !json_parse(arena, engine->ledger_file == NULL ? "ledger" : engine->ledger_file, engine->ledger_text, strlen(engine->ledger_text), &value,
                    err))
        return error_wrap(err, "read the ledger (move the file away to begin a new one: update ids in flight are then found again from EKS)");
    ledger_parse(&value, arena, out);
    return true;
}

static bool file_write_all(int descriptor, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

static bool file_replace(const char *path, const char *bytes, size_t length, struct error *err) {
    ARENA_AUTO *arena = arena_new();
    char *fresh = arena_text(arena, "%s.new", path);
    int descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return error_set(err, ERROR_DENIED, "write %s: %s", fresh, strerror(errno));
    bool written = file_write_all(descriptor, bytes, length) && fsync(descriptor) == 0;
    int failure = errno;
    close(descriptor);
    if (!written || rename(fresh, path) != 0)
        return error_set(err, ERROR_DENIED, "write %s: %s", path, strerror(written ? errno : failure));
    return true;
}

bool engine_ledger_store(struct engine *engine, const struct ledger *ledger, struct error *err) {
    ARENA_AUTO *arena = arena_new();
    struct value value = ledger_to_value(ledger, arena);
    char *text = json_text(arena, &value);
    if (engine->ledger_text != NULL && strcmp(text, engine->ledger_text) == 0)
        return true;
    if (engine->ledger_file != NULL && !file_replace(engine->ledger_file, text, strlen(text), err))
        return error_wrap(err, "keep the ledger");
    free(engine->ledger_text);
    engine->ledger_text = strdup(text);
    return true;
}

bool engine_identity(struct engine *engine, const struct aws_scope *scope, struct arena *arena, const char **out_account_id,
                     const char **out_arn, struct error *err) {
    enum { ATTEMPTS = 5, FIRST_WAIT_MS = 500 };
    for (int attempt = 0;; attempt++) {
        *err = (struct error){0};
        if (engine_aws(engine, err) && aws_ready(engine->aws, scope, err) &&
            aws_identity(engine->aws, scope, arena, out_account_id, out_arn, err))
            return true;
        bool stop = engine->stop != NULL && *engine->stop;
        if (err->kind != ERROR_BUSY || attempt + 1 == ATTEMPTS || stop)
            return false;
        engine->http->next(engine->http, clock_steady_ms(engine->clock) + (FIRST_WAIT_MS << attempt));
    }
}
