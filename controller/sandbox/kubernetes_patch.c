/* kubernetes_patch.c: JSON patch (RFC 6902), merge patch (RFC 7396) and Kubernetes' strategic merge patch. */
#include "sandbox/kubernetes.h"

enum { OPERATIONS_MOST = 10000 }; /* as the API server's own limit */

/* --- JSON patch. */

static char *pointer_part(struct arena *arena, const char *from, size_t length) {
    char *part = arena_copy(arena, from, length);
    char *to = part;
    for (const char *at = part; *at; at++) {
        if (at[0] == '~' && (at[1] == '0' || at[1] == '1'))
            *to++ = *++at == '0' ? '~' : '/';
        else
            *to++ = *at;
    }
    *to = '\0';
    return part;
}

/* The container that a pointer's last part is in. NULL: not there. */
static struct value *pointer_parent(struct arena *arena, struct value *root, const char *pointer, char **last) {
    struct value *at = root;
    if (*pointer != '/')
        return NULL;
    for (const char *part = pointer + 1;;) {
        const char *slash = strchr(part, '/');
        char *name = pointer_part(arena, part, slash ? (size_t)(slash - part) : strlen(part));
        if (!slash) {
            *last = name;
            return value_is(at, VALUE_MAP) || value_is(at, VALUE_LIST) ? at : NULL;
        }
        int64_t index = 0;
        if (value_is(at, VALUE_MAP))
            at = value_find_mutable(at, name);
        else if (value_is(at, VALUE_LIST) && text_to_integer(name, 0, INT32_MAX, &index) && (size_t)index < at->list.count)
            at = &at->list.items[index];
        else
            return NULL;
        if (!at)
            return NULL;
        part = slash + 1;
    }
}

static const struct value *pointer_find(struct arena *arena, struct value *root, const char *pointer) {
    char *last = NULL;
    if (!*pointer)
        return root;
    struct value *parent = pointer_parent(arena, root, pointer, &last);
    int64_t index = 0;
    if (value_is(parent, VALUE_MAP))
        return value_find(parent, last);
    if (value_is(parent, VALUE_LIST) && text_to_integer(last, 0, INT32_MAX, &index) && (size_t)index < parent->list.count)
        return &parent->list.items[index];
    return NULL;
}

static bool pointer_remove(struct arena *arena, struct value *root, const char *pointer) {
    char *last = NULL;
    struct value *parent = pointer_parent(arena, root, pointer, &last);
    int64_t index = 0;
    if (value_is(parent, VALUE_MAP))
        return value_remove(parent, last);
    if (!value_is(parent, VALUE_LIST) || !text_to_integer(last, 0, INT32_MAX, &index) || (size_t)index >= parent->list.count)
        return false;
    struct value kept = value_of_list();
    for (size_t i = 0; i < parent->list.count; i++)
        if (i != (size_t)index)
            (void)value_append(arena, &kept, parent->list.items[i]);
    *parent = kept;
    return true;
}

static bool pointer_add(struct arena *arena, struct value *root, const char *pointer, struct value value) {
    char *last = NULL;
    if (!*pointer) {
        *root = value;
        return true;
    }
    struct value *parent = pointer_parent(arena, root, pointer, &last);
    if (value_is(parent, VALUE_MAP)) {
        (void)value_set(arena, parent, last, value);
        return true;
    }
    if (!value_is(parent, VALUE_LIST))
        return false;
    int64_t index = (int64_t)parent->list.count;
    if (!text_equal(last, "-") && !text_to_integer(last, 0, (int64_t)parent->list.count, &index))
        return false;
    struct value longer = value_of_list();
    for (size_t i = 0; i <= parent->list.count; i++) {
        if (i == (size_t)index)
            (void)value_append(arena, &longer, value);
        if (i < parent->list.count)
            (void)value_append(arena, &longer, parent->list.items[i]);
    }
    *parent = longer;
    return true;
}

static bool operation_run(struct arena *arena, struct value *object, const struct value *operation) {
    const char *name = value_text_at(operation, "op");
    const char *path = value_text_at(operation, "path");
    const char *from = value_text_at(operation, "from");
    const struct value *value = value_find(operation, "value");
    if (!name || !path)
        return false;
    const struct value *found = pointer_find(arena, object, path);
    if (text_equal(name, "test"))
        return found && value ? value_equal(found, value) : !found && (!value || value->type == VALUE_NULL);
    if (text_equal(name, "remove"))
        return pointer_remove(arena, object, path);
    if (text_equal(name, "add"))
        return value && pointer_add(arena, object, path, value_copy(arena, value));
    if (text_equal(name, "replace"))
        return value && found && (!*path || pointer_remove(arena, object, path)) &&
               pointer_add(arena, object, path, value_copy(arena, value));
    const struct value *source = from ? pointer_find(arena, object, from) : NULL;
    if (!source)
        return false;
    struct value copy = value_copy(arena, source);
    if (text_equal(name, "copy"))
        return pointer_add(arena, object, path, copy);
    return text_equal(name, "move") && pointer_remove(arena, object, from) && pointer_add(arena, object, path, copy);
}

static bool json_patch(struct arena *arena, const struct value *patch, struct value *object, struct kubernetes_refusal *refusal) {
    if (!value_is(patch, VALUE_LIST))
        return kubernetes_refuse(arena, refusal, 400, "BadRequest", "json: a JSON patch is a list of operations");
    if (patch->list.count > OPERATIONS_MOST)
        return kubernetes_refuse(arena, refusal, 413, "RequestEntityTooLarge",
                                 "The allowed maximum operations in a JSON patch is %d, got %zu", OPERATIONS_MOST, patch->list.count);
    for (size_t i = 0; i < patch->list.count; i++)
        if (!operation_run(arena, object, &patch->list.items[i]))
            return kubernetes_refuse(arena, refusal, 422, "Invalid", "the server rejected our request due to an error in our request");
    return true;
}

/* --- Strategic merge patch (KEP and docs of k8s.io/apimachinery strategicpatch). The merge key of a list is the first of its apply keys.
 */

static struct value strategic(struct arena *arena, struct kubernetes_type type, const struct value *live, const struct value *patch);

static const char *merge_key(struct arena *arena, const struct kubernetes_atom *atom) {
    if (atom->key_list)
        return value_count(atom->key_list) ? value_text(&atom->key_list->list.items[0]) : NULL;
    size_t length = 0;
    while (length < atom->keys_length && atom->keys[length] != ',' && atom->keys[length] != '=')
        length++;
    return arena_copy(arena, atom->keys, length);
}

static size_t item_index(const struct value *list, const char *key, const struct value *wanted) {
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *item = key ? value_find(&list->list.items[i], key) : &list->list.items[i];
        if (item && wanted && value_equal(item, wanted))
            return i;
    }
    return SIZE_MAX;
}

static struct value without_item(struct arena *arena, const struct value *list, size_t index) {
    struct value result = value_of_list();
    for (size_t i = 0; i < list->list.count; i++)
        if (i != index)
            (void)value_append(arena, &result, list->list.items[i]);
    return result;
}

static struct value strategic_list(struct arena *arena, const struct kubernetes_atom *atom, const struct value *live,
                                   const struct value *patch) {
    if (atom->form == FORM_LIST || !value_is(live, VALUE_LIST))
        live = NULL;
    struct value result = value_of_list();
    for (size_t i = 0; live && i < live->list.count; i++)
        (void)value_append(arena, &result, live->list.items[i]);
    const char *key = atom->form == FORM_KEYED ? merge_key(arena, atom) : NULL;
    for (size_t i = 0; i < patch->list.count; i++) {
        const struct value *item = &patch->list.items[i];
        const char *directive = value_text_at(item, "$patch");
        if (text_equal(directive, "replace")) {
            struct value only = value_of_list();
            for (size_t j = 0; j < patch->list.count; j++)
                if (!value_find(&patch->list.items[j], "$patch"))
                    (void)value_append(arena, &only, patch->list.items[j]);
            return only;
        }
        size_t index = atom->form == FORM_LIST ? SIZE_MAX : item_index(&result, key, key ? value_find(item, key) : item);
        if (text_equal(directive, "delete")) {
            if (index != SIZE_MAX)
                result = without_item(arena, &result, index);
        } else if (index == SIZE_MAX) {
            (void)value_append(arena, &result, value_is(item, VALUE_MAP) ? strategic(arena, atom->element, NULL, item) : *item);
        } else if (key) {
            result.list.items[index] = strategic(arena, atom->element, &result.list.items[index], item);
        }
    }
    return result;
}

/* $setElementOrder: the places of the named items are filled in the named order; items that it does not name keep theirs. */
static void order_items(struct arena *arena, const struct kubernetes_atom *atom, struct value *list, const struct value *order) {
    const char *key = atom->form == FORM_KEYED ? merge_key(arena, atom) : NULL;
    size_t count = list->list.count;
    struct value *sorted = ARENA_ARRAY(arena, struct value, count);
    bool *named = ARENA_ARRAY(arena, bool, count);
    size_t sorted_count = 0;
    for (size_t i = 0; i < value_count(order); i++) {
        const struct value *wanted = key ? value_find(&order->list.items[i], key) : &order->list.items[i];
        size_t index = item_index(list, key, wanted);
        if (index == SIZE_MAX || named[index])
            continue;
        named[index] = true;
        sorted[sorted_count++] = list->list.items[index];
    }
    size_t next = 0;
    for (size_t i = 0; i < count; i++)
        if (named[i])
            list->list.items[i] = sorted[next++];
}

static void directive_run(struct arena *arena, const struct kubernetes_atom *map_atom, struct value *result, const struct member *member) {
    static const char order[] = "$setElementOrder/";
    static const char deletion[] = "$deleteFromPrimitiveList/";
    if (text_equal(member->key, "$retainKeys")) {
        struct value kept = value_of_map();
        for (size_t i = 0; i < value_count(&member->value); i++) {
            const char *key = value_text(&member->value.list.items[i]);
            const struct value *found = key ? value_find(result, key) : NULL;
            if (found)
                (void)value_set(arena, &kept, key, *found);
        }
        *result = kept;
        return;
    }
    bool ordering = text_starts(member->key, order);
    if (!ordering && !text_starts(member->key, deletion))
        return;
    const char *name = member->key + (ordering ? sizeof order : sizeof deletion) - 1;
    struct value *list = value_find_mutable(result, name);
    if (!value_is(list, VALUE_LIST))
        return;
    struct kubernetes_type type;
    (void)kubernetes_type_field(map_atom, name, &type);
    struct kubernetes_atom atom = kubernetes_type_resolve(type, list);
    if (ordering && atom.form != FORM_LIST) {
        order_items(arena, &atom, list, &member->value);
        return;
    }
    for (size_t i = 0; !ordering && i < value_count(&member->value); i++) {
        size_t index = item_index(list, NULL, &member->value.list.items[i]);
        if (index != SIZE_MAX)
            *list = without_item(arena, list, index);
    }
}

static struct value strategic(struct arena *arena, struct kubernetes_type type, const struct value *live, const struct value *patch) {
    struct kubernetes_atom atom = kubernetes_type_resolve(type, patch);
    if (value_is(patch, VALUE_LIST))
        return strategic_list(arena, &atom, live, patch);
    if (!value_is(patch, VALUE_MAP))
        return *patch;
    const char *directive = value_text_at(patch, "$patch");
    if (text_equal(directive, "delete"))
        return value_of_map();
    bool merges = value_is(live, VALUE_MAP) && !text_equal(directive, "replace");
    struct value result = value_of_map();
    for (size_t i = 0; merges && i < live->map.count; i++)
        (void)value_set(arena, &result, live->map.members[i].key, live->map.members[i].value);
    for (size_t i = 0; i < patch->map.count; i++) {
        const struct member *member = &patch->map.members[i];
        if (*member->key == '$')
            continue;
        if (member->value.type == VALUE_NULL) {
            (void)value_remove(&result, member->key);
            continue;
        }
        struct kubernetes_type below;
        (void)kubernetes_type_field(&atom, member->key, &below);
        (void)value_set(arena, &result, member->key, strategic(arena, below, value_find(&result, member->key), &member->value));
    }
    for (size_t i = 0; i < patch->map.count; i++)
        if (*patch->map.members[i].key == '$')
            directive_run(arena, &atom, &result, &patch->map.members[i]);
    return result;
}

bool kubernetes_patch(struct arena *arena, const char *content_type, struct kubernetes_type type, const struct value *live,
                      const struct value *patch, struct value *out, struct kubernetes_refusal *refusal) {
    if (text_starts(content_type, "application/json-patch+json")) {
        *out = value_copy(arena, live);
        return json_patch(arena, patch, out, refusal);
    }
    if (!value_is(patch, VALUE_MAP))
        return kubernetes_refuse(arena, refusal, 400, "BadRequest", "the patch is not a map");
    if (text_starts(content_type, "application/merge-patch+json")) {
        *out = value_merge(arena, live, patch);
        return true;
    }
    bool custom = type.openapi != NULL;
    if (!text_starts(content_type, "application/strategic-merge-patch+json") || custom)
        return kubernetes_refuse(arena, refusal, 415, "UnsupportedMediaType",
                                 "the body of the request was in an unknown format - accepted media types include: "
                                 "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml%s",
                                 custom ? "" : ", application/strategic-merge-patch+json");
    struct value copy = value_copy(arena, live);
    struct value merged = strategic(arena, type, &copy, patch);
    *out = value_copy(arena, &merged);
    return true;
}
