/* model/diff.c: desired against live: what both worlds share. */
#include "model/differ.h"

struct change *diff_add(struct difference *difference, struct arena *arena, const char *path) {
    difference->changes = arena_grow(arena, difference->changes, difference->change_count, sizeof *difference->changes);
    struct change *change = &difference->changes[difference->change_count++];
    *change = (struct change){.path = path};
    return change;
}

bool diff_writes(const struct difference *difference) {
    for (size_t i = 0; i < difference->change_count; i++) {
        if (!difference->changes[i].informs)
            return true;
    }
    return false;
}

bool diff_path_in(const char *path, const char *const *paths) {
    for (; paths && *paths; paths++) {
        size_t length = strlen(*paths);
        if (strncmp(path, *paths, length) == 0 && (path[length] == 0 || path[length] == '.' || path[length] == '['))
            return true;
    }
    return false;
}

const char *diff_scalar_text(struct arena *arena, const struct value *value) {
    if (value_is(value, VALUE_TEXT))
        return value_text(value);
    if (value_is(value, VALUE_BOOLEAN))
        return value->boolean ? "true" : "false";
    if (value_is(value, VALUE_INTEGER))
        return arena_text(arena, "%lld", (long long)value->integer);
    if (value_is(value, VALUE_NUMBER))
        return arena_text(arena, "%.17g", value->number);
    return NULL;
}

static void diff_observed(const struct live *live, const struct kind *row, struct difference *out) {
    if (live->presence == LIVE_ABSENT) {
        out->type = DIFFERENCE_REFUSED;
        out->reason = "must exist (eksact.dev/manage: observe), but does not";
        return;
    }
    bool moving = row ? row->status && schema_status_in(live->status, row->moving) : live->health == HEALTH_IN_PROGRESS;
    bool failed = row ? row->status && schema_status_in(live->status, row->failed) : live->health == HEALTH_FAILED;
    if (moving || failed) {
        out->type = DIFFERENCE_WAIT;
        out->reason = row ? live->status : live->health_reason;
    }
}

static void diff_resource(const struct graph *graph, const struct world_state *world, const struct resource *resource,
                          const struct live *live, struct arena *arena, struct difference *out) {
    *out = (struct difference){.type = DIFFERENCE_NONE, .resource = resource, .live = live, .desired = resource->desired};
    if (live->presence == LIVE_UNKNOWN) {
        out->type = DIFFERENCE_UNKNOWN;
        out->reason = live->error.kind != ERROR_NONE ? live->error.text : "not read";
        return;
    }
    if (resource->row && resource->row->scope == SCOPE_LOCAL)
        return;
    if (resource->manage == MANAGE_OBSERVE) {
        diff_observed(live, resource->row, out);
        return;
    }
    if (live->presence == LIVE_PRESENT && live->other_owner && !live->ours) {
        out->type = DIFFERENCE_REFUSED;
        out->reason =
            arena_text(arena, "belongs to the fleet %s: take its mark off there, or give this one another name", live->other_owner);
        return;
    }
    if (resource->row)
        diff_aws(graph, world, resource, live, arena, out);
    else
        diff_kubernetes(resource, live, arena, out);
}

static void diff_stray(const struct stray *stray, struct arena *arena, struct difference *out) {
    const struct live *live = &stray->live;
    *out = (struct difference){.type = DIFFERENCE_DELETE, .stray = stray, .live = live};
    if (live->presence == LIVE_UNKNOWN) {
        out->type = DIFFERENCE_UNKNOWN;
        out->reason = live->error.kind != ERROR_NONE ? live->error.text : "not read";
    } else if (live->presence == LIVE_ABSENT) {
        out->type = DIFFERENCE_NONE;
    } else if (stray->protected_by) {
        out->type = DIFFERENCE_NONE;
        out->reason = arena_text(arena, "left git, and stays: %s", stray->protected_by);
    } else if (live->health == HEALTH_TERMINATING || text_equal(live->status, "DELETING")) {
        out->type = DIFFERENCE_WAIT;
        out->reason = "being deleted";
    } else if (live->update_id) {
        out->waits = arena_text(arena, "update %s in progress", live->update_id);
    }
}

void diff_build(const struct graph *graph, const struct world_state *world, struct arena *arena, struct differences *out) {
    struct differences differences = {.count = graph->count + world->stray_count};
    differences.items = ARENA_ARRAY(arena, struct difference, differences.count);
    for (size_t i = 0; i < graph->count; i++) {
        static const struct live unread = {.presence = LIVE_UNKNOWN};
        const struct live *live = i < world->count ? &world->lives[i] : &unread;
        diff_resource(graph, world, graph->resources[i], live, arena, &differences.items[i]);
        if (differences.items[i].type == DIFFERENCE_NONE)
            differences.unchanged_count++;
    }
    for (size_t i = 0; i < world->stray_count; i++)
        diff_stray(&world->strays[i], arena, &differences.items[graph->count + i]);
    *out = differences;
}
