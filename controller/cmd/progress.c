#include "cmd/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

enum { TRACKED_LIMIT = 65536 };

/* A step that has begun and not yet ended, in whatever pass. */
struct tracked {
    const char *key, *id, *reason;
    int64_t started_ms, expected_ms;
    bool in_plan;
};

struct progress {
    struct arena *arena;
    struct clock *clock;
    bool terminal, colour;
    struct tracked *tracked;
    size_t count;
    size_t done, total;
    const char *stage;
    unsigned spin;
    bool drawn;
};

static const char *paint(const struct progress *progress, const char *code) {
    return progress->colour ? code : "";
}

void progress_clear(void *context) {
    struct progress *progress = context;
    if (progress->drawn)
        fprintf(stderr, "\r\033[K");
    progress->drawn = false;
}

static unsigned terminal_width(void) {
    struct winsize size = {0};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

void progress_draw(struct progress *progress) {
    static const char *const frames[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    if (!progress->terminal)
        return;
    progress_clear(progress);
    ARENA_AUTO *scratch = arena_new();
    const char *text = progress->stage;
    if (progress->count > 0) {
        const struct tracked *oldest = &progress->tracked[0];
        int64_t elapsed = clock_wall_ms(progress->clock) - oldest->started_ms;
        text = arena_text(scratch, "%zu of %zu · %s%s%s · %s of about %s%s", progress->done, progress->total, oldest->id,
                          oldest->reason == NULL ? "" : " · ", oldest->reason == NULL ? "" : oldest->reason,
                          text_of_duration(scratch, elapsed), text_of_duration(scratch, oldest->expected_ms),
                          progress->count > 1 ? arena_text(scratch, " · %zu more", progress->count - 1) : "");
    }
    if (text == NULL)
        return;
    int room = (int)terminal_width() - 3;
    fprintf(stderr, "%s%s%s %.*s", paint(progress, "\033[36m"), frames[progress->spin++ % 10], paint(progress, "\033[0m"), room, text);
    fflush(stderr);
    progress->drawn = true;
}

static struct tracked *progress_find(struct progress *progress, const char *key) {
    for (size_t i = 0; i < progress->count; i++) {
        if (text_equal(progress->tracked[i].key, key))
            return &progress->tracked[i];
    }
    return NULL;
}

static void progress_end(struct progress *progress, struct tracked *tracked, const char *sign, const char *colour, const char *reason) {
    ARENA_AUTO *scratch = arena_new();
    progress_clear(progress);
    int64_t took = clock_wall_ms(progress->clock) - tracked->started_ms;
    fprintf(stderr, "%s%s%s %s  %s%s%s\n", paint(progress, colour), sign, paint(progress, "\033[0m"), tracked->id,
            text_of_duration(scratch, took), reason == NULL ? "" : "  ", reason == NULL ? "" : reason);
    *tracked = progress->tracked[--progress->count];
}

static struct tracked *progress_begin(struct progress *progress, const struct step *step, const struct step_progress *state) {
    if (progress->count >= TRACKED_LIMIT)
        return NULL;
    progress->tracked = arena_grow(progress->arena, progress->tracked, progress->count, sizeof *progress->tracked);
    struct tracked *tracked = &progress->tracked[progress->count++];
    *tracked = (struct tracked){.key = arena_copy(progress->arena, step->key, strlen(step->key)),
                                .id = arena_copy(progress->arena, step->id, strlen(step->id)),
                                .started_ms = state->started_ms == 0 ? clock_wall_ms(progress->clock) : state->started_ms,
                                .expected_ms = step->expected_ms[0]};
    if (!progress->terminal && step->action != ACTION_WAIT)
        fprintf(stderr, "  %s %s\n", action_name(step->action), step->id);
    return tracked;
}

/* Said once for each reason, not with every try. */
static void progress_put_off(struct progress *progress, struct tracked *tracked, const char *reason) {
    if (reason == NULL || text_equal(tracked->reason, reason))
        return;
    progress_clear(progress);
    fprintf(stderr, "%s…%s %s  put off, tried again: %s\n", paint(progress, "\033[33m"), paint(progress, "\033[0m"), tracked->id, reason);
}

static void progress_step(void *context, const struct plan *plan, const struct step *step, const struct step_progress *state) {
    struct progress *progress = context;
    (void)plan;
    struct tracked *tracked = progress_find(progress, step->key);
    if (tracked == NULL && state->state != STEP_PENDING && state->state != STEP_SKIPPED)
        tracked = progress_begin(progress, step, state);
    if (tracked == NULL)
        return;
    tracked->in_plan = true;
    if (state->state == STEP_DONE) {
        progress->done++;
        progress_end(progress, tracked, "✓", "\033[32m", NULL);
    } else if (state->state == STEP_FAILED) {
        progress_end(progress, tracked, "✗", "\033[31m", state->reason);
    } else {
        if (state->state == STEP_SKIPPED)
            progress_put_off(progress, tracked, state->reason);
        if (state->state == STEP_RUNNING && state->reason == NULL && tracked->reason != NULL)
            return; /* it begins again: what put it off stands until it ends */
        tracked->reason = state->reason == NULL ? NULL : arena_copy(progress->arena, state->reason, strlen(state->reason));
    }
    progress_draw(progress);
}

void progress_finish(struct progress *progress) {
    for (size_t i = progress->count; i-- > 0;) {
        if (progress->tracked[i].in_plan)
            continue;
        progress->done++;
        progress_end(progress, &progress->tracked[i], "✓", "\033[32m", NULL);
    }
}

/* What was running and is in the new plan no more has reached its end; the rest goes on. */
static void progress_planned(void *context, const struct plan *plan) {
    struct progress *progress = context;
    progress->stage = NULL;
    for (size_t i = 0; i < progress->count; i++)
        progress->tracked[i].in_plan = false;
    for (size_t s = 0; s < plan->step_count && progress->count > 0; s++) {
        struct tracked *tracked = progress_find(progress, plan->steps[s].key);
        if (tracked != NULL)
            tracked->in_plan = true;
    }
    if (plan->complete)
        progress_finish(progress);
    if (progress->total < progress->done + plan->step_count)
        progress->total = progress->done + plan->step_count;
    progress_clear(progress);
}

static void progress_stage(void *context, const char *what, size_t done, size_t total) {
    struct progress *progress = context;
    (void)done;
    (void)total;
    progress->stage = what;
    progress_draw(progress);
}

struct progress *progress_new(struct arena *arena, struct clock *clock, bool terminal, bool colour) {
    struct progress *progress = ARENA_NEW(arena, struct progress);
    *progress = (struct progress){.arena = arena, .clock = clock, .terminal = terminal, .colour = colour};
    return progress;
}

struct observer progress_observer(struct progress *progress) {
    return (struct observer){.stage = progress_stage, .planned = progress_planned, .step = progress_step, .context = progress};
}
