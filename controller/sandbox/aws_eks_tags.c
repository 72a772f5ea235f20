#include "base/text.h"
#include "sandbox/eks.h"
#include "sandbox/world.h"

enum { TAGS_MOST = 50 };

static struct value *named_below(struct value *map, const char *arn) {
    for (size_t i = 0; value_is(map, VALUE_MAP) && i < map->map.count; i++) {
        struct value *record = &map->map.members[i].value;
        struct value *object = value_find_mutable(record, "object");
        if (text_equal(value_text_at(object, "arn"), arn) || text_equal(value_text_at(object, "nodegroupArn"), arn))
            return object;
        struct value *found = named_below(value_find_mutable(record, "nodegroups"), arn);
        if (found != NULL)
            return found;
    }
    return NULL;
}

/* The object with that ARN; the tag calls name their errors unlike the rest of the API. */
static struct value *tagged_need(struct eks_call *call) {
    const char *arn = call->labels[0];
    if (!text_starts(arn, "arn:")) {
        eks_refuse(call, "BadRequestException", "Invalid ARN: %.200s", arn);
        return NULL;
    }
    struct value *object = named_below(eks_clusters(call), arn);
    if (object == NULL)
        eks_refuse(call, "NotFoundException", "Resource with ARN %.300s was not found", arn);
    return object;
}

/* "cluster/demo" of an ARN. */
static const char *short_name(struct eks_call *call) {
    const char *name = call->labels[0];
    for (unsigned i = 0; i < 5 && strchr(name, ':') != NULL; i++)
        name = strchr(name, ':') + 1;
    const char *last = strrchr(name, '/');
    bool node_group = text_starts(name, "nodegroup/") && last != NULL;
    return node_group ? arena_copy(call->arena, name, (size_t)(last - name)) : name;
}

static bool tag_set(struct eks_call *call, struct value *result) {
    (void)result;
    const struct value *added = value_find(call->body, "tags");
    struct value *object = tagged_need(call);
    if (object == NULL)
        return false;
    if (value_count(added) == 0 || !value_is(added, VALUE_MAP))
        return eks_refuse(call, "BadRequestException", "tags must be a map of texts");
    struct value tags = value_copy(call->arena, state_map(call->world, object, "tags"));
    for (size_t i = 0; i < added->map.count; i++) {
        const struct member *member = &added->map.members[i];
        const char *text = value_text(&member->value);
        if (text == NULL || strlen(text) > 256 || strlen(member->key) > 128 || text_starts(member->key, "aws:"))
            return eks_refuse(call, "BadRequestException", "Invalid tag: %.128s", member->key);
        value_set(call->arena, &tags, member->key, member->value);
    }
    if (value_count(&tags) > TAGS_MOST)
        return eks_refuse(call, "BadRequestException", "Number of tags exceeds the limit of %d", TAGS_MOST);
    state_set(call->world, object, "tags", &tags);
    call->world->note(call->world, "TagResource %s", short_name(call));
    return true;
}

static bool tag_remove(struct eks_call *call, struct value *result) {
    (void)result;
    struct value *object = tagged_need(call);
    if (object == NULL)
        return false;
    struct value *tags = state_map(call->world, object, "tags");
    const char *cursor = call->request->http->query;
    const char *name = NULL;
    for (const char *value; (value = world_query_next(call->arena, &cursor, &name)) != NULL;)
        if (text_equal(name, "tagKeys"))
            value_remove(tags, value);
    call->world->note(call->world, "UntagResource %s", short_name(call));
    return true;
}

static bool tags_list(struct eks_call *call, struct value *result) {
    struct value *object = tagged_need(call);
    if (object == NULL)
        return false;
    value_set(call->arena, result, "tags", value_copy(call->arena, state_map(call->world, object, "tags")));
    return true;
}

const struct eks_route eks_other_routes[] = {
    {"POST", "/tags/*", "TagResource", NULL, tag_set},
    {"DELETE", "/tags/*", "UntagResource", NULL, tag_remove},
    {"GET", "/tags/*", "ListTagsForResource", NULL, tags_list},
    {NULL, NULL, NULL, NULL, NULL},
};
