#include "cmd/session.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/progress.h"
#include "cmd/world_file.h"
#include "world/http_curl.h"

enum { SECRET_LIMIT_BYTES = 1 << 16 };

/* Where the simulated world serves the API servers of ExternalClusters, in process. */
#define SANDBOX_URL "https://sandbox.invalid"

/* Signal handlers can only reach what has static storage; this is the one such variable. */
static volatile bool stop_asked;

static void stop_ask(int signal_number) {
    (void)signal_number;
    stop_asked = true;
}

static void signals_install(void) {
    struct sigaction action = {.sa_handler = stop_ask};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

bool session_stopped(const struct session *session) {
    return *session->stop;
}

/* The simulated world brings its own credentials; nothing of the caller's environment gets in, but the region. */
static const char *sandbox_environment(void *context, const char *name) {
    (void)context;
    if (text_equal(name, "AWS_ACCESS_KEY_ID"))
        return SANDBOX_ACCESS_KEY_ID;
    if (text_equal(name, "AWS_SECRET_ACCESS_KEY"))
        return SANDBOX_SECRET_ACCESS_KEY;
    if (text_equal(name, "AWS_REGION")) {
        const char *region = getenv("AWS_REGION");
        return region == NULL ? "eu-west-1" : region;
    }
    return NULL;
}

/* A command has the simulated world in virtual time, so that waiting costs nothing; the controller, which never ends, in real time. */
static bool sandbox_open(struct session *session, const struct arguments *arguments, struct error *err) {
    struct sandbox_options options = {.check_signatures = true};
    if (arguments->verb->run == run_command)
        options.real_clock = clock_system();
    session->sandbox = sandbox_new(&options);
    if (!world_file_load(session->sandbox_file, session->sandbox, session->arena, err))
        return false;
    struct http_curl_options git_options = {.clock = clock_system(), .user_agent = "eksact/" EKSACT_VERSION};
    session->engine.git_http = http_curl_new(&git_options, err);
    if (session->engine.git_http == NULL)
        return false;
    session->http = sandbox_http(session->sandbox);
    session->engine.clock = sandbox_clock(session->sandbox);
    session->engine.environment = (struct environment){sandbox_environment, NULL};
    session->engine.external_url = SANDBOX_URL "/clusters/";
    return true;
}

static bool real_open(struct session *session, const struct arguments *arguments, struct error *err) {
    (void)arguments;
    session->engine.clock = clock_system();
    session->engine.environment = environment_process();
    struct http_curl_options options = {.clock = session->engine.clock, .user_agent = "eksact/" EKSACT_VERSION};
    session->http = http_curl_new(&options, err);
    return session->http != NULL;
}

static const char *cache_directory(struct session *session, const struct arguments *arguments) {
    if (arguments->values[OPTION_CACHE] != NULL)
        return arguments->values[OPTION_CACHE];
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (!text_is_empty(cache))
        return arena_text(session->arena, "%s/eksact", cache);
    return arena_text(session->arena, "%s/.cache/eksact", text_is_empty(home) ? "/tmp" : home);
}

static bool pem_load(struct session *session, const char *path, struct http_trust **out, struct error *err) {
    char *pem = NULL;
    size_t length = 0;
    if (!file_load(path, 4 << 20, session->arena, &pem, &length, err))
        return false;
    *out = ARENA_NEW(session->arena, struct http_trust);
    (*out)->ca_pem = pem;
    return true;
}

static bool source_open(struct session *session, const struct arguments *arguments, struct error *err) {
    struct git_source *source = &session->engine.source;
    source->location = arguments->names[0] == NULL ? "." : arguments->names[0];
    source->reference = arguments->values[OPTION_REF];
    source->path = arguments->values[OPTION_PATH];
    source->cache = cache_directory(session, arguments);
    const char *password = arguments->values[OPTION_GIT_PASSWORD_FILE];
    if (password != NULL) {
        char *bytes = NULL;
        size_t length = 0;
        if (!file_load(password, SECRET_LIMIT_BYTES, session->arena, &bytes, &length, err))
            return error_wrap(err, "--git-password-file");
        size_t kept = strcspn(bytes, "\r\n");
        secret_set(&source->password, bytes, kept);
        secret_wipe(bytes, length);
        source->user = arguments->values[OPTION_GIT_USER] == NULL ? "git" : arguments->values[OPTION_GIT_USER];
    }
    if (arguments->values[OPTION_GIT_CA_FILE] != NULL) {
        if (!pem_load(session, arguments->values[OPTION_GIT_CA_FILE], &session->git_trust, err))
            return error_wrap(err, "--git-ca-file");
        source->trust = session->git_trust;
    }
    return true;
}

static bool aws_open(struct session *session, const struct arguments *arguments, struct error *err) {
    struct engine *engine = &session->engine;
    struct aws_options *options = &engine->aws_options;
    *options = (struct aws_options){.http = session->http, .clock = engine->clock, .environment = engine->environment};
    options->endpoint_url = arguments->values[OPTION_ENDPOINT_URL];
    const char *bundle = engine->environment.get(engine->environment.context, "AWS_CA_BUNDLE");
    struct http_trust *trust = NULL;
    if (!text_is_empty(bundle)) {
        if (!pem_load(session, bundle, &trust, err))
            return error_wrap(err, "AWS_CA_BUNDLE");
        options->trust = trust;
    }
    return true;
}

static bool colour_wanted(const struct arguments *arguments, int descriptor) {
    const char *when = arguments->values[OPTION_COLOR];
    if (text_equal(when, "always"))
        return true;
    return !text_equal(when, "never") && isatty(descriptor) && text_is_empty(getenv("NO_COLOR"));
}

static bool log_open(struct session *session, const struct arguments *arguments, struct error *err) {
    const char *format = arguments->values[OPTION_LOG_FORMAT];
    const char *named = format == NULL && arguments->verb->run == run_command ? "json" : format;
    if (named != NULL && !text_equal(named, "json") && !text_equal(named, "text"))
        return error_set(err, ERROR_INVALID, "--log-format %s: json or text", named);
    session->log = (struct log){.format = text_equal(named, "json") ? LOG_JSON : LOG_TEXT,
                                .least = session->verbose ? LOG_DEBUG : LOG_INFO,
                                .clock = session->engine.clock,
                                .file_descriptor = STDERR_FILENO};
    session->engine.log = &session->log;
    return true;
}

static void progress_open(struct session *session, const struct arguments *arguments) {
    if (session->quiet || session->log.format == LOG_JSON)
        return;
    bool terminal = isatty(STDERR_FILENO);
    session->progress = progress_new(session->arena, session->engine.clock, terminal, colour_wanted(arguments, STDERR_FILENO));
    session->engine.observer = progress_observer(session->progress);
    session->log.before_line = progress_clear;
    session->log.context = session->progress;
}

void session_begin(struct session *session) {
    *session = (struct session){.arena = arena_new(), .stop = &stop_asked};
    signals_install();
}

bool session_open(struct session *session, const struct arguments *arguments, struct error *err) {
    session_begin(session);
    const char *when = arguments->values[OPTION_COLOR];
    if (when != NULL && !text_in(when, (const char *const[]){"always", "never", "auto", NULL}))
        return error_set(err, ERROR_INVALID, "--color %s: always, never or auto", when);
    session->quiet = arguments->given[OPTION_QUIET];
    session->verbose = arguments->given[OPTION_VERBOSE];
    session->colour = colour_wanted(arguments, STDOUT_FILENO);
    session->sandbox_file = arguments->values[OPTION_SANDBOX];
    bool opened = session->sandbox_file != NULL ? sandbox_open(session, arguments, err) : real_open(session, arguments, err);
    if (!opened)
        return false;
    struct engine *engine = &session->engine;
    engine->http = session->http;
    engine->stop = session->stop;
    engine->account_id = arguments->values[OPTION_ACCOUNT];
    engine->region = arguments->values[OPTION_REGION];
    engine->fleet_name = arguments->values[OPTION_FLEET_NAME];
    engine->kubeconfig = arguments->values[OPTION_KUBECONFIG];
    engine->context = arguments->values[OPTION_CONTEXT];
    engine->ledger_file = arguments->values[OPTION_STATE];
    /* A simulated world without its ledger would forget the updates it has in flight: they belong together. */
    if (engine->ledger_file == NULL && session->sandbox_file != NULL)
        engine->ledger_file = arena_text(session->arena, "%s.ledger", session->sandbox_file);
    if (!log_open(session, arguments, err) || !source_open(session, arguments, err) || !aws_open(session, arguments, err))
        return false;
    progress_open(session, arguments);
    return true;
}

int session_close(struct session *session, int code) {
    struct error err = {0};
    if (session->progress != NULL)
        progress_clear(session->progress);
    engine_done(&session->engine);
    secret_done(&session->engine.source.password);
    if (session->engine.git_http != NULL)
        session->engine.git_http->free(session->engine.git_http);
    if (session->sandbox != NULL) {
        if (session->http != NULL && !world_file_save(session->sandbox_file, session->sandbox, &err))
            code = command_fail(&err);
        sandbox_free(session->sandbox);
    } else if (session->http != NULL) {
        session->http->free(session->http);
    }
    arena_free(session->arena);
    return code;
}

void session_wait(struct session *session, int64_t duration_ms) {
    struct clock *clock = session->engine.clock;
    int64_t until = clock_steady_ms(clock) + duration_ms;
    while (!session_stopped(session) && clock_steady_ms(clock) < until) {
        int64_t tick = clock_steady_ms(clock) + 1000;
        session->http->next(session->http, tick < until ? tick : until);
        if (session->progress != NULL)
            progress_draw(session->progress);
    }
}
