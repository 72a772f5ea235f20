/* kubernetes_store.c: the objects of a cluster, their versions, and the log of events that watches read. */
#include "sandbox/kubernetes.h"

#include "base/hash.h"

/* How far back a watch may begin: the API server's own cache is as bounded. */
enum { EVENTS_KEPT = 1024, EVENTS_MOST = 2 * EVENTS_KEPT };

static struct value *map_in(struct world *world, struct value *parent, const char *key) {
    struct value *found = value_find_mutable(parent, key);
    if (value_is(found, VALUE_MAP))
        return found;
    return value_set(world->arena, parent, arena_copy(world->arena, key, strlen(key)), value_of_map());
}

struct value *kubernetes_cluster_state(struct world *world, const char *cluster) {
    return map_in(world, map_in(world, &world->state, "clusters"), cluster);
}

static const struct value *kind_objects(struct world *world, const char *cluster, const char *group, const char *plural) {
    char name[256];
    (void)snprintf(name, sizeof name, "%s/%s", group, plural);
    const struct value *state = value_find(value_find(&world->state, "clusters"), cluster);
    return value_find(value_find(state, "objects"), name);
}

const struct value *kubernetes_find(struct world *world, const char *cluster, const char *group, const char *plural, const char *space,
                                    const char *name) {
    char key[600];
    (void)snprintf(key, sizeof key, "%s/%s", space ? space : "", name);
    return value_find(kind_objects(world, cluster, group, plural), key);
}

/* The first member whose key does not sort before `key`. */
static size_t lower_bound(const struct value *map, const char *key) {
    size_t low = 0;
    size_t high = map->map.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(map->map.members[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct member *kubernetes_range(struct world *world, const char *cluster, const char *group, const char *plural, const char *space,
                                      size_t *count) {
    const struct value *objects = kind_objects(world, cluster, group, plural);
    *count = value_count(objects);
    if (!objects || *count == 0 || text_is_empty(space))
        return objects ? objects->map.members : NULL;
    char from[300];
    char to[300];
    (void)snprintf(from, sizeof from, "%s/", space);
    (void)snprintf(to, sizeof to, "%s0", space); /* "0" is the character behind "/" */
    size_t first = lower_bound(objects, from);
    *count = lower_bound(objects, to) - first;
    return objects->map.members + first;
}

const struct member *kubernetes_range_prefix(struct world *world, const char *cluster, const char *group, const char *plural,
                                             const char *prefix, size_t *count) {
    const struct value *objects = kind_objects(world, cluster, group, plural);
    *count = 0;
    if (value_count(objects) == 0)
        return NULL;
    size_t first = lower_bound(objects, prefix);
    while (first + *count < objects->map.count && text_starts(objects->map.members[first + *count].key, prefix))
        ++*count;
    return objects->map.members + first;
}

int64_t kubernetes_version_now(struct world *world, const char *cluster) {
    return value_integer(value_find(kubernetes_cluster_state(world, cluster), "resourceVersion"), 0);
}

static int64_t version_next(struct world *world, const char *cluster) {
    int64_t version = kubernetes_version_now(world, cluster) + 1;
    (void)value_set(world->arena, kubernetes_cluster_state(world, cluster), "resourceVersion", value_of_integer(version));
    return version;
}

char *kubernetes_uid(struct world *world, struct arena *arena) {
    char seed[64];
    (void)snprintf(seed, sizeof seed, "uid %llu", (unsigned long long)++world->counter);
    struct digest digest = hash_sha256(seed, strlen(seed));
    digest.bytes[6] = (unsigned char)(0x40 | (digest.bytes[6] & 0x0f)); /* RFC 9562, version 4 */
    digest.bytes[8] = (unsigned char)(0x80 | (digest.bytes[8] & 0x3f));
    char *hex = hash_hex(arena, &digest);
    return arena_text(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void event_log(struct world *world, const char *cluster, const char *type, const char *kind_key, struct value object) {
    struct value *state = kubernetes_cluster_state(world, cluster);
    struct value *events = value_find_mutable(state, "events");
    if (!events)
        events = value_set(world->arena, state, "events", value_of_list());
    if (events->list.count >= EVENTS_MOST) {
        size_t dropped = events->list.count - EVENTS_KEPT;
        const char *version = value_text_at(&events->list.items[dropped - 1], "object.metadata.resourceVersion");
        int64_t after = 0;
        (void)text_to_integer(version ? version : "0", 0, INT64_MAX, &after);
        /* A list of its own: lists only grow in place. */
        struct value kept = value_of_list();
        for (size_t i = dropped; i < events->list.count; i++)
            (void)value_append(world->arena, &kept, events->list.items[i]);
        *events = kept;
        (void)value_set(world->arena, state, "eventsAfter", value_of_integer(after));
        events = value_find_mutable(state, "events");
    }
    struct value event = value_of_map();
    (void)value_set(world->arena, &event, "type", value_of_text(type));
    (void)value_set(world->arena, &event, "kind", value_of_text(kind_key));
    (void)value_set(world->arena, &event, "object", object);
    (void)value_append(world->arena, events, event);
}

static void object_key(char *key, size_t size, const struct value *object) {
    const char *space = value_text_at(object, "metadata.namespace");
    const char *name = value_text_at(object, "metadata.name");
    (void)snprintf(key, size, "%s/%s", space ? space : "", name ? name : "");
}

static void version_write(struct world *world, const char *cluster, struct value *object) {
    const char *text = arena_text(world->arena, "%lld", (long long)version_next(world, cluster));
    (void)value_set_at(world->arena, object, "metadata.resourceVersion", value_of_text(text));
}

const struct value *kubernetes_put(struct world *world, const char *cluster, const struct kubernetes_kind *kind,
                                   const struct value *object) {
    char key[600];
    object_key(key, sizeof key, object);
    const char *kind_key = arena_text(world->arena, "%s/%s", kind->group, kind->plural);
    const struct value *stored_before = kubernetes_find(
        world, cluster, kind->group, kind->plural, value_text_at(object, "metadata.namespace"), value_text_at(object, "metadata.name"));
    struct value before = stored_before ? *stored_before : value_null();
    struct value copy = value_copy(world->arena, object);
    version_write(world, cluster, &copy);
    struct value *objects = map_in(world, map_in(world, kubernetes_cluster_state(world, cluster), "objects"), kind_key);
    struct value *place = value_find_mutable(objects, key);
    if (place)
        *place = copy;
    else
        (void)value_set(world->arena, objects, arena_copy(world->arena, key, strlen(key)), copy);
    event_log(world, cluster, stored_before ? "MODIFIED" : "ADDED", kind_key, copy);
    kubernetes_wake(world, cluster, kind, before.type == VALUE_NULL ? NULL : &before, &copy);
    return kubernetes_find(world, cluster, kind->group, kind->plural, value_text_at(&copy, "metadata.namespace"),
                           value_text_at(&copy, "metadata.name"));
}

void kubernetes_remove(struct world *world, const char *cluster, const struct kubernetes_kind *kind, const char *space, const char *name) {
    const struct value *found = kubernetes_find(world, cluster, kind->group, kind->plural, space, name);
    if (!found)
        return;
    char key[600];
    object_key(key, sizeof key, found);
    struct value last = value_copy(world->arena, found);
    version_write(world, cluster, &last);
    const char *kind_key = arena_text(world->arena, "%s/%s", kind->group, kind->plural);
    struct value *objects = map_in(world, map_in(world, kubernetes_cluster_state(world, cluster), "objects"), kind_key);
    (void)value_remove(objects, key);
    event_log(world, cluster, "DELETED", kind_key, last);
    kubernetes_wake(world, cluster, kind, &last, NULL);
}
