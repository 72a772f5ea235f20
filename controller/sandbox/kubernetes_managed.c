/* kubernetes_managed.c: who owns which field: metadata.managedFields after a write, and server-side apply (KEP-555).
 *
 * Follows k8s.io/apimachinery pkg/util/managedfields and structured-merge-diff v6, merge/update.go. */
#include "sandbox/kubernetes.h"

#include "base/json.h"

struct owner {
    const char *manager, *operation, *api_version, *subresource;
    const char *time; /* NULL: none */
    struct value set;
};

struct owners {
    struct owner *items;
    size_t count;
};

static const char apply_operation[] = "Apply";
static const char update_operation[] = "Update";
static const char last_applied[] = "kubectl.kubernetes.io/last-applied-configuration";

static struct owners owners_read(struct arena *arena, const struct value *object) {
    const struct value *entries = value_at(object, "metadata.managedFields");
    size_t count = value_is(entries, VALUE_LIST) ? entries->list.count : 0;
    /* Room for one more that this write adds, and for one that stands for before. */
    struct owners owners = {.items = ARENA_ARRAY(arena, struct owner, count + 2)};
    for (size_t i = 0; i < count; i++) {
        const struct value *entry = &entries->list.items[i];
        owners.items[owners.count++] = (struct owner){.manager = value_text_at(entry, "manager"),
                                                      .operation = value_text_at(entry, "operation"),
                                                      .api_version = value_text_at(entry, "apiVersion"),
                                                      .subresource = value_text_at(entry, "subresource"),
                                                      .time = value_text_at(entry, "time"),
                                                      .set = fields_parse(arena, value_find(entry, "fieldsV1"))};
    }
    return owners;
}

static int text_order(const char *one, const char *other) {
    return strcmp(one ? one : "", other ? other : "");
}

/* managedfields/internal/managedfields.go, sortEncodedManagedFields. */
static int owner_order(const void *left, const void *right) {
    const struct owner *one = left;
    const struct owner *other = right;
    int order = text_order(one->operation, other->operation);
    if (order == 0)
        order = text_order(one->time, other->time);
    if (order == 0)
        order = text_order(one->manager, other->manager);
    if (order == 0)
        order = text_order(one->api_version, other->api_version);
    return order != 0 ? order : text_order(one->subresource, other->subresource);
}

static void owners_write(struct arena *arena, struct owners *owners, struct value *object) {
    struct value entries = value_of_list();
    qsort(owners->items, owners->count, sizeof *owners->items, owner_order);
    for (size_t i = 0; i < owners->count; i++) {
        const struct owner *owner = &owners->items[i];
        if (fields_is_empty(&owner->set))
            continue;
        struct value entry = value_of_map();
        (void)value_set(arena, &entry, "manager", value_of_text(owner->manager ? owner->manager : ""));
        (void)value_set(arena, &entry, "operation", value_of_text(owner->operation));
        (void)value_set(arena, &entry, "apiVersion", value_of_text(owner->api_version));
        if (owner->time)
            (void)value_set(arena, &entry, "time", value_of_text(owner->time));
        (void)value_set(arena, &entry, "fieldsType", value_of_text("FieldsV1"));
        (void)value_set(arena, &entry, "fieldsV1", fields_render(arena, &owner->set));
        if (!text_is_empty(owner->subresource))
            (void)value_set(arena, &entry, "subresource", value_of_text(owner->subresource));
        (void)value_append(arena, &entries, entry);
    }
    if (value_count(&entries) > 0) {
        (void)value_set_at(arena, object, "metadata.managedFields", entries);
        return;
    }
    struct value *metadata = value_find_mutable(object, "metadata");
    if (metadata)
        (void)value_remove(metadata, "managedFields");
}

/* managedfields/internal/stripmeta.go: what no manager owns. */
static struct value strip_identity(struct arena *arena, const struct value *set) {
    static const char *const names[] = {"f:name",       "f:namespace",     "f:creationTimestamp", "f:selfLink", "f:uid", "f:clusterName",
                                        "f:generation", "f:managedFields", "f:resourceVersion",   ".",          NULL};
    struct value member = value_of_map();
    (void)value_set(arena, &member, ".", value_of_map());
    struct value metadata = value_of_map();
    for (size_t i = 0; names[i]; i++)
        (void)value_set(arena, &metadata, names[i], text_equal(names[i], ".") ? value_of_map() : member);
    struct value strip = value_of_map();
    (void)value_set(arena, &strip, "f:apiVersion", member);
    (void)value_set(arena, &strip, "f:kind", member);
    (void)value_set(arena, &strip, "f:metadata", metadata);
    return fields_difference(arena, set, &strip);
}

/* What a write to this (sub)resource cannot set is not owned by it: the strategies' GetResetFields. */
static struct value strip_reset(struct arena *arena, const struct kubernetes_kind *kind, const char *subresource, const struct value *set) {
    static const char *const status[] = {"status", NULL};
    static const char *const spec[] = {"spec", NULL};
    static const char *const labels[] = {"metadata", "labels", NULL};
    if (!kind->status)
        return *set;
    if (!text_equal(subresource, "status"))
        return text_is_empty(subresource) ? fields_without(arena, set, status) : *set;
    struct value without = fields_without(arena, set, spec);
    return text_equal(kind->group, "apps") ? fields_without(arena, &without, labels) : without;
}

static struct value without_managed(struct arena *arena, const struct value *object) {
    if (!object)
        return value_of_map();
    struct value copy = value_copy(arena, object);
    struct value *metadata = value_find_mutable(&copy, "metadata");
    if (metadata)
        (void)value_remove(metadata, "managedFields");
    return copy;
}

static bool owner_is(const struct owner *owner, const char *manager, const char *operation, const char *api_version,
                     const char *subresource) {
    return text_equal(owner->manager, manager) && text_equal(owner->operation, operation) &&
           (operation == apply_operation || text_equal(owner->operation, apply_operation) || text_equal(owner->api_version, api_version)) &&
           text_equal(owner->subresource ? owner->subresource : "", subresource ? subresource : "");
}

static struct owner *owner_find(struct owners *owners, const char *manager, const char *operation, const char *api_version,
                                const char *subresource) {
    for (size_t i = 0; i < owners->count; i++)
        if (owner_is(&owners->items[i], manager, operation, api_version, subresource))
            return &owners->items[i];
    return NULL;
}

/* Changed and removed fields leave every other owner. */
static void owners_lose(struct arena *arena, struct owners *owners, const struct owner *writer, const struct fields_comparison *changes) {
    for (size_t i = 0; i < owners->count; i++) {
        struct owner *owner = &owners->items[i];
        if (owner == writer)
            continue;
        owner->set = fields_difference(arena, &owner->set, &changes->modified);
        owner->set = fields_difference(arena, &owner->set, &changes->added);
        owner->set = fields_difference(arena, &owner->set, &changes->removed);
    }
}

static struct fields_comparison changes_between(struct arena *arena, const struct kubernetes_kind *kind, const char *subresource,
                                                const struct value *before, const struct value *after) {
    struct fields_comparison changes;
    fields_compare(arena, kubernetes_kind_type(kind), before, after, &changes);
    changes.added = strip_reset(arena, kind, subresource, &changes.added);
    changes.modified = strip_reset(arena, kind, subresource, &changes.modified);
    changes.removed = strip_reset(arena, kind, subresource, &changes.removed);
    return changes;
}

/* Members that are structs and not pointers in the Go types: even an object that is not there yet has them, so nobody adds them. */
static struct value strip_embedded(struct arena *arena, const struct value *set) {
    static const char *const embedded[] = {
        "f:metadata",   "f:spec",        "f:status",         "f:strategy",  "f:updateStrategy", "f:template", "f:jobTemplate",
        "f:containers", "f:podSelector", "f:scaleTargetRef", "f:resources", "f:acceptedNames",  NULL};
    struct value result = value_of_map();
    for (size_t i = 0; i < value_count(set); i++) {
        const struct member *member = &set->map.members[i];
        struct value child = member->value;
        if (text_in(member->key, embedded)) {
            child = strip_embedded(arena, &member->value);
            (void)value_remove(&child, ".");
        }
        if (value_count(&child) > 0)
            (void)value_put(arena, &result, member->key, child);
    }
    (void)value_sort(&result);
    return result;
}

void kubernetes_managed_update(struct arena *arena, int64_t now_ms, const struct kubernetes_kind *kind, const struct value *live,
                               struct value *object, const char *manager, const char *subresource) {
    /* A writer that sets managedFields to [{}] or [] wipes them; anything else that it sends is the base. Absent: those of live. */
    const struct value *sent = value_at(object, "metadata.managedFields");
    bool wiped =
        live && value_is(sent, VALUE_LIST) && (sent->list.count == 0 || (sent->list.count == 1 && value_count(sent->list.items) == 0));
    struct owners owners = owners_read(arena, wiped ? NULL : (live ? live : object));
    if (!live)
        owners.count = 0;
    if (live && owners.count == 0) {
        owners_write(arena, &owners, object);
        return; /* skipnonapplied.go: an object without owners stays so until it is applied */
    }
    const char *api_version = kubernetes_api_version(arena, kind);
    struct value before = without_managed(arena, live);
    struct value after = without_managed(arena, object);
    struct fields_comparison changes = changes_between(arena, kind, subresource, &before, &after);
    struct value gained = fields_union(arena, &changes.added, &changes.modified);
    gained = strip_identity(arena, &gained);
    if (!live && !kind->definition)
        gained = strip_embedded(arena, &gained);
    struct owner *writer = owner_find(&owners, manager, update_operation, api_version, subresource);
    owners_lose(arena, &owners, NULL, &changes);
    if (!fields_is_empty(&gained)) {
        if (!writer) {
            writer = &owners.items[owners.count++];
            *writer = (struct owner){.manager = manager,
                                     .operation = update_operation,
                                     .api_version = api_version,
                                     .subresource = subresource,
                                     .set = value_of_map()};
        }
        writer->set = fields_union(arena, &writer->set, &gained);
        writer->time = time_text(arena, now_ms);
    }
    owners_write(arena, &owners, object);
}

struct conflict_list {
    struct arena *arena;
    const struct owner *owner;
    bool owner_named;
    struct value causes;
    size_t count;
    const char *first; /* message of a single one */
    char *lines;       /* of several: one a line below their manager */
};

static char *owner_text(struct arena *arena, const struct owner *owner) {
    char *text = arena_text(arena, "\"%s\"", owner->manager);
    if (!text_is_empty(owner->subresource))
        text = arena_text(arena, "%s with subresource \"%s\"", text, owner->subresource);
    if (text_equal(owner->operation, update_operation))
        text = arena_text(arena, "%s using %s", text, owner->api_version);
    return text;
}

static void conflict_add(void *context, const char *path) {
    struct conflict_list *list = context;
    char *by = owner_text(list->arena, list->owner);
    struct value cause = value_of_map();
    (void)value_set(list->arena, &cause, "reason", value_of_text("FieldManagerConflict"));
    (void)value_set(list->arena, &cause, "message", value_of_text(arena_text(list->arena, "conflict with %s", by)));
    (void)value_set(list->arena, &cause, "field", value_of_text(path));
    (void)value_append(list->arena, &list->causes, cause);
    list->count++;
    list->first = arena_text(list->arena, "conflict with %s: %s", by, path);
    const char *before = list->lines ? list->lines : "";
    if (!list->owner_named)
        before = arena_text(list->arena, "%s%sconflicts with %s:", before, *before ? "\n" : "", by);
    list->owner_named = true;
    list->lines = arena_text(list->arena, "%s\n- %s", before, path);
}

/* managedfields/internal/conflict.go, NewConflictError. */
static void conflicts_refuse(struct conflict_list *list, struct kubernetes_refusal *refusal) {
    struct value details = value_of_map();
    (void)value_set(list->arena, &details, "causes", list->causes);
    (void)kubernetes_refuse(list->arena, refusal, 409, "Conflict", "Apply failed with %zu conflict%s: %s", list->count,
                            list->count == 1 ? "" : "s", list->count == 1 ? list->first : list->lines);
    refusal->details = details;
}

/* Fields whose live value is still the one of kubectl's client-side apply: taking them over from it is no conflict
 * (managedfields/internal/lastappliedmanager.go). */
static struct value allowed_from_kubectl(struct arena *arena, const struct kubernetes_kind *kind, const struct value *live,
                                         const char *manager) {
    const char *text = value_text(value_find(value_at(live, "metadata.annotations"), last_applied));
    struct value last;
    struct error err = {0};
    if (!text_equal(manager, "kubectl") || !text || !json_parse(arena, "last applied", text, strlen(text), &last, &err))
        return value_of_map();
    struct fields_comparison changes;
    struct kubernetes_type type = kubernetes_kind_type(kind);
    fields_compare(arena, type, &last, live, &changes);
    struct value set = fields_of(arena, type, &last);
    set = fields_difference(arena, &set, &changes.modified);
    set = fields_difference(arena, &set, &changes.added);
    return fields_difference(arena, &set, &changes.removed);
}

static bool conflicts_check(struct arena *arena, struct owners *owners, const struct owner *writer, const struct fields_comparison *changes,
                            const struct value *allowed, struct kubernetes_refusal *refusal) {
    struct conflict_list list = {.arena = arena, .causes = value_of_list()};
    struct value changed = fields_union(arena, &changes->modified, &changes->added);
    for (size_t i = 0; i < owners->count; i++) {
        if (&owners->items[i] == writer)
            continue;
        list.owner = &owners->items[i];
        list.owner_named = false;
        struct value taken = fields_intersection(arena, &owners->items[i].set, &changed);
        taken = fields_difference(arena, &taken, allowed);
        fields_each(arena, &taken, conflict_add, &list);
    }
    if (list.count == 0)
        return true;
    conflicts_refuse(&list, refusal);
    return false;
}

static struct value set_of_all(struct arena *arena, const struct owners *owners) {
    struct value all = value_of_map();
    for (size_t i = 0; i < owners->count; i++)
        all = fields_union(arena, &all, &owners->items[i].set);
    return all;
}

/* Takes away what this manager declared last time, declares no more, and nobody else owns: merge/update.go, prune. */
static struct value prune(struct arena *arena, struct kubernetes_type type, const struct value *merged, const struct value *last,
                          const struct owners *owners) {
    if (fields_is_empty(last))
        return *merged;
    struct value last_named = fields_named(arena, type, last);
    struct value pruned = fields_remove(arena, type, merged, &last_named);
    struct value merged_set = fields_of(arena, type, merged);
    merged_set = fields_named(arena, type, &merged_set);
    struct value pruned_set = fields_of(arena, type, &pruned);
    pruned_set = fields_named(arena, type, &pruned_set);
    struct value owned = set_of_all(arena, owners);
    owned = fields_named(arena, type, &owned);
    struct value keep = fields_union(arena, &pruned_set, &owned);
    struct value drop = fields_difference(arena, &merged_set, &keep);
    pruned = fields_remove(arena, type, merged, &drop);
    pruned_set = fields_of(arena, type, &pruned);
    pruned_set = fields_named(arena, type, &pruned_set);
    drop = fields_difference(arena, &merged_set, &pruned_set);
    drop = fields_intersection(arena, &drop, &last_named);
    return fields_remove(arena, type, merged, &drop);
}

static struct owner *owner_applying(struct arena *arena, int64_t now_ms, const struct kubernetes_kind *kind, const struct value *live,
                                    const struct value *live_bare, struct owners *owners, const struct kubernetes_apply *apply) {
    const char *api_version = kubernetes_api_version(arena, kind);
    if (live && owners->count == 0) {
        /* skipnonapplied.go: what was there before the first apply belongs to somebody. */
        struct value empty = value_of_map();
        struct fields_comparison all = changes_between(arena, kind, "", &empty, live_bare);
        struct value set = strip_identity(arena, &all.added);
        owners->items[owners->count++] = (struct owner){.manager = "before-first-apply",
                                                        .operation = update_operation,
                                                        .api_version = api_version,
                                                        .time = time_text(arena, now_ms),
                                                        .set = set};
    }
    struct owner *writer = owner_find(owners, apply->manager, apply_operation, api_version, apply->subresource);
    if (!writer) {
        writer = &owners->items[owners->count++];
        *writer = (struct owner){
            .manager = apply->manager, .operation = apply_operation, .subresource = apply->subresource, .set = value_of_map()};
    }
    writer->api_version = api_version;
    return writer;
}

bool kubernetes_managed_apply(struct arena *arena, int64_t now_ms, const struct kubernetes_kind *kind, const struct value *live,
                              const struct value *config, const struct kubernetes_apply *apply, struct value *out,
                              struct kubernetes_refusal *refusal) {
    struct kubernetes_type type = kubernetes_kind_type(kind);
    struct owners owners = owners_read(arena, live);
    struct value live_bare = without_managed(arena, live);
    struct owner *writer = owner_applying(arena, now_ms, kind, live, &live_bare, &owners, apply);
    struct error err = {0};
    struct value merged;
    if (!fields_merge(arena, type, &live_bare, config, &merged, &err))
        return kubernetes_refuse(arena, refusal, 500, "", "failed to create typed patch object (%s; %s, Kind=%s): %s",
                                 value_text_at(config, "metadata.name"), kubernetes_api_version(arena, kind), kind->kind, err.text);
    struct value last = writer->set;
    struct value declared = fields_of(arena, type, config);
    writer->set = strip_reset(arena, kind, apply->subresource, &declared);
    struct value pruned = prune(arena, type, &merged, &last, &owners);
    struct fields_comparison changes = changes_between(arena, kind, apply->subresource, &live_bare, &pruned);
    struct value allowed = allowed_from_kubectl(arena, kind, live, apply->manager);
    if (!apply->force && !conflicts_check(arena, &owners, writer, &changes, &allowed, refusal))
        return false;
    owners_lose(arena, &owners, writer, &changes);
    writer->set = strip_identity(arena, &writer->set);
    if (!live || !value_equal(&live_bare, &pruned))
        writer->time = time_text(arena, now_ms);
    *out = value_copy(arena, &pruned);
    owners_write(arena, &owners, out);
    return true;
}
