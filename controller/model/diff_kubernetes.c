/* model/diff_kubernetes.c: a Kubernetes object against its live one. The API server's own answer to a dry run is what would be; where none
 * was needed, the declared fields are. */
#include "base/json.h"
#include "model/differ.h"

/* One step of a path inside an object: a member, or the item of a list that has these keys. */
struct segment {
    const char *member;       /* NULL: an item */
    const struct value *item; /* of the live list, else of the wanted one */
};

#define DEPTH_LIMIT 110

struct walk {
    struct arena *arena;
    struct difference *out; /* NULL: only whether there is any difference */
    const struct resource *resource;
    const struct value *managed; /* live managedFields, or NULL */
    bool partial;                /* what is wanted names only some fields: others are not compared */
    bool secret;                 /* a Secret */
    bool differs;
    size_t depth;
    struct segment segments[DEPTH_LIMIT];
};

static void walk_value(struct walk *walk, const struct value *live, const struct value *wanted, const char *path);

/* Which members name an item, by what the Kubernetes API declares as x-kubernetes-list-map-keys; the first set whose members all items
 * have, and no two alike, is used. */
static const char *const item_keys[][3] = {{"name"},
                                           {"containerPort", "protocol"},
                                           {"port", "protocol"},
                                           {"containerPort"},
                                           {"port"},
                                           {"mountPath"},
                                           {"devicePath"},
                                           {"topologyKey", "whenUnsatisfiable"},
                                           {"ip"},
                                           {"uid"},
                                           {"key"},
                                           {"type"},
                                           {"path"}};

static const char *item_name(struct arena *arena, const struct value *item, const char *const *keys) {
    if (!value_is(item, VALUE_MAP))
        return NULL;
    const char *name = NULL;
    for (size_t i = 0; i < 3 && keys[i]; i++) {
        const char *text = diff_scalar_text(arena, value_find(item, keys[i]));
        if (!text)
            return NULL;
        name = name ? arena_text(arena, "%s/%s", name, text) : text;
    }
    return name;
}

/* Names beside the items; NULL when some have none, or two are alike. */
static const char **list_names(struct arena *arena, const struct value *list, const char *const *keys) {
    size_t count = value_count(list);
    const char **names = ARENA_ARRAY(arena, const char *, count);
    for (size_t i = 0; i < count; i++) {
        names[i] = item_name(arena, &list->list.items[i], keys);
        for (size_t j = 0; names[i] && j < i; j++) {
            if (text_equal(names[i], names[j]))
                return NULL;
        }
        if (!names[i])
            return NULL;
    }
    return names;
}

static bool is_quantity_place(const char *path) {
    static const char *const places[] = {".limits.",   ".requests.",       ".hard.", ".capacity.",
                                         ".sizeLimit", ".defaultRequest.", ".max.",  ".min."};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strstr(path, places[i]))
            return true;
    }
    return false;
}

/* Field managers: https://kubernetes.io/docs/reference/using-api/server-side-apply. Follows the walk's segments through an entry's
 * fieldsV1. */
static const struct value *follow(const struct walk *walk, const struct value *node) {
    for (size_t i = 0; node && i < walk->depth; i++) {
        const struct segment *segment = &walk->segments[i];
        if (value_count(node) == 0)
            return node; /* an atomic part is owned whole */
        if (segment->member) {
            node = value_find(node, arena_text(walk->arena, "f:%s", segment->member));
            continue;
        }
        const struct value *found = NULL;
        for (size_t j = 0; j < value_count(node) && !found; j++) {
            const char *key = node->map.members[j].key;
            struct value keys;
            struct error err = {0};
            if (!text_starts(key, "k:") || !json_parse(walk->arena, "key", key + 2, strlen(key + 2), &keys, &err))
                continue;
            bool fits = true;
            for (size_t k = 0; fits && k < value_count(&keys); k++)
                fits = value_equal(value_find(segment->item, keys.map.members[k].key), &keys.map.members[k].value);
            if (fits)
                found = &node->map.members[j].value;
        }
        node = found;
    }
    return node;
}

static const char *taken_note(struct walk *walk) {
    const char *other = NULL;
    for (size_t i = 0; value_is(walk->managed, VALUE_LIST) && i < walk->managed->list.count; i++) {
        const struct value *entry = &walk->managed->list.items[i];
        const char *manager = value_text_at(entry, "manager");
        if (!manager || !follow(walk, value_find(entry, "fieldsV1")))
            continue;
        if (text_equal(manager, FIELD_MANAGER))
            return NULL;
        other = manager;
    }
    return other ? arena_text(walk->arena, "taken from %s", other) : NULL;
}

/* Whatever a Secret has beside its name and type is secret, also where its name is misspelt or its type is wrong. */
static bool holds_secret(const char *path) {
    static const char *const open[] = {"apiVersion", "kind", "metadata", "type", "immutable", NULL};
    char first[32];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(path, ".["), path);
    return !text_in(first, open);
}

static void report(struct walk *walk, const struct value *live, const struct value *wanted, const char *path) {
    walk->differs = true;
    if (!walk->out)
        return;
    const char *shown = text_starts(path, "spec.template.spec.") ? path + strlen("spec.template.spec.")
                        : text_starts(path, "spec.")             ? path + strlen("spec.")
                                                                 : path;
    if (diff_path_in(path, walk->resource->ignores) || diff_path_in(shown, walk->resource->ignores))
        return;
    struct change *change = diff_add(walk->out, walk->arena, shown);
    change->before = live;
    change->after = wanted;
    change->sensitive = walk->secret && holds_secret(path);
    if (live)
        change->note = taken_note(walk);
}

static bool push(struct walk *walk, const char *member, const struct value *item) {
    if (walk->depth == DEPTH_LIMIT)
        return false;
    walk->segments[walk->depth++] = (struct segment){.member = member, .item = item};
    return true;
}

static const char *member_path(struct walk *walk, const char *path, const char *key) {
    if (strpbrk(key, "./[ "))
        return arena_text(walk->arena, "%s[%s]", path, key);
    return *path ? arena_text(walk->arena, "%s.%s", path, key) : key;
}

static bool is_noise(const char *path, const char *key) {
    static const char *const metadata[] = {"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink", NULL};
    static const char *const annotations[] = {ANNOTATION_APPLIED, "kubectl.kubernetes.io/last-applied-configuration",
                                              "deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation", NULL};
    if (*path == 0)
        return text_equal(key, "status") || text_equal(key, "apiVersion") || text_equal(key, "kind");
    if (text_equal(path, "metadata"))
        return text_in(key, metadata);
    if (text_equal(path, "metadata.annotations"))
        return text_in(key, annotations);
    return text_equal(path, "metadata.labels") && text_equal(key, LABEL_PART_OF);
}

static void walk_member(struct walk *walk, const struct value *live, const struct value *wanted, const char *path, const char *key) {
    if (is_noise(path, key) || !push(walk, key, NULL))
        return;
    walk_value(walk, live, wanted, member_path(walk, path, key));
    walk->depth--;
}

static void walk_map(struct walk *walk, const struct value *live, const struct value *wanted, const char *path) {
    for (size_t i = 0; i < wanted->map.count; i++) {
        const char *key = wanted->map.members[i].key;
        walk_member(walk, value_find(live, key), &wanted->map.members[i].value, path, key);
    }
    for (size_t i = 0; !walk->partial && i < live->map.count; i++) {
        const char *key = live->map.members[i].key;
        if (!value_find(wanted, key))
            walk_member(walk, &live->map.members[i].value, NULL, path, key);
    }
}

static void walk_item(struct walk *walk, const struct value *live, const struct value *wanted, const char *path, const char *name) {
    if (!push(walk, NULL, live ? live : wanted))
        return;
    walk_value(walk, live, wanted, arena_text(walk->arena, "%s[%s]", path, name));
    walk->depth--;
}

static size_t name_at(const char *const *names, size_t count, const char *name) {
    size_t at = 0;
    while (at < count && !text_equal(names[at], name))
        at++;
    return at;
}

static bool same_order(const char *const *one, size_t one_count, const char *const *other, size_t other_count) {
    size_t at = 0;
    for (size_t i = 0; i < one_count; i++) {
        size_t found = name_at(other, other_count, one[i]);
        if (found == other_count)
            continue;
        if (found < at)
            return false;
        at = found;
    }
    return true;
}

static void walk_named(struct walk *walk, const struct value *live, const char *const *live_names, const struct value *wanted,
                       const char *const *wanted_names, const char *path) {
    bool differed = walk->differs;
    walk->differs = false;
    for (size_t i = 0; i < live->list.count; i++) {
        if (!walk->partial && name_at(wanted_names, wanted->list.count, live_names[i]) == wanted->list.count)
            walk_item(walk, &live->list.items[i], NULL, path, live_names[i]);
    }
    for (size_t i = 0; i < wanted->list.count; i++) {
        size_t at = name_at(live_names, live->list.count, wanted_names[i]);
        walk_item(walk, at < live->list.count ? &live->list.items[at] : NULL, &wanted->list.items[i], path, wanted_names[i]);
    }
    if (!walk->differs && !walk->partial && !same_order(live_names, live->list.count, wanted_names, wanted->list.count))
        report(walk, live, wanted, path);
    walk->differs = walk->differs || differed;
}

static void walk_list(struct walk *walk, const struct value *live, const struct value *wanted, const char *path) {
    for (size_t i = 0; i < sizeof item_keys / sizeof *item_keys && wanted->list.count + live->list.count > 0; i++) {
        const char **live_names = list_names(walk->arena, live, item_keys[i]);
        const char **wanted_names = live_names ? list_names(walk->arena, wanted, item_keys[i]) : NULL;
        if (!wanted_names)
            continue;
        walk_named(walk, live, live_names, wanted, wanted_names, path);
        return;
    }
    bool maps = live->list.count == wanted->list.count && live->list.count > 0 && value_is(&live->list.items[0], VALUE_MAP);
    for (size_t i = 0; maps && i < live->list.count; i++)
        walk_item(walk, &live->list.items[i], &wanted->list.items[i], path, arena_text(walk->arena, "%zu", i));
    if (!maps && !value_equal(live, wanted))
        report(walk, live, wanted, path);
}

static bool is_empty(const struct value *value) {
    return !value || value_is(value, VALUE_NULL) ||
           ((value_is(value, VALUE_MAP) || value_is(value, VALUE_LIST)) && value_count(value) == 0);
}

static void walk_value(struct walk *walk, const struct value *live, const struct value *wanted, const char *path) {
    if (!walk->out && walk->differs)
        return;
    if (is_empty(live) && is_empty(wanted))
        return;
    static const struct value nothing = {.type = VALUE_MAP};
    bool whole_metadata = text_starts(path, "metadata");
    if (value_is(live, VALUE_MAP) && value_is(wanted, VALUE_MAP))
        walk_map(walk, live, wanted, path);
    else if (whole_metadata && value_is(wanted, VALUE_MAP) && !live)
        walk_map(walk, &nothing, wanted, path);
    else if (whole_metadata && value_is(live, VALUE_MAP) && !wanted)
        walk_map(walk, live, &nothing, path);
    else if (value_is(live, VALUE_LIST) && value_is(wanted, VALUE_LIST))
        walk_list(walk, live, wanted, path);
    else if (!live || !wanted || !(value_equal(live, wanted) || (is_quantity_place(path) && quantity_equal(live, wanted))))
        report(walk, live, wanted, path);
}

bool objects_equal(const struct value *live, const struct value *answer) {
    ARENA_AUTO *arena = arena_new();
    struct walk *walk = ARENA_NEW(arena, struct walk);
    walk->arena = arena;
    if (!value_is(live, VALUE_MAP) || !value_is(answer, VALUE_MAP))
        return false;
    walk_map(walk, live, answer, "");
    return !walk->differs;
}

static void compare_objects(const struct resource *resource, const struct live *live, const struct value *wanted, bool partial,
                            struct arena *arena, struct difference *out) {
    struct walk *walk = ARENA_NEW(arena, struct walk);
    *walk = (struct walk){.arena = arena,
                          .out = out,
                          .resource = resource,
                          .managed = value_at(&live->object, "metadata.managedFields"),
                          .partial = partial,
                          .secret = text_equal(resource->kind, "Secret")};
    static const struct value nothing = {.type = VALUE_MAP};
    walk_map(walk, value_is(&live->object, VALUE_MAP) ? &live->object : &nothing, wanted, "");
}

static void list_created(const struct resource *resource, struct arena *arena, struct difference *out) {
    static const char *const parts[] = {"apiVersion", "kind", "metadata", NULL};
    for (size_t i = 0; i < value_count(&out->desired); i++) {
        const struct member *member = &out->desired.map.members[i];
        if (text_in(member->key, parts))
            continue;
        bool secret = text_equal(resource->kind, "Secret") && holds_secret(member->key);
        bool split = value_is(&member->value, VALUE_MAP) && (secret || text_equal(member->key, "spec") || text_equal(member->key, "data"));
        for (size_t j = 0; split && j < member->value.map.count; j++) {
            const struct member *inner = &member->value.map.members[j];
            bool spec = text_equal(member->key, "spec");
            struct change *change = diff_add(out, arena, spec ? inner->key : arena_text(arena, "%s[%s]", member->key, inner->key));
            change->after = &inner->value;
            change->sensitive = secret;
        }
        if (split)
            continue;
        struct change *change = diff_add(out, arena, member->key);
        change->after = &member->value;
        change->sensitive = secret;
    }
}

/* What the API server says of a field that only a new object can have. */
static bool says_immutable(const char *text) {
    static const char *const phrases[] = {"field is immutable",
                                          "may not be changed",
                                          "may not change",
                                          "cannot be changed",
                                          "updates to statefulset spec for fields other than",
                                          "is immutable",
                                          "Immutable"};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        if (strstr(text, phrases[i]))
            return true;
    }
    return false;
}

static void decide_refused(const struct resource *resource, const struct live *live, struct arena *arena, struct difference *out) {
    const struct error *refusal = &live->dry_run_error;
    if (live->presence == LIVE_PRESENT && refusal->kind == ERROR_INVALID && says_immutable(refusal->text)) {
        compare_objects(resource, live, &out->desired, true, arena, out);
        for (size_t i = 0; i < out->change_count; i++)
            out->changes[i].replaces = strstr(refusal->text, out->changes[i].path) != NULL;
        out->type = live->ours ? DIFFERENCE_REPLACE : DIFFERENCE_REFUSED;
        out->reason = arena_text(arena, live->ours ? "cannot change in place: %s" : "exists and is not ours, and cannot be adopted: %s",
                                 refusal->text);
        return;
    }
    bool unread = refusal->kind == ERROR_BUSY || refusal->kind == ERROR_BROKEN;
    out->type = unread ? DIFFERENCE_UNKNOWN : DIFFERENCE_REFUSED;
    out->reason = refusal->text;
}

static void decide_health(const struct live *live, struct difference *out) {
    if (live->health == HEALTH_CURRENT || live->health == HEALTH_UNKNOWN)
        return;
    out->type = DIFFERENCE_WAIT;
    out->reason = live->health_reason ? live->health_reason : health_name(live->health);
}

void diff_kubernetes(const struct resource *resource, const struct live *live, struct arena *arena, struct difference *out) {
    if (live->dry_run_error.kind != ERROR_NONE) {
        decide_refused(resource, live, arena, out);
        return;
    }
    if (live->presence == LIVE_ABSENT) {
        out->type = DIFFERENCE_CREATE;
        list_created(resource, arena, out);
        return;
    }
    if (live->unchanged && live->ours) {
        decide_health(live, out);
        return;
    }
    bool answered = value_is(&live->dry_run, VALUE_MAP);
    compare_objects(resource, live, answered ? &live->dry_run : &out->desired, !answered, arena, out);
    out->type = live->ours ? DIFFERENCE_CHANGE : DIFFERENCE_ADOPT;
    if (live->ours && out->change_count == 0 && text_equal(live->applied_hash, resource->applied_hash)) {
        /* All that is declared is there, though another manager holds some of it: taking it back is a write of its own. */
        struct change *change = diff_add(out, arena, "metadata.managedFields");
        change->informs = true;
        change->note = "declared fields that another manager holds are taken back; no value changes";
    } else if (live->ours && out->change_count == 0) {
        struct change *change = diff_add(out, arena, "metadata.annotations[" ANNOTATION_APPLIED "]");
        change->informs = true;
        change->note = "recorded as applied; no value changes";
    }
    if (live->health == HEALTH_TERMINATING)
        out->waits = "being deleted: it is made again when it is gone";
}
