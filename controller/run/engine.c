#include "run/engine.h"

#include "base/json.h"
#include "run/files.h"
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

bool engine_ledger_load(struct engine *engine, struct arena *arena, struct ledger *out, struct error *err) {
    if (engine->ledger_text == NULL && engine->ledger_file != NULL) {
        char *text = NULL;
        size_t length = 0;
        struct error missing = {0};
        if (file_load(engine->ledger_file, LEDGER_LIMIT_BYTES, arena, &text, &length, &missing)) {
            engine->ledger_text = strdup(text);
        } else if (missing.kind != ERROR_MISSING) {
            *err = missing;
            return error_wrap(err, "the ledger");
        }
    }
    struct value value = value_of_map();
    if (engine->ledger_text != NULL && !json_parse(arena, engine->ledger_file == NULL ? "ledger" : engine->ledger_file, engine->ledger_text,
                                                   strlen(engine->ledger_text), &value, err))
        return error_wrap(err,
                          "read the ledger (move the file away to begin a new one: update ids in flight are then found again from EKS)");
    ledger_parse(&value, arena, out);
    return true;
}

bool engine_ledger_store(struct engine *engine, const struct ledger *ledger, struct error *err) {
    ARENA_AUTO *arena = arena_new();
    struct value value = ledger_to_value(ledger, arena);
    char *text = json_text(arena, &value);
    if (engine->ledger_text != NULL && strcmp(text, engine->ledger_text) == 0)
        return true;
    if (engine->ledger_file != NULL && !file_save(engine->ledger_file, text, strlen(text), err))
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
