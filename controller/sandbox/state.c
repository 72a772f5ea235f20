#include "sandbox/core.h"

#include "base/text.h"

enum { COMPACT_LEAST_BYTES = 1 << 20 };

void state_compact(struct sandbox *sandbox) {
    struct world *world = &sandbox->world;
    if (arena_used_bytes(world->arena) < sandbox->compact_at_bytes)
        return;
    struct arena *fresh = arena_new();
    world->state = value_copy(fresh, &world->state);
    arena_free(world->arena);
    world->arena = fresh;
    sandbox->compact_at_bytes = arena_used_bytes(fresh) * 4 + COMPACT_LEAST_BYTES;
}

static bool fault_check(const struct value *row, size_t index, struct error *err) {
    enum fault fault = FAULT_NONE;
    const struct value *exchange = value_find(row, "exchange");
    const struct value *name = value_find(row, "fault");
    if (!value_is(row, VALUE_MAP))
        return error_set_at(err, ERROR_INVALID, value_place(row, "sandbox state"), "faults[%zu]: want a map with exchange and fault",
                            index);
    if (value_integer(exchange, 0) < 1)
        return error_set_at(err, ERROR_INVALID, value_place(exchange == NULL ? row : exchange, "sandbox state"),
                            "faults[%zu].exchange: want the number of an exchange, from 1", index);
    if (!fault_parse(value_text(name), &fault))
        return error_set_at(err, ERROR_INVALID, value_place(name == NULL ? row : name, "sandbox state"),
                            "faults[%zu].fault: want reset, reset-after, timeout, 500, 503, throttle, truncate, kill or kill-after", index);
    return true;
}

static bool state_check(const struct value *state, struct error *err) {
    static const struct {
        const char *name;
        enum value_type type;
    } members[] = {{"now", VALUE_INTEGER}, {"counter", VALUE_INTEGER}, {"aws", VALUE_MAP},        {"clusters", VALUE_MAP},
                   {"faults", VALUE_LIST}, {"deployments", VALUE_MAP}, {"nodegroups", VALUE_MAP}, {"keys", VALUE_MAP},
                   {"updates", VALUE_MAP}, {"quotas", VALUE_MAP}};
    if (!value_is(state, VALUE_MAP))
        return error_set_at(err, ERROR_INVALID, value_place(state, "sandbox state"), "want a map");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const struct value *member = value_find(state, members[i].name);
        if (member != NULL && !value_is(member, members[i].type))
            return error_set_at(err, ERROR_INVALID, value_place(member, "sandbox state"), "%s: want %s, have %s", members[i].name,
                                value_type_name(members[i].type), value_type_name((enum value_type)member->type));
    }
    const int64_t now_most_ms = INT64_C(253402300799000); /* the year 9999: what the timestamps can say */
    const struct value *now = value_find(state, "now");
    if (now != NULL && (now->integer < 0 || now->integer > now_most_ms))
        return error_set_at(err, ERROR_INVALID, value_place(now, "sandbox state"),
                            "now: want milliseconds since 1970, before the year 10000");
    const struct value *counter = value_find(state, "counter");
    if (counter != NULL && counter->integer < 0)
        return error_set_at(err, ERROR_INVALID, value_place(counter, "sandbox state"), "counter: want no negative number");
    const struct value *faults = value_find(state, "faults");
    for (size_t i = 0; i < value_count(faults); i++)
        if (!fault_check(&faults->list.items[i], i, err))
            return false;
    return true;
}

bool sandbox_load(struct sandbox *sandbox, const struct value *state, struct error *err) {
    if (!state_check(state, err))
        return false;
    struct world *world = &sandbox->world;
    struct arena *fresh = arena_new();
    world->state = value_copy(fresh, state);
    arena_free(world->arena);
    world->arena = fresh;
    sandbox->compact_at_bytes = arena_used_bytes(fresh) * 4 + COMPACT_LEAST_BYTES;
    world->aws_next_ms = 0;
    world->counter = (uint64_t)value_integer(value_find(state, "counter"), 0);
    clock_begin(sandbox, value_integer(value_find(state, "now"), world->now_ms));
    return true;
}

struct value sandbox_save(struct sandbox *sandbox, struct arena *arena) {
    struct value state = value_copy(arena, &sandbox->world.state);
    value_set(arena, &state, "now", value_of_integer(sandbox->world.now_ms));
    value_set(arena, &state, "counter", value_of_integer((int64_t)sandbox->world.counter));
    return state;
}
