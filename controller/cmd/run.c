#include <signal.h>

#include "base/yaml.h"
#include "cmd/session.h"
#include "run/loop.h"

enum { FLEET_LIMIT_BYTES = 1 << 20 };

/* As in session.c: a signal handler reaches nothing else. */
static volatile bool look_asked;

static void look_ask(int signal_number) {
    (void)signal_number;
    look_asked = true;
}

static void port_log(void *context, unsigned port) {
    struct session *session = context;
    char text[16];
    snprintf(text, sizeof text, "%u", port);
    log_write(&session->log, LOG_INFO, "serving /healthz /readyz /metrics", KEYS("port", text));
}

/* The operator's own Fleet: where git is, and the limits that a commit may only tighten. */
static bool fleet_load(struct session *session, const char *path, struct fleet *out, struct error *err) {
    char *bytes = NULL;
    size_t length = 0;
    if (!file_load(path, FLEET_LIMIT_BYTES, session->arena, &bytes, &length, err))
        return error_wrap(err, "--fleet");
    struct yaml_documents documents = {0};
    struct findings findings = {0};
    yaml_parse(session->arena, path, bytes, length, &documents, &findings);
    for (size_t i = 0; i < documents.count; i++) {
        if (text_equal(value_text_at(&documents.items[i], "kind"), "Fleet"))
            fleet_parse(&documents.items[i], path, session->arena, out, &findings);
    }
    if (findings.error_count > 0) {
        const struct finding *first = &findings.items[0];
        return error_set_at(err, ERROR_INVALID, first->place, "%s", first->text);
    }
    if (out->name == NULL)
        return error_set(err, ERROR_INVALID, "--fleet %s: no Fleet manifest in it", path);
    return true;
}

static bool fleet_use(struct session *session, const struct arguments *arguments, struct fleet *fleet, struct error *err) {
    struct engine *engine = &session->engine;
    if (arguments->values[OPTION_FLEET] == NULL)
        return true;
    if (!fleet_load(session, arguments->values[OPTION_FLEET], fleet, err))
        return false;
    engine->bound = fleet;
    if (engine->fleet_name == NULL)
        engine->fleet_name = fleet->name;
    if (engine->account_id == NULL)
        engine->account_id = fleet->account_id;
    if (engine->region == NULL)
        engine->region = fleet->region;
    if (arguments->names[0] == NULL && fleet->source_url != NULL)
        engine->source.location = fleet->source_url;
    if (engine->source.reference == NULL)
        engine->source.reference = fleet->source_branch;
    if (engine->source.path == NULL)
        engine->source.path = fleet->source_path;
    return true;
}

static bool interval_parse(const struct arguments *arguments, int64_t *out_ms, struct error *err) {
    const char *text = arguments->values[OPTION_INTERVAL];
    *out_ms = 0;
    if (text == NULL || (text_to_duration(text, out_ms) && *out_ms >= 1000))
        return true;
    return error_set(err, ERROR_INVALID, "--interval %s: a duration of at least 1s, such as 1m", text);
}

int run_command(const struct arguments *arguments) {
    struct session session;
    struct error err = {0};
    struct loop_options options = {.listen = arguments->values[OPTION_LISTEN], .look_now = &look_asked, .listening = port_log};
    if (!interval_parse(arguments, &options.interval_ms, &err))
        return command_fail(&err);
    struct fleet fleet = {0};
    if (!session_open(&session, arguments, &err) || !fleet_use(&session, arguments, &fleet, &err))
        return session_close(&session, command_fail(&err));
    sigaction(SIGHUP, &(struct sigaction){.sa_handler = look_ask}, NULL);
    options.stop = session.stop;
    options.context = &session;
    bool ran = loop_run(&session.engine, &options, &err);
    return session_close(&session, ran ? 0 : command_fail(&err));
}
