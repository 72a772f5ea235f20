#include "sandbox/core.h"

void clock_begin(struct sandbox *sandbox, int64_t now_ms) {
    struct clock *real = sandbox->options.real_clock;
    if (real != NULL) {
        int64_t wall_ms = clock_wall_ms(real);
        if (now_ms < wall_ms) /* real clients sign with the real time: the world catches up with it */
            now_ms = wall_ms;
        sandbox->real_start_ms = clock_steady_ms(real);
        sandbox->real_world_ms = now_ms;
    }
    /* The steady clock goes on where it was, whatever the wall clock jumps to. */
    sandbox->steady_offset_ms += now_ms - sandbox->world.now_ms;
    sandbox->world.now_ms = now_ms;
}

int64_t clock_now(struct sandbox *sandbox) {
    struct clock *real = sandbox->options.real_clock;
    if (real == NULL)
        return sandbox->world.now_ms;
    double elapsed_ms = (double)(clock_steady_ms(real) - sandbox->real_start_ms) * sandbox->options.speed;
    int64_t now_ms = sandbox->real_world_ms + (int64_t)elapsed_ms;
    return now_ms < sandbox->world.now_ms ? sandbox->world.now_ms : now_ms;
}

static int64_t parts_step(struct world *world) {
    int64_t aws_ms = aws_step(world);
    int64_t kubernetes_ms = kubernetes_step(world);
    return aws_ms < kubernetes_ms ? aws_ms : kubernetes_ms;
}

int64_t clock_advance(struct sandbox *sandbox, int64_t until_ms) {
    struct world *world = &sandbox->world;
    for (;;) {
        state_compact(sandbox); /* between two events nobody holds a value of the state */
        int64_t next_ms = parts_step(world);
        if (next_ms > until_ms) {
            if (until_ms > world->now_ms)
                world->now_ms = until_ms;
            return next_ms;
        }
        world->now_ms = next_ms > world->now_ms ? next_ms : world->now_ms + 1;
    }
}
