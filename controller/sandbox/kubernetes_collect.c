/* kubernetes_collect.c: the garbage collector: dependents follow their owners (k8s.io/kubernetes pkg/controller/garbagecollector). */
#include "sandbox/kubernetes.h"

/* An object names an owner. */
struct link {
    const char *owner;
    size_t object;
};

struct census {
    struct arena *arena;
    struct link *links; /* sorted by owner */
    size_t link_count;
    const struct kubernetes_kind **kinds; /* of each object */
    struct value *objects;
    const char **uids; /* sorted */
    size_t count;
};

static int uid_order(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool uid_is_alive(const struct census *census, const char *uid) {
    return uid && census->count > 0 && bsearch(&uid, census->uids, census->count, sizeof *census->uids, uid_order) != NULL;
}

static int link_order(const void *left, const void *right) {
    const struct link *one = left;
    const struct link *other = right;
    int order = strcmp(one->owner, other->owner);
    return order != 0 ? order : (one->object > other->object) - (one->object < other->object);
}

static void links_take(struct census *census) {
    size_t total = 0;
    for (size_t i = 0; i < census->count; i++)
        total += value_count(value_at(&census->objects[i], "metadata.ownerReferences"));
    census->links = ARENA_ARRAY(census->arena, struct link, total);
    for (size_t i = 0; i < census->count; i++) {
        const struct value *owners = value_at(&census->objects[i], "metadata.ownerReferences");
        for (size_t j = 0; j < value_count(owners); j++) {
            const char *uid = value_text_at(&owners->list.items[j], "uid");
            census->links[census->link_count++] = (struct link){uid ? uid : "", i};
        }
    }
    qsort(census->links, census->link_count, sizeof *census->links, link_order);
}

static size_t first_link(const struct census *census, const char *uid) {
    size_t low = 0;
    size_t high = census->link_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(census->links[middle].owner, uid) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void census_take(struct world *world, const char *cluster, struct arena *arena, struct census *census) {
    struct kubernetes_kind *kinds = NULL;
    size_t kind_count = kubernetes_kinds(world, cluster, arena, &kinds);
    size_t total = 0;
    for (size_t k = 0; k < kind_count; k++) {
        size_t count = 0;
        (void)kubernetes_range(world, cluster, kinds[k].group, kinds[k].plural, NULL, &count);
        total += count;
    }
    *census = (struct census){.arena = arena,
                              .kinds = ARENA_ARRAY(arena, const struct kubernetes_kind *, total),
                              .objects = ARENA_ARRAY(arena, struct value, total),
                              .uids = ARENA_ARRAY(arena, const char *, total)};
    for (size_t k = 0; k < kind_count; k++) {
        size_t count = 0;
        const struct member *members = kubernetes_range(world, cluster, kinds[k].group, kinds[k].plural, NULL, &count);
        bool repeated = k > 0 && text_equal(kinds[k].group, kinds[k - 1].group) && text_equal(kinds[k].plural, kinds[k - 1].plural);
        for (size_t i = 0; i < count && !repeated; i++) {
            const char *uid = value_text_at(&members[i].value, "metadata.uid");
            census->kinds[census->count] = &kinds[k];
            census->objects[census->count] = members[i].value;
            census->uids[census->count++] = uid ? uid : "";
        }
    }
    qsort(census->uids, census->count, sizeof *census->uids, uid_order);
    links_take(census);
}

static bool has_finalizer(const struct value *object, const char *finalizer) {
    const struct value *list = value_at(object, "metadata.finalizers");
    for (size_t i = 0; i < value_count(list); i++)
        if (text_equal(value_text(&list->list.items[i]), finalizer))
            return true;
    return false;
}

static void finalizer_drop(struct world *world, const char *cluster, struct arena *arena, const struct kubernetes_kind *kind,
                           const struct value *object, const char *finalizer) {
    struct value copy = value_copy(arena, object);
    struct value kept = value_of_list();
    const struct value *list = value_at(object, "metadata.finalizers");
    for (size_t i = 0; i < value_count(list); i++)
        if (!text_equal(value_text(&list->list.items[i]), finalizer))
            (void)value_append(arena, &kept, list->list.items[i]);
    if (value_count(&kept) == 0) {
        kubernetes_remove(world, cluster, kind, value_text_at(object, "metadata.namespace"), value_text_at(object, "metadata.name"));
        return;
    }
    (void)value_set_at(arena, &copy, "metadata.finalizers", kept);
    (void)kubernetes_put(world, cluster, kind, &copy);
}

static void orphan(struct world *world, const char *cluster, struct arena *arena, const struct kubernetes_kind *kind,
                   const struct value *object, const char *uid) {
    struct value copy = value_copy(arena, object);
    struct value kept = value_of_list();
    const struct value *owners = value_at(object, "metadata.ownerReferences");
    for (size_t i = 0; i < value_count(owners); i++)
        if (!text_equal(value_text_at(&owners->list.items[i], "uid"), uid))
            (void)value_append(arena, &kept, owners->list.items[i]);
    if (value_count(&kept) > 0)
        (void)value_set_at(arena, &copy, "metadata.ownerReferences", kept);
    else
        (void)value_remove(value_find_mutable(&copy, "metadata"), "ownerReferences");
    (void)kubernetes_put(world, cluster, kind, &copy);
}

/* An object that waits for its dependents. */
static void finish_waiting(struct world *world, const char *cluster, const struct census *census, size_t index) {
    const struct value *object = &census->objects[index];
    const char *uid = value_text_at(object, "metadata.uid");
    bool orphaning = has_finalizer(object, "orphan");
    size_t dependents = 0;
    for (size_t l = first_link(census, uid); l < census->link_count && text_equal(census->links[l].owner, uid); l++) {
        size_t i = census->links[l].object;
        if (orphaning) {
            orphan(world, cluster, census->arena, census->kinds[i], &census->objects[i], uid);
            continue;
        }
        dependents++;
        const struct value *now =
            kubernetes_find(world, cluster, census->kinds[i]->group, census->kinds[i]->plural,
                            value_text_at(&census->objects[i], "metadata.namespace"), value_text_at(&census->objects[i], "metadata.name"));
        if (now && !value_at(now, "metadata.deletionTimestamp"))
            (void)kubernetes_end(world, cluster, census->kinds[i], now, "Foreground");
    }
    if (dependents == 0)
        finalizer_drop(world, cluster, census->arena, census->kinds[index], object, orphaning ? "orphan" : "foregroundDeletion");
}

static void end_orphaned(struct world *world, const char *cluster, const struct census *census, size_t index) {
    const struct value *owners = value_at(&census->objects[index], "metadata.ownerReferences");
    for (size_t i = 0; i < value_count(owners); i++)
        if (uid_is_alive(census, value_text_at(&owners->list.items[i], "uid")))
            return;
    const struct value *now = kubernetes_find(world, cluster, census->kinds[index]->group, census->kinds[index]->plural,
                                              value_text_at(&census->objects[index], "metadata.namespace"),
                                              value_text_at(&census->objects[index], "metadata.name"));
    if (now)
        (void)kubernetes_end(world, cluster, census->kinds[index], now, "Background");
}

void kubernetes_collect(struct world *world, const char *cluster) {
    ARENA_AUTO *arena = arena_new();
    struct census census;
    census_take(world, cluster, arena, &census);
    for (size_t i = 0; i < census.count; i++) {
        const struct value *object = &census.objects[i];
        bool waiting = value_at(object, "metadata.deletionTimestamp") &&
                       (has_finalizer(object, "foregroundDeletion") || has_finalizer(object, "orphan"));
        /* No pod of this world holds on to a claim that is to be deleted. */
        if (value_at(object, "metadata.deletionTimestamp") && has_finalizer(object, "kubernetes.io/pvc-protection"))
            finalizer_drop(world, cluster, arena, census.kinds[i], object, "kubernetes.io/pvc-protection");
        else if (waiting)
            finish_waiting(world, cluster, &census, i);
        else if (value_count(value_at(object, "metadata.ownerReferences")) > 0)
            end_orphaned(world, cluster, &census, i);
    }
}
