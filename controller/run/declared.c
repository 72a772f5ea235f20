#include "run/declared.h"

#include "base/hash.h"

static bool value_is_late(const struct value *value) {
    if (graph_is_reference(value))
        return true;
    if (value_is(value, VALUE_LIST)) {
        for (size_t i = 0; i < value->list.count; i++) {
            if (value_is_late(&value->list.items[i]))
                return true;
        }
    }
    if (value_is(value, VALUE_MAP)) {
        for (size_t i = 0; i < value->map.count; i++) {
            if (value_is_late(&value->map.members[i].value))
                return true;
        }
    }
    return false;
}

bool declared_is_late(const struct resource *resource) {
    return value_is_late(&resource->desired);
}

const char *declared_hash(const struct value *object) {
    return value_text(value_find(value_at(object, "metadata.annotations"), ANNOTATION_APPLIED));
}

struct value declared_resolve(const struct graph *graph, const struct resource *resource, const struct graph_lookup *lookup,
                              struct arena *arena, const char **unresolved) {
    *unresolved = NULL;
    if (!declared_is_late(resource))
        return resource->desired;
    struct value object = graph_resolve(graph, resource, &resource->desired, lookup, arena, unresolved);
    struct value *annotations = value_find_mutable(value_find_mutable(&object, "metadata"), "annotations");
    if (annotations == NULL)
        return object;
    value_remove(annotations, ANNOTATION_APPLIED);
    struct digest digest = hash_value(&object);
    value_set(arena, annotations, ANNOTATION_APPLIED, value_of_text(hash_hex(arena, &digest)));
    return object;
}
