/* world/kube_discovery.c: what an API server serves, from aggregated discovery (KEP-3352). */
#include "world/kube_parts.h"

enum { KINDS_MOST = 20000, RANK_UNSEEN = 1 << 20 };

/* A kind in one version; the order is group, kind, rank. */
struct served {
    struct kube_resource resource; /* first: what is handed out */
    unsigned rank;                 /* of its version within the group, 0 is preferred */
    bool seen;                     /* in the newest discovery */
};

struct kube_served {
    struct arena *arena;
    struct served **items; /* each stays where it is for good: requests under way point to them */
    size_t count;
    size_t sorted_count; /* those in order; behind them, while discovery is read, those that are new */
    bool discovered;
};

struct kube_served *kube_served_new(void) {
    struct kube_served *served = calloc(1, sizeof *served);
    if (served == NULL)
        abort();
    served->arena = arena_new();
    return served;
}

void kube_served_free(struct kube_served *served) {
    if (served != NULL)
        arena_free(served->arena);
    free(served);
}

static char *kept(struct arena *arena, const char *text) {
    return arena_copy(arena, text, strlen(text));
}

static bool verbs_have(const struct value *resource, const char *verb) {
    const struct value *verbs = value_at(resource, "verbs");
    for (size_t i = 0; value_is(verbs, VALUE_LIST) && i < verbs->list.count; i++) {
        if (text_equal(value_text(&verbs->list.items[i]), verb))
            return true;
    }
    return false;
}

/* First of that group and kind among the sorted, whatever its version. */
static struct served **served_first(const struct kube_served *served, const char *group, size_t group_length, const char *kind) {
    size_t low = 0, high = served->sorted_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct kube_resource *resource = &served->items[middle]->resource;
        int order = strncmp(resource->group, group, group_length);
        if (order == 0 && resource->group[group_length] != '\0')
            order = 1;
        if (order == 0)
            order = strcmp(resource->kind, kind);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return served->items + low;
}

static bool served_is(const struct kube_resource *resource, const char *group, size_t group_length, const char *kind) {
    return strncmp(resource->group, group, group_length) == 0 && resource->group[group_length] == '\0' && text_equal(resource->kind, kind);
}

static struct served *served_find(const struct kube_served *served, const char *group, size_t group_length, const char *version,
                                  const char *kind) {
    if (served->sorted_count == 0)
        return NULL;
    struct served **end = served->items + served->sorted_count;
    for (struct served **at = served_first(served, group, group_length, kind); at < end; at++) {
        if (!served_is(&(*at)->resource, group, group_length, kind))
            return NULL;
        if (text_equal((*at)->resource.version, version))
            return *at;
    }
    return NULL;
}

/* Kinds of one group and version come one after the other. */
static struct served *served_same(const struct kube_served *served, const struct kube_resource *like) {
    for (size_t i = served->count; i > served->sorted_count; i--) {
        const struct kube_resource *resource = &served->items[i - 1]->resource;
        if (!text_equal(resource->group, like->group) || !text_equal(resource->version, like->version))
            break;
        if (text_equal(resource->kind, like->kind))
            return served->items[i - 1];
    }
    return served_find(served, like->group, strlen(like->group), like->version, like->kind);
}

/* Two plurals of one kind (a review and its like): the one that can be read and written is meant. */
static bool is_better(const struct kube_resource *one, const struct kube_resource *other) {
    int worth = one->can_list + one->can_patch + one->can_delete, other_worth = other->can_list + other->can_patch + other->can_delete;
    return worth > other_worth;
}

static void served_put(struct kube_served *served, const struct kube_resource *found, unsigned rank) {
    struct served *item = served_same(served, found);
    if (item == NULL) {
        item = ARENA_NEW(served->arena, struct served);
        item->resource = *found;
        item->resource.group = kept(served->arena, found->group);
        item->resource.version = kept(served->arena, found->version);
        item->resource.kind = kept(served->arena, found->kind);
        item->resource.plural = kept(served->arena, found->plural);
        served->items = arena_grow(served->arena, served->items, served->count, sizeof(struct served *));
        served->items[served->count++] = item;
    } else if (!item->seen || is_better(found, &item->resource)) {
        if (!text_equal(item->resource.plural, found->plural))
            item->resource.plural = kept(served->arena, found->plural);
        item->resource.namespaced = found->namespaced;
        item->resource.can_list = found->can_list;
        item->resource.can_patch = found->can_patch;
        item->resource.can_delete = found->can_delete;
    }
    item->resource.preferred = rank == 0;
    item->rank = rank;
    item->seen = true;
}

static bool resource_read(struct kube_served *served, const char *group, const char *version, unsigned rank, const struct value *resource,
                          struct error *err) {
    const char *plural = value_text_at(resource, "resource"), *kind = value_text_at(resource, "responseKind.kind");
    const char *scope = value_text_at(resource, "scope");
    if (plural == NULL || kind == NULL || kind[0] == '\0')
        return true; /* only subresources stand below it */
    if (served->count >= KINDS_MOST)
        return error_set(err, ERROR_BROKEN, "discovery: more than %d kinds", KINDS_MOST);
    struct kube_resource found = {.group = group,
                                  .version = version,
                                  .kind = kind,
                                  .plural = plural,
                                  .namespaced = text_equal(scope, "Namespaced"),
                                  .can_list = verbs_have(resource, "list"),
                                  .can_patch = verbs_have(resource, "patch"),
                                  .can_delete = verbs_have(resource, "delete")};
    /* A responseKind of another group is what a subresource-like endpoint answers with, not a kind of this one. */
    const char *of_group = value_text_at(resource, "responseKind.group");
    if (!text_is_empty(of_group) && !text_equal(of_group, group))
        return true;
    served_put(served, &found, rank);
    return true;
}

static bool group_read(struct kube_served *served, const struct value *group, struct error *err) {
    const char *name = value_text_at(group, "metadata.name");
    const struct value *versions = value_at(group, "versions");
    for (size_t v = 0; value_is(versions, VALUE_LIST) && v < versions->list.count; v++) {
        const char *version = value_text_at(&versions->list.items[v], "version");
        const struct value *resources = value_at(&versions->list.items[v], "resources");
        for (size_t i = 0; version != NULL && value_is(resources, VALUE_LIST) && i < resources->list.count; i++) {
            if (!resource_read(served, name == NULL ? "" : name, version, (unsigned)v, &resources->list.items[i], err))
                return false;
        }
    }
    return true;
}

static bool discovery_read(struct kube_served *served, const struct kube_call *call, struct error *err) {
    const struct value *items = value_at(&call->answer, "items");
    const char *kind = value_text_at(&call->answer, "kind");
    if (text_equal(kind, "APIVersions") || text_equal(kind, "APIGroupList"))
        return error_set(err, ERROR_INVALID,
                         "discovery: the server does not know aggregated discovery: Kubernetes 1.27 or newer is needed");
    if (!text_equal(kind, "APIGroupDiscoveryList") || (items != NULL && !value_is(items, VALUE_LIST)))
        return error_set(err, ERROR_BROKEN, "discovery: the answer of %s is no APIGroupDiscoveryList",
                         call->path == NULL ? "the server" : call->path);
    for (size_t i = 0; items != NULL && i < items->list.count; i++) {
        if (!group_read(served, &items->list.items[i], err))
            return false;
    }
    return true;
}

static int served_order(const void *one, const void *other) {
    const struct served *a = *(struct served *const *)one, *b = *(struct served *const *)other;
    int order = strcmp(a->resource.group, b->resource.group);
    if (order == 0)
        order = strcmp(a->resource.kind, b->resource.kind);
    if (order == 0)
        order = (a->rank > b->rank) - (a->rank < b->rank);
    return order == 0 ? strcmp(a->resource.version, b->resource.version) : order;
}

static void served_sort(struct kube_served *served) {
    if (served->count > 0)
        qsort(served->items, served->count, sizeof(struct served *), served_order);
    served->sorted_count = served->count;
}

/* What is no more served stays findable, but never instead of a version that is served now. */
static void served_settle(struct kube_served *served) {
    for (size_t i = 0; i < served->count; i++) {
        struct served *item = served->items[i];
        if (item->seen)
            continue;
        item->rank = RANK_UNSEEN;
        item->resource.preferred = false;
    }
    served->discovered = true;
}

bool kube_discovered(struct kube *kube, const struct kube_call *core, const struct kube_call *groups, struct error *err) {
    struct kube_served *served = kube->served;
    for (size_t i = 0; i < served->count; i++)
        served->items[i]->seen = false;
    bool fine = discovery_read(served, core, err) && discovery_read(served, groups, err);
    if (fine)
        served_settle(served);
    served_sort(served);
    return fine || error_wrap(err, "%s", kube->server);
}

bool kube_is_discovered(const struct kube *kube) {
    return kube->served->discovered;
}

const struct kube_resource *kube_find(const struct kube *kube, const char *api_version, const char *kind) {
    if (api_version == NULL || kind == NULL)
        return NULL;
    const char *slash = strchr(api_version, '/');
    size_t group_length = slash == NULL ? 0 : (size_t)(slash - api_version);
    const struct served *found = served_find(kube->served, api_version, group_length, slash == NULL ? api_version : slash + 1, kind);
    return found == NULL ? NULL : &found->resource;
}

const struct kube_resource *kube_find_group_kind(const struct kube *kube, const char *group, const char *kind) {
    const struct kube_served *served = kube->served;
    if (group == NULL || kind == NULL || served->sorted_count == 0)
        return NULL;
    struct served **at = served_first(served, group, strlen(group), kind);
    bool found = at < served->items + served->sorted_count && served_is(&(*at)->resource, group, strlen(group), kind);
    return found ? &(*at)->resource : NULL;
}
