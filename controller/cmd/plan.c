#include "base/json.h"
#include "cmd/plan_file.h"
#include "cmd/progress.h"
#include "cmd/session.h"
#include "model/report.h"
#include "run/pass.h"

bool plan_print(const struct session *session, const struct arguments *arguments, const struct plan *plan, FILE *out, struct error *err) {
    const char *name = arguments->values[OPTION_FORMAT] == NULL ? "text" : arguments->values[OPTION_FORMAT];
    const struct report_format *format = report_format_find(name);
    if (format == NULL)
        return error_set(err, ERROR_INVALID, "--format %s: text, json, markdown or mermaid", name);
    int64_t limit = 0;
    const char *limit_text = arguments->values[OPTION_LIMIT];
    if (limit_text != NULL && !text_to_integer(limit_text, 1024, 16 << 20, &limit))
        return error_set(err, ERROR_INVALID, "--limit %s: a number of characters from 1024", limit_text);
    struct report_options options = {
        .colour = session->colour && text_equal(name, "text"), .verbose = session->verbose, .limit_characters = (size_t)limit};
    TEXT_AUTO text;
    text_init(&text, PLAN_OUTPUT_LIMIT_BYTES);
    format->render(plan, &options, &text);
    if (text.full)
        return error_set(err, ERROR_BROKEN, "the plan is larger than %d MiB", PLAN_OUTPUT_LIMIT_BYTES >> 20);
    if (text.length > 0)
        fputs(text.data, out);
    fflush(out);
    return true;
}

/* --fail-on turns steps of a kind into exit code 3, as a policy would. */
static bool fails_on(const char *what, const struct plan *plan) {
    bool deletes = plan_count(plan, ACTION_DELETE) > 0, replaces = plan_count(plan, ACTION_REPLACE) > 0;
    return what != NULL && (replaces || (deletes && text_equal(what, "delete")));
}

static bool plan_options_check(const struct arguments *arguments, struct error *err) {
    const char *format = arguments->values[OPTION_FORMAT], *what = arguments->values[OPTION_FAIL_ON];
    if (format != NULL && report_format_find(format) == NULL)
        return error_set(err, ERROR_INVALID, "--format %s: text, json, markdown or mermaid", format);
    if (what != NULL && !text_equal(what, "delete") && !text_equal(what, "replace"))
        return error_set(err, ERROR_INVALID, "--fail-on %s: delete or replace", what);
    return true;
}

static bool plan_show(struct session *session, const struct arguments *arguments, struct pass *pass, int *code, struct error *err) {
    if (session->progress != NULL)
        progress_clear(session->progress);
    if (!plan_print(session, arguments, &pass->plan, stdout, err))
        return false;
    *code = (int)plan_exit_code(&pass->plan);
    if (session->verbose)
        fprintf(stderr, "Read with %u AWS and %u Kubernetes requests, %u tried again.\n", pass->requests[REQUEST_AWS].reads,
                pass->requests[REQUEST_KUBERNETES].reads, pass->requests[REQUEST_AWS].retries + pass->requests[REQUEST_KUBERNETES].retries);
    if (arguments->values[OPTION_OUT] != NULL && !plan_file_save(arguments->values[OPTION_OUT], &session->engine, pass, err))
        return false;
    if (fails_on(arguments->values[OPTION_FAIL_ON], &pass->plan))
        *code = PLAN_BLOCKED;
    if (*code == PLAN_CHANGES && arguments->given[OPTION_EXIT_ZERO])
        *code = PLAN_NONE;
    return true;
}

int plan_command(const struct arguments *arguments) {
    struct session session;
    struct error err = {0};
    if (!plan_options_check(arguments, &err))
        return command_fail(&err);
    if (!session_open(&session, arguments, &err))
        return session_close(&session, command_fail(&err));
    struct pass pass;
    int code = PLAN_ERROR;
    if (!pass_run(&session.engine, PASS_PLAN, &pass, &err) || !plan_show(&session, arguments, &pass, &code, &err)) {
        if (session.progress != NULL)
            progress_clear(session.progress);
        plan_findings_print(&session, &pass);
        code = command_fail(&err);
    }
    pass_done(&pass);
    return session_close(&session, code);
}
