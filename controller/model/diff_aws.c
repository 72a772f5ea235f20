/* model/diff_aws.c: an AWS resource against its live object, as the rows of its kind say. */
#include "base/json.h"
#include "model/differ.h"

struct compare {
    const struct resource *resource;
    const struct kind *row;
    const struct value *desired, *live;
    const char *unresolved;
    struct arena *arena;
    struct difference *out;
};

static const struct value *live_of(void *context, const struct resource *resource) {
    const struct world_state *world = context;
    if (resource->index >= world->count || world->lives[resource->index].presence != LIVE_PRESENT)
        return NULL;
    return &world->lives[resource->index].object;
}

static bool is_empty(const struct value *value) {
    if (!value || value_is(value, VALUE_NULL))
        return true;
    if (value_is(value, VALUE_TEXT))
        return value->text.length == 0;
    return (value_is(value, VALUE_LIST) || value_is(value, VALUE_MAP)) && value_count(value) == 0;
}

static bool has_reference(const struct value *value) {
    if (graph_is_reference(value))
        return true;
    for (size_t i = 0; value_is(value, VALUE_LIST) && i < value->list.count; i++) {
        if (has_reference(&value->list.items[i]))
            return true;
    }
    for (size_t i = 0; value_is(value, VALUE_MAP) && i < value->map.count; i++) {
        if (has_reference(&value->map.members[i].value))
            return true;
    }
    return false;
}

/* Members that the API fills in beside the declared ones are not ours. Query services answer numbers and booleans as texts. */
static bool contains(struct arena *arena, const struct value *live, const struct value *desired) {
    if (is_empty(live) && is_empty(desired))
        return true;
    if (value_is(desired, VALUE_MAP)) {
        if (!value_is(live, VALUE_MAP))
            return false;
        for (size_t i = 0; i < desired->map.count; i++) {
            if (!contains(arena, value_find(live, desired->map.members[i].key), &desired->map.members[i].value))
                return false;
        }
        return true;
    }
    if (value_is(desired, VALUE_LIST)) {
        if (!value_is(live, VALUE_LIST) || live->list.count != desired->list.count)
            return false;
        for (size_t i = 0; i < desired->list.count; i++) {
            if (!contains(arena, &live->list.items[i], &desired->list.items[i]))
                return false;
        }
        return true;
    }
    if (value_equal(live, desired))
        return true;
    const char *one = diff_scalar_text(arena, live);
    return one && text_equal(one, diff_scalar_text(arena, desired));
}

static bool set_equal(struct arena *arena, const struct value *live, const struct value *desired) {
    if (!value_is(live, VALUE_LIST) || !value_is(desired, VALUE_LIST) || live->list.count != desired->list.count)
        return is_empty(live) && is_empty(desired);
    bool *used = ARENA_ARRAY(arena, bool, live->list.count);
    for (size_t i = 0; i < desired->list.count; i++) {
        size_t found = live->list.count;
        for (size_t j = 0; j < live->list.count && found == live->list.count; j++) {
            if (!used[j] && contains(arena, &live->list.items[j], &desired->list.items[i]))
                found = j;
        }
        if (found == live->list.count)
            return false;
        used[found] = true;
    }
    return true;
}

static const struct value *live_at(const struct value *live, const struct field *field) {
    return value_at(live, field->live ? field->live : field->path);
}

/* A list of {types, enabled} means the set of types that are on. */
static bool switch_is_on(const struct value *list, const char *type) {
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++) {
        const struct value *item = &list->list.items[i];
        const struct value *types = value_find(item, "types");
        for (size_t j = 0; value_is(types, VALUE_LIST) && j < types->list.count; j++) {
            if (text_equal(value_text(&types->list.items[j]), type) && value_boolean(value_find(item, "enabled"), false))
                return true;
        }
    }
    return false;
}

static bool switches_within(const struct value *some, const struct value *other) {
    for (size_t i = 0; value_is(some, VALUE_LIST) && i < some->list.count; i++) {
        const struct value *types = value_find(&some->list.items[i], "types");
        for (size_t j = 0; value_is(types, VALUE_LIST) && j < types->list.count; j++) {
            const char *type = value_text(&types->list.items[j]);
            if (switch_is_on(some, type) != switch_is_on(other, type))
                return false;
        }
    }
    return true;
}

static bool field_equal(const struct compare *compare, const struct field *field, const struct value *live, const struct value *desired) {
    if (is_empty(live) && is_empty(desired))
        return true;
    if (field->type == TYPE_DOCUMENT)
        return document_equal(compare->arena, live, desired);
    if (field->switches)
        return switches_within(live, desired) && switches_within(desired, live);
    struct value initial;
    struct error err = {0};
    if (is_empty(live) && field->initial &&
        json_parse(compare->arena, field->path, field->initial, strlen(field->initial), &initial, &err) &&
        contains(compare->arena, &initial, desired))
        return true;
    if (field->unordered && value_is(desired, VALUE_LIST))
        return set_equal(compare->arena, live, desired);
    return contains(compare->arena, live, desired);
}

/* "dedicated,NO_SCHEDULE": the members of the item that name it. */
static const char *item_name(struct arena *arena, const struct field *field, const struct value *item) {
    if (!field->item_key)
        return diff_scalar_text(arena, item);
    TEXT_AUTO name;
    text_init(&name, 4096);
    for (const char *at = field->item_key; *at;) {
        size_t length = strcspn(at, ",");
        const char *member = arena_copy(arena, at, length);
        const char *text = diff_scalar_text(arena, value_find(item, member));
        text_add(&name, "%s%s", name.length ? "," : "", text ? text : "");
        at += length + (at[length] == ',');
    }
    return text_copy(&name, arena);
}

static const struct value *item_find(struct arena *arena, const struct field *field, const struct value *list, const char *name) {
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++) {
        if (text_equal(item_name(arena, field, &list->list.items[i]), name))
            return &list->list.items[i];
    }
    return NULL;
}

static struct change *add_item(struct compare *compare, const struct field *field, const char *item, const struct value *before,
                               const struct value *after) {
    struct change *change = diff_add(compare->out, compare->arena, arena_text(compare->arena, "%s[%s]", field->path, item));
    change->field = field;
    change->item = item;
    change->before = before;
    change->after = after;
    change->sensitive = field->sensitive;
    if (has_reference(after))
        change->unresolved = compare->unresolved;
    return change;
}

static void compare_items(struct compare *compare, const struct field *field, const struct value *live, const struct value *desired) {
    struct arena *arena = compare->arena;
    for (size_t i = 0; value_is(live, VALUE_LIST) && i < live->list.count; i++) {
        const char *name = item_name(arena, field, &live->list.items[i]);
        if (name && !item_find(arena, field, desired, name))
            add_item(compare, field, name, &live->list.items[i], NULL);
    }
    for (size_t i = 0; value_is(desired, VALUE_LIST) && i < desired->list.count; i++) {
        const struct value *item = &desired->list.items[i];
        const char *name = has_reference(item) ? compare->unresolved : item_name(arena, field, item);
        if (!name)
            continue;
        const struct value *before = has_reference(item) ? NULL : item_find(arena, field, live, name);
        if (!before || !contains(arena, before, item))
            add_item(compare, field, name, before, item);
    }
}

/* Keys that AWS and its tools put on what is ours; "aws:" is reserved by AWS. */
static bool is_foreign_key(const char *key) {
    static const char *const prefixes[] = {"aws:", "eks:", "kubernetes.io/", "alpha.eksctl.io/", "eksctl.cluster.k8s.io/", "eksact.dev/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (text_starts(key, prefixes[i]))
            return true;
    }
    return false;
}

/* Git speaks about the map as a whole as soon as it names a key of its own; our marks alone are not that. */
static bool owns_map(const struct value *desired) {
    for (size_t i = 0; i < value_count(desired); i++) {
        if (!text_starts(desired->map.members[i].key, "eksact.dev/"))
            return true;
    }
    return value_count(desired) == 0;
}

static void compare_map(struct compare *compare, const struct field *field, const struct value *live, const struct value *desired) {
    if (!value_is(desired, VALUE_MAP))
        return;
    bool documents = field->type == TYPE_DOCUMENT_MAP;
    for (size_t i = 0; i < desired->map.count; i++) {
        const char *key = desired->map.members[i].key;
        const struct value *after = &desired->map.members[i].value;
        const struct value *before = value_find(live, key);
        bool same = before && (documents ? document_equal(compare->arena, before, after) : contains(compare->arena, before, after));
        if (!same)
            add_item(compare, field, key, before, after);
    }
    for (size_t i = 0; owns_map(desired) && value_is(live, VALUE_MAP) && i < live->map.count; i++) {
        const char *key = live->map.members[i].key;
        if (!value_find(desired, key) && !is_foreign_key(key))
            add_item(compare, field, key, &live->map.members[i].value, NULL);
    }
}

static const struct value *bound_of(const struct compare *compare, const char *path, size_t length) {
    const char *bound = arena_copy(compare->arena, path, length);
    const struct value *desired = value_at(compare->desired, bound);
    return desired ? desired : value_at(compare->live, bound);
}

/* An autoscaler's number that lies outside of the bounds would make the API refuse them (hashicorp/terraform-provider-aws#18310), so it
 * moves in the same call. */
static void compare_unowned(struct compare *compare, const struct field *field, const struct value *live, const struct value *desired) {
    struct value *moved = NULL;
    size_t least_length = field->clamp ? strcspn(field->clamp, ",") : 0;
    if (field->clamp && live && field->clamp[least_length] == ',') {
        const char *most_path = field->clamp + least_length + 1;
        const struct value *least = bound_of(compare, field->clamp, least_length);
        const struct value *most = bound_of(compare, most_path, strlen(most_path));
        int64_t now = value_integer(live, 0);
        int64_t wanted = now;
        if (least && wanted < value_integer(least, wanted))
            wanted = value_integer(least, wanted);
        if (most && wanted > value_integer(most, wanted))
            wanted = value_integer(most, wanted);
        if (wanted != now) {
            moved = ARENA_NEW(compare->arena, struct value);
            *moved = value_of_integer(wanted);
        }
    }
    if (!moved && field_equal(compare, field, live, desired))
        return;
    struct change *change = diff_add(compare->out, compare->arena, field->path);
    change->field = field;
    change->before = live;
    change->after = moved ? moved : live;
    change->informs = !moved;
    change->note = moved ? "moved into the new bounds" : "left to the autoscaler";
}

static bool has_member_rows(const struct kind *row, const struct field *field) {
    size_t length = strlen(field->path);
    for (const struct field *other = row->fields; other->path; other++) {
        if (strncmp(other->path, field->path, length) == 0 && other->path[length] == '.')
            return true;
    }
    return false;
}

static bool is_compared(const struct kind *row, const struct field *field) {
    static const bool skipped[] = {
        [CHANGE_REQUEST] = true, [CHANGE_HIDDEN] = true, [CHANGE_OBSERVED] = true, [CHANGE_LOCAL] = true, [CHANGE_MEMBERS] = true};
    bool known = (size_t)field->change < sizeof skipped / sizeof *skipped;
    return known && !skipped[field->change] && !field->name && !strstr(field->path, "[]") &&
           !(field->type == TYPE_OBJECT && has_member_rows(row, field));
}

static void compare_whole(struct compare *compare, const struct field *field, const struct value *live, const struct value *desired) {
    if (field_equal(compare, field, live, desired))
        return;
    struct change *change = diff_add(compare->out, compare->arena, field->path);
    change->field = field;
    change->before = is_empty(live) ? NULL : live;
    change->after = desired;
    change->sensitive = field->sensitive;
    bool is_set = change->before && !(value_is(live, VALUE_BOOLEAN) && !live->boolean);
    change->replaces =
        field->change == CHANGE_REPLACE || ((field->change == CHANGE_ADD_ONCE || field->change == CHANGE_SET_ONCE) && is_set);
    if (has_reference(desired)) {
        /* What it refers to does not exist yet: the next pass compares. */
        change->unresolved = compare->unresolved;
        change->informs = true;
        change->replaces = false;
    }
}

static void compare_field(struct compare *compare, const struct field *field) {
    const struct value *desired = value_at(compare->desired, field->path);
    const struct value *live = live_at(compare->live, field);
    if (diff_path_in(field->path, compare->resource->ignores))
        return;
    if (field->unowned && !diff_path_in(field->path, compare->resource->owns)) {
        if (desired || field->clamp)
            compare_unowned(compare, field, live, desired ? desired : live);
        return;
    }
    if (!desired)
        return;
    value_set(compare->arena, &compare->out->observed, field->path, live ? *live : value_null());
    bool by_item = field->encode != ENCODE_WHOLE && field->change != CHANGE_REPLACE && !has_reference(desired);
    if (field->type == TYPE_TEXT_MAP || field->type == TYPE_DOCUMENT_MAP) {
        if (field->encode == ENCODE_WHOLE)
            compare_whole(compare, field, live, desired);
        else
            compare_map(compare, field, live, desired);
    } else if ((field->type == TYPE_TEXT_LIST || field->type == TYPE_OBJECT_LIST) && (by_item || field->encode == ENCODE_EACH)) {
        compare_items(compare, field, live, desired);
    } else {
        compare_whole(compare, field, live, desired);
    }
}

static void list_created(struct compare *compare) {
    for (const struct field *field = compare->row->fields; field->path; field++) {
        const struct value *desired = value_at(compare->desired, field->path);
        bool container = field->type == TYPE_OBJECT && has_member_rows(compare->row, field);
        if (!desired || container || field->name || strstr(field->path, "[]") || field->change == CHANGE_LOCAL)
            continue;
        struct change *change = diff_add(compare->out, compare->arena, field->path);
        change->field = field;
        change->after = desired;
        change->sensitive = field->sensitive;
        if (has_reference(desired))
            change->unresolved = compare->unresolved;
    }
}

/* "NodeCreationFailure: Instances failed to join the kubernetes cluster" — EKS keeps these under health.issues. */
static const char *issue_texts(const struct live *live, struct arena *arena) {
    const struct value *issues = value_at(&live->object, "health.issues");
    TEXT_AUTO all;
    text_init(&all, 2048);
    for (size_t i = 0; value_is(issues, VALUE_LIST) && i < issues->list.count && i < 4; i++) {
        const char *code = value_text_at(&issues->list.items[i], "code");
        const char *message = value_text_at(&issues->list.items[i], "message");
        text_add(&all, "%s%s: %s", all.length ? "; " : "", code ? code : "issue", message ? message : "no message");
    }
    return all.length ? text_copy(&all, arena) : "AWS gives no reason";
}

static bool is_dead(const char *status) {
    return text_equal(status, "CREATE_FAILED") || text_equal(status, "DELETE_FAILED") || text_equal(status, "FAILED");
}

static const char *last_update_error(const struct live *live, struct arena *arena) {
    if (!value_is(&live->update_errors, VALUE_LIST) || live->update_errors.list.count == 0)
        return NULL;
    const struct value *first = &live->update_errors.list.items[0];
    const char *code = value_text_at(first, "errorCode");
    const char *message = value_text_at(first, "errorMessage");
    return arena_text(arena, "the last update failed: %s: %s", code ? code : "unknown", message ? message : "no message");
}

static const char *under_way(const struct kind *row, const struct live *live, struct arena *arena) {
    bool moving = row->status && schema_status_in(live->status, row->moving);
    if (live->update_id)
        return arena_text(arena, "%s%supdate %s%s%s in progress", moving ? live->status : "", moving ? ", " : "", live->update_id,
                          live->update_type ? " " : "", live->update_type ? live->update_type : "");
    return moving ? live->status : NULL;
}

static const char *first_replacing(const struct difference *difference) {
    for (size_t i = 0; i < difference->change_count; i++) {
        if (difference->changes[i].replaces)
            return difference->changes[i].path;
    }
    return NULL;
}

static int minor_of(const char *version, int64_t *out_major) {
    char *end = NULL;
    long major = version ? strtol(version, &end, 10) : 0;
    if (!version || end == version || *end != '.')
        return -1;
    const char *at = end + 1;
    long minor = strtol(at, &end, 10);
    *out_major = major;
    return end == at || minor < 0 || minor > 10000 ? -1 : (int)minor;
}

/* EKS: a control plane goes back one minor at most, nodes never (docs: rollback-cluster; UpdateNodegroupVersion). */
static const char *refused_downgrade(const struct compare *compare) {
    const char *live = value_text_at(compare->live, "version");
    const char *desired = value_text_at(compare->desired, "version");
    int64_t live_major = 0;
    int64_t desired_major = 0;
    int from = minor_of(live, &live_major);
    int to = minor_of(desired, &desired_major);
    int least = compare->row->serves_kubernetes ? from - 1 : from;
    if ((!compare->row->serves_kubernetes && !compare->row->runs_pods) || from < 0 || to < 0 || live_major != desired_major || to >= least)
        return NULL;
    return arena_text(compare->arena, "version %s is older than %s, and EKS does not go back that far: declare %s, or a new %s", desired,
                      live, live, compare->row->name);
}

static void decide(struct compare *compare, const struct live *live) {
    struct difference *out = compare->out;
    struct arena *arena = compare->arena;
    const char *moving = under_way(compare->row, live, arena);
    const char *replacing = first_replacing(out);
    if (compare->row->status && is_dead(live->status) && !moving) {
        out->type = DIFFERENCE_REFUSED;
        out->reason =
            arena_text(arena, "%s: %s. Mend the cause, delete it, and it is created again", live->status, issue_texts(live, arena));
    } else if (refused_downgrade(compare)) {
        out->type = DIFFERENCE_REFUSED;
        out->reason = refused_downgrade(compare);
    } else if (!live->ours && replacing) {
        out->type = DIFFERENCE_REFUSED;
        out->reason =
            arena_text(arena, "exists and is not ours; cannot be adopted, because %s differs and cannot change in place", replacing);
    } else if (!live->ours) {
        out->type = DIFFERENCE_ADOPT;
        out->waits = moving;
    } else if (replacing) {
        out->type = DIFFERENCE_REPLACE;
        out->waits = moving;
        out->reason = arena_text(arena, "%s cannot change in place", replacing);
    } else if (diff_writes(out)) {
        out->type = DIFFERENCE_CHANGE;
        out->waits = moving;
        out->reason = last_update_error(live, arena);
    } else if (moving) {
        out->type = DIFFERENCE_WAIT;
        out->reason = moving;
    } else if (compare->row->status && schema_status_in(live->status, compare->row->failed)) {
        out->type = DIFFERENCE_WAIT;
        out->reason = arena_text(arena, "%s: %s", live->status, issue_texts(live, arena));
    } else if (compare->unresolved && out->change_count) {
        out->type = DIFFERENCE_WAIT;
        out->reason = arena_text(arena, "known after %s", compare->unresolved);
    }
}

void diff_aws(const struct graph *graph, const struct world_state *world, const struct resource *resource, const struct live *live,
              struct arena *arena, struct difference *out) {
    struct graph_lookup lookup = {.live = live_of, .context = (void *)(uintptr_t)world};
    out->desired = graph_resolve(graph, resource, &resource->desired, &lookup, arena, &out->unresolved);
    struct compare compare = {.resource = resource,
                              .row = resource->row,
                              .desired = &out->desired,
                              .live = &live->object,
                              .unresolved = out->unresolved,
                              .arena = arena,
                              .out = out};
    out->observed = value_of_map();
    if (live->presence == LIVE_ABSENT) {
        out->type = DIFFERENCE_CREATE;
        list_created(&compare);
        return;
    }
    for (const struct field *field = resource->row->fields; field->path; field++) {
        if (is_compared(resource->row, field))
            compare_field(&compare, field);
    }
    decide(&compare, live);
}
