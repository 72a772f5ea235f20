/* model/ledger.c: the small state that outlives a process, as JSON and back. What cannot be read counts as not there. */
#include "model/rate.h"

static const struct value *map_or_empty(const struct value *value) {
    static const struct value empty = {.type = VALUE_MAP};
    return value_is(value, VALUE_MAP) ? value : &empty;
}

static double number_of(const struct value *value) {
    if (value_is(value, VALUE_NUMBER))
        return value->number;
    return (double)value_integer(value, 0);
}

static const char *copy_text(struct arena *arena, const struct value *value) {
    const char *text = value_text(value);
    return text ? arena_text(arena, "%s", text) : NULL;
}

void ledger_parse(const struct value *value, struct arena *arena, struct ledger *out) {
    struct ledger ledger = {0};
    const struct value *deletes = value_find(value, "deletes");
    double tokens = number_of(value_find(deletes, "tokens"));
    ledger.deletes.tokens = tokens > 0 ? tokens : 0;
    ledger.deletes.filled_ms = value_integer(value_find(deletes, "filledMs"), 0);
    ledger.last_disruption_ms = value_integer(value_find(value, "lastDisruptionMs"), 0);
    int64_t failures = value_integer(value_find(value, "failures"), 0);
    ledger.failures = failures < 0 ? 0 : failures > 1000000 ? 1000000U : (unsigned)failures;
    ledger.halted = copy_text(arena, value_find(value, "halted"));
    ledger.plan_digest = copy_text(arena, value_find(value, "planDigest"));
    ledger.applied_commit = copy_text(arena, value_find(value, "appliedCommit"));
    ledger.updates = value_copy(arena, map_or_empty(value_find(value, "updates")));
    ledger.bakes = value_copy(arena, map_or_empty(value_find(value, "bakes")));
    ledger.rolling = value_copy(arena, map_or_empty(value_find(value, "rolling")));
    ledger.epochs = value_copy(arena, map_or_empty(value_find(value, "epochs")));
    *out = ledger;
}

struct value ledger_to_value(const struct ledger *ledger, struct arena *arena) {
    struct value out = value_of_map();
    struct value deletes = value_of_map();
    value_set(arena, &deletes, "tokens", value_of_number(ledger->deletes.tokens));
    value_set(arena, &deletes, "filledMs", value_of_integer(ledger->deletes.filled_ms));
    value_set(arena, &out, "deletes", deletes);
    value_set(arena, &out, "lastDisruptionMs", value_of_integer(ledger->last_disruption_ms));
    value_set(arena, &out, "failures", value_of_integer(ledger->failures));
    if (ledger->halted)
        value_set(arena, &out, "halted", value_of_text(ledger->halted));
    if (ledger->plan_digest)
        value_set(arena, &out, "planDigest", value_of_text(ledger->plan_digest));
    if (ledger->applied_commit)
        value_set(arena, &out, "appliedCommit", value_of_text(ledger->applied_commit));
    value_set(arena, &out, "updates", value_copy(arena, map_or_empty(&ledger->updates)));
    value_set(arena, &out, "bakes", value_copy(arena, map_or_empty(&ledger->bakes)));
    value_set(arena, &out, "rolling", value_copy(arena, map_or_empty(&ledger->rolling)));
    value_set(arena, &out, "epochs", value_copy(arena, map_or_empty(&ledger->epochs)));
    return out;
}
