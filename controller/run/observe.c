#include "run/observe.h"

#include "run/observation.h"

const struct value *observe_lookup(void *context, const struct resource *resource) {
    const struct world_state *world = context;
    const struct live *live = &world->lives[resource->index];
    return live->presence == LIVE_PRESENT ? &live->object : NULL;
}

static int stray_order(const void *one, const void *other) {
    return strcmp(((const struct stray *)one)->key, ((const struct stray *)other)->key);
}

struct stray *observation_add_stray(struct observation *observation, const struct target *target, const char *id) {
    struct world_state *world = observation->world;
    world->strays = arena_grow(observation->arena, world->strays, world->stray_count, sizeof *world->strays);
    struct stray *stray = &world->strays[world->stray_count++];
    *stray = (struct stray){.target = target, .id = id, .key = arena_text(observation->arena, "%s %s", target->name, id)};
    return stray;
}

void observation_unknown(struct live *live, const struct error *err) {
    live->presence = LIVE_UNKNOWN;
    live->error = *err;
}

static void observation_count(struct observation *observation) {
    static const enum request_type types[] = {[TARGET_AWS] = REQUEST_AWS, [TARGET_KUBERNETES] = REQUEST_KUBERNETES};
    for (size_t i = 0; i < 2; i++) {
        struct request_counts counts = requests_counts(observation->requests, types[i]);
        observation->world->requests[i].reads = counts.reads;
        observation->world->requests[i].writes = counts.writes;
    }
}

void observe(struct engine *engine, struct requests *requests, const struct graph *graph, struct ledger *ledger, struct arena *arena,
             struct world_state *out) {
    *out = (struct world_state){.lives = ARENA_ARRAY(arena, struct live, graph->count), .count = graph->count, .complete = true};
    out->recorded_kinds = value_of_map();
    struct observation observation = {
        .engine = engine, .requests = requests, .graph = graph, .ledger = ledger, .arena = arena, .world = out};
    observe_aws(&observation);
    observe_kubernetes(&observation);
    for (size_t i = 0; i < out->count; i++) {
        if (out->lives[i].presence == LIVE_UNKNOWN)
            out->complete = false;
    }
    if (out->stray_count > 0)
        qsort(out->strays, out->stray_count, sizeof *out->strays, stray_order);
    observation_count(&observation);
}
