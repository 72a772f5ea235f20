#include <unistd.h>

#include "cmd/plan_file.h"
#include "cmd/progress.h"

/* How an application of one commit went, over all its passes. */
struct outcome {
    unsigned total, failed; /* total: steps of the first plan */
    unsigned waiting, running, blocked, refused;
    bool partial, whole;
};

static bool confirm(const struct plan *plan) {
    unsigned removed = plan_count(plan, ACTION_DELETE) + plan_count(plan, ACTION_REPLACE);
    fprintf(stderr, "\nMake these changes%s? Only \"yes\" does it: ", removed > 0 ? ", deletes included" : "");
    char answer[16] = {0};
    return fgets(answer, sizeof answer, stdin) != NULL && text_equal(answer, "yes\n");
}

/* A person says yes on a terminal; a pipeline says --yes. */
static bool consent(const struct session *session, const struct arguments *arguments, const struct plan *plan, struct error *err) {
    (void)session;
    if (arguments->given[OPTION_YES])
        return true;
    if (!isatty(STDIN_FILENO))
        return error_set(err, ERROR_DENIED, "nothing was applied: without a terminal to ask on, --yes is needed");
    return confirm(plan) || error_set(err, ERROR_DENIED, "nothing was applied");
}

static void pass_print_failures(const struct session *session, const struct pass *pass) {
    if (session->progress != NULL)
        progress_clear(session->progress);
    for (size_t i = 0; i < pass->plan.step_count; i++) {
        const struct step_progress *progress = &pass->applied.progress[i];
        if (progress->state == STEP_FAILED && session->progress == NULL)
            fprintf(stderr, "%s: %s\n", pass->plan.steps[i].id, progress->reason);
    }
}

static void outcome_add(struct outcome *outcome, const struct pass *pass) {
    if (outcome->total < pass->plan.step_count)
        outcome->total = (unsigned)pass->plan.step_count;
    outcome->failed = pass->applied.failed;
    outcome->waiting = pass->applied.waiting;
    outcome->running = pass->applied.running;
    outcome->blocked = pass->applied.held;
    outcome->refused = 0;
    for (size_t i = 0; i < pass->differences.count; i++)
        outcome->refused += pass->differences.items[i].type == DIFFERENCE_REFUSED;
    outcome->partial = outcome->refused > 0 || !pass->plan.complete || pass->findings.error_count > 0;
    outcome->whole = outcome->failed + outcome->waiting + outcome->running == 0;
}

static int outcome_print(const struct session *session, const struct outcome *outcome, bool timed_out) {
    if (session->progress != NULL)
        progress_clear(session->progress);
    FILE *out = stdout;
    unsigned left = outcome->running + outcome->waiting + outcome->failed + outcome->blocked + outcome->refused;
    unsigned done = outcome->total > left ? outcome->total - left : 0;
    fprintf(out, "Applied: %u of %u step%s done", done, outcome->total, outcome->total == 1 ? "" : "s");
    if (outcome->running > 0)
        fprintf(out, ", %u under way", outcome->running);
    if (outcome->waiting > 0)
        fprintf(out, ", %u waiting", outcome->waiting);
    if (outcome->failed > 0)
        fprintf(out, ", %u failed", outcome->failed);
    if (outcome->blocked > 0)
        fprintf(out, ", %u blocked by a guard (`eksact plan` says what to write)", outcome->blocked);
    if (outcome->refused > 0)
        fprintf(out, ", %u refused (`eksact plan` says why)", outcome->refused);
    fprintf(out, ".\n");
    if (timed_out)
        fprintf(stderr, "eksact: the time of --timeout is over; run `eksact status` to see what waits, `eksact apply` to go on.\n");
    else if (outcome->running + outcome->waiting > 0)
        fprintf(stderr, "The rest goes on with the next `eksact apply`; --wait stays until the end.\n");
    if (outcome->failed > 0 || timed_out)
        return 1;
    if (outcome->blocked > 0)
        return PLAN_BLOCKED;
    return outcome->partial ? PLAN_PARTIAL : 0;
}

/* A saved plan gives the place to read from, and binds what may be done. */
static bool source_choose(struct session *session, const struct arguments *arguments, struct plan_file *file, bool *saved,
                          struct error *err) {
    const char *name = arguments->names[0];
    *saved = name != NULL && plan_file_load(name, session->arena, file, err);
    if (err->kind != ERROR_NONE)
        return false;
    if (*saved) {
        session->engine.source.location = file->location;
        session->engine.source.reference = file->reference;
        session->engine.source.path = file->path;
    }
    return true;
}

static bool timeout_parse(const struct arguments *arguments, int64_t *out_ms, struct error *err) {
    *out_ms = 2 * 3600 * 1000;
    const char *text = arguments->values[OPTION_TIMEOUT];
    return text == NULL || text_to_duration(text, out_ms) ||
           error_set(err, ERROR_INVALID, "--timeout %s: a duration such as 45m or 2h", text);
}

/* First pass: plan, show, ask, apply. */
static bool apply_first(struct session *session, const struct arguments *arguments, struct pass *pass, bool *nothing, int *code,
                        struct error *err) {
    struct plan_file file = {0};
    bool saved = false;
    *code = 1;
    if (!source_choose(session, arguments, &file, &saved, err) || !pass_run(&session->engine, PASS_PLAN, pass, err))
        return false;
    if (session->progress != NULL)
        progress_clear(session->progress);
    if (!plan_print(session, arguments, &pass->plan, stdout, err))
        return false;
    if (saved && !plan_file_holds(&file, &pass->plan, err)) {
        *code = PLAN_BLOCKED;
        return false;
    }
    *nothing = pass->plan.step_count == 0;
    if (*nothing) {
        *code = (int)plan_exit_code(&pass->plan);
        return pass_apply(&session->engine, pass, err);
    }
    return consent(session, arguments, &pass->plan, err) && pass_apply(&session->engine, pass, err);
}

/* Passes until all is done, nothing more can happen, or the time is over. */
static bool apply_on(struct session *session, int64_t limit_ms, struct outcome *outcome, int64_t look_again_ms, bool *timed_out,
                     struct error *err) {
    int64_t until = clock_steady_ms(session->engine.clock) + limit_ms;
    while (!outcome->whole && look_again_ms >= 0 && !session_stopped(session)) {
        *timed_out = clock_steady_ms(session->engine.clock) >= until;
        if (*timed_out)
            return true;
        session_wait(session, look_again_ms);
        struct pass pass;
        bool ran = pass_run(&session->engine, PASS_APPLY, &pass, err);
        if (ran) {
            outcome_add(outcome, &pass);
            pass_print_failures(session, &pass);
            look_again_ms = pass.applied.look_again_ms;
        } else if (err->kind == ERROR_BUSY) {
            *err = (struct error){0}; /* git did not answer this time */
            ran = true;
        }
        pass_done(&pass);
        if (!ran)
            return false;
    }
    return true;
}

int apply_command(const struct arguments *arguments) {
    struct session session;
    struct error err = {0};
    int64_t limit_ms = 0;
    if (!timeout_parse(arguments, &limit_ms, &err))
        return command_fail(&err);
    if (!session_open(&session, arguments, &err))
        return session_close(&session, command_fail(&err));
    struct pass pass = {0};
    struct outcome outcome = {0};
    bool nothing = false, timed_out = false;
    int code = 1;
    bool went = apply_first(&session, arguments, &pass, &nothing, &code, &err);
    if (went && !nothing) {
        outcome_add(&outcome, &pass);
        pass_print_failures(&session, &pass);
        if (arguments->given[OPTION_WAIT])
            went = apply_on(&session, limit_ms, &outcome, pass.applied.look_again_ms, &timed_out, &err);
    }
    if (!went) {
        if (session.progress != NULL)
            progress_clear(session.progress);
        plan_findings_print(&session, &pass);
        command_fail(&err);
        code = code == PLAN_BLOCKED ? code : 1;
    } else if (!nothing) {
        code = outcome_print(&session, &outcome, timed_out);
    }
    pass_done(&pass);
    return session_close(&session, code);
}
