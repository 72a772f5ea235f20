#include "base/json.h"
#include "cmd/plan_file.h"
#include "cmd/progress.h"

static const char *short_commit(struct arena *arena, const char *commit) {
    return commit == NULL ? NULL : arena_text(arena, "%.7s", commit);
}

/* What a step waits for, in the words of the rate. */
static void steps_print(struct pass *pass, int64_t now_ms) {
    struct step_progress *progress = ARENA_ARRAY(pass->arena, struct step_progress, pass->plan.step_count);
    struct rate_decision *decisions = ARENA_ARRAY(pass->arena, struct rate_decision, pass->plan.step_count);
    for (size_t i = 0; i < pass->plan.step_count; i++)
        progress[i].state = pass->plan.steps[i].action == ACTION_WAIT ? STEP_RUNNING : STEP_PENDING;
    struct rate_input input = {.plan = &pass->plan, .progress = progress, .ledger = &pass->ledger, .batch = 1, .now_wall_ms = now_ms};
    rate_next(&input, pass->arena, decisions);
    for (size_t i = 0; i < pass->plan.step_count; i++) {
        const struct step *step = &pass->plan.steps[i];
        const char *why = step->blocked != NULL ? step->blocked : step->waits != NULL ? step->waits : decisions[i].reason;
        printf("  %-8s %-48s %s%s\n", step->blocked != NULL ? "blocked" : action_name(step->action), step->id,
               step->action == ACTION_WAIT ? "under way: " : "", why == NULL ? "next" : why);
    }
}

static void status_print(const struct session *session, struct pass *pass) {
    struct arena *arena = pass->arena;
    int64_t now = clock_wall_ms(session->engine.clock);
    printf("Fleet %s · %s%s%s\n", pass->graph.fleet.name, pass->tree.source, pass->tree.commit == NULL ? "" : " · commit ",
           pass->tree.commit == NULL ? "" : short_commit(arena, pass->tree.commit));
    if (pass->ledger.applied_commit != NULL)
        printf("Applied: commit %s\n", short_commit(arena, pass->ledger.applied_commit));
    if (pass->ledger.halted != NULL)
        printf("Halted: %s\n", pass->ledger.halted);
    if (pass->plan.step_count == 0) {
        printf("%zu of %zu resources are as declared.\n", pass->differences.unchanged_count, pass->graph.count);
    } else {
        printf("%zu of %zu resources are as declared; %zu step%s to go, about %s:\n", pass->differences.unchanged_count, pass->graph.count,
               pass->plan.step_count, pass->plan.step_count == 1 ? "" : "s", text_of_duration(arena, pass->plan.forecast_ms[0]));
        steps_print(pass, now);
    }
    for (size_t i = 0; i < pass->world.count; i++) {
        const struct live *live = &pass->world.lives[i];
        if (live->presence == LIVE_UNKNOWN)
            printf("  unknown  %-48s %s\n", pass->graph.resources[i]->id, live->error.text);
        else if (live->presence == LIVE_PRESENT && live->health == HEALTH_FAILED)
            printf("  failed   %-48s %s\n", pass->graph.resources[i]->id, live->health_reason == NULL ? "" : live->health_reason);
    }
    fflush(stdout);
}

int status_command(const struct arguments *arguments) {
    struct session session;
    struct error err = {0};
    if (!session_open(&session, arguments, &err))
        return session_close(&session, command_fail(&err));
    int code = 1;
    do {
        struct pass pass;
        bool ran = pass_run(&session.engine, PASS_PLAN, &pass, &err);
        if (session.progress != NULL)
            progress_clear(session.progress);
        if (ran) {
            if (arguments->values[OPTION_FORMAT] == NULL)
                status_print(&session, &pass);
            else
                ran = plan_print(&session, arguments, &pass.plan, stdout, &err);
        }
        code = ran ? (int)plan_exit_code(&pass.plan) : command_fail(&err);
        if (code == PLAN_NONE && pass.plan.step_count > 0)
            code = PLAN_CHANGES; /* what is under way is not yet as declared */
        pass_done(&pass);
        if (!arguments->given[OPTION_WATCH] || !ran || code == PLAN_NONE)
            break;
        session_wait(&session, 5000);
    } while (!session_stopped(&session));
    return session_close(&session, code);
}
