/* kubernetes_fields.c: sets of fields, and the walks over typed values that make and use them.
 *
 * The rules are those of structured-merge-diff v6 (sigs.k8s.io/structured-merge-diff), which the API server uses: KEP-555. */
#include "sandbox/kubernetes.h"

#include "base/json.h"

static const char member_mark[] = ".";

static void node_mark(struct arena *arena, struct value *node) {
    (void)value_set(arena, node, member_mark, value_of_map());
}

static bool node_is_member(const struct value *node) {
    return value_find(node, member_mark) != NULL;
}

static void node_attach(struct arena *arena, struct value *node, const char *element, struct value child) {
    if (value_count(&child) > 0)
        (void)value_set(arena, node, element, child);
}

struct value fields_parse(struct arena *arena, const struct value *fields_v1) {
    struct value set = value_of_map();
    if (!value_is(fields_v1, VALUE_MAP))
        return set;
    for (size_t i = 0; i < fields_v1->map.count; i++) {
        const struct member *member = &fields_v1->map.members[i];
        if (text_equal(member->key, member_mark)) {
            node_mark(arena, &set);
            continue;
        }
        struct value child = fields_parse(arena, &member->value);
        if (value_count(&child) == 0)
            node_mark(arena, &child);
        (void)value_set(arena, &set, member->key, child);
    }
    return set;
}

struct value fields_render(struct arena *arena, const struct value *set) {
    struct value rendered = value_of_map();
    if (set->map.count == 1 && node_is_member(set))
        return rendered;
    for (size_t i = 0; i < set->map.count; i++) {
        const struct member *member = &set->map.members[i];
        (void)value_put(arena, &rendered, member->key, fields_render(arena, &member->value));
    }
    (void)value_sort(&rendered);
    return rendered;
}

bool fields_is_empty(const struct value *set) {
    return value_count(set) == 0;
}

struct value fields_union(struct arena *arena, const struct value *one, const struct value *other) {
    if (fields_is_empty(one))
        return value_copy(arena, other);
    struct value result = value_copy(arena, one);
    for (size_t i = 0; i < value_count(other); i++) {
        const struct member *member = &other->map.members[i];
        const struct value *mine = value_find(one, member->key);
        (void)value_set(arena, &result, member->key, mine ? fields_union(arena, mine, &member->value) : value_copy(arena, &member->value));
    }
    return result;
}

struct value fields_difference(struct arena *arena, const struct value *one, const struct value *other) {
    struct value result = value_of_map();
    for (size_t i = 0; i < value_count(one); i++) {
        const struct member *member = &one->map.members[i];
        const struct value *theirs = value_find(other, member->key);
        if (text_equal(member->key, member_mark)) {
            if (!theirs)
                node_mark(arena, &result);
            continue;
        }
        node_attach(arena, &result, member->key,
                    theirs ? fields_difference(arena, &member->value, theirs) : value_copy(arena, &member->value));
    }
    return result;
}

struct value fields_intersection(struct arena *arena, const struct value *one, const struct value *other) {
    struct value result = value_of_map();
    for (size_t i = 0; i < value_count(one); i++) {
        const struct member *member = &one->map.members[i];
        const struct value *theirs = value_find(other, member->key);
        if (!theirs)
            continue;
        if (text_equal(member->key, member_mark))
            node_mark(arena, &result);
        else
            node_attach(arena, &result, member->key, fields_intersection(arena, &member->value, theirs));
    }
    return result;
}

struct value fields_without(struct arena *arena, const struct value *set, const char *const *path) {
    struct value result = value_of_map();
    const char *element = arena_text(arena, "f:%s", path[0]);
    for (size_t i = 0; i < value_count(set); i++) {
        const struct member *member = &set->map.members[i];
        if (!text_equal(member->key, element))
            (void)value_set(arena, &result, member->key, member->value);
        else if (path[1])
            node_attach(arena, &result, member->key, fields_without(arena, &member->value, path + 1));
    }
    return result;
}

/* structured-merge-diff, fieldpath/element.go: [name="a"] and [="v"]. */
static char *element_text(struct arena *arena, const char *element) {
    if (text_starts(element, "f:"))
        return arena_text(arena, ".%s", element + 2);
    if (text_starts(element, "v:"))
        return arena_text(arena, "[=%s]", element + 2);
    struct value keys;
    struct error err = {0};
    if (!text_starts(element, "k:") || !json_parse(arena, "key", element + 2, strlen(element + 2), &keys, &err) ||
        !value_is(&keys, VALUE_MAP))
        return arena_text(arena, "[%s]", element);
    char *text = arena_text(arena, "[");
    for (size_t i = 0; i < keys.map.count; i++)
        text = arena_text(arena, "%s%s%s=%s", text, i ? "," : "", keys.map.members[i].key, json_text(arena, &keys.map.members[i].value));
    return arena_text(arena, "%s]", text);
}

/* Members of a node before what is below them: the order in which the API server lists conflicts. */
static void each_below(struct arena *arena, const struct value *set, const char *path, void (*each)(void *context, const char *path),
                       void *context) {
    for (unsigned deeper = 0; deeper < 2; deeper++) {
        for (size_t i = 0; i < set->map.count; i++) {
            const struct member *member = &set->map.members[i];
            if (text_equal(member->key, member_mark))
                continue;
            const char *below = arena_text(arena, "%s%s", path, element_text(arena, member->key));
            if (deeper)
                each_below(arena, &member->value, below, each, context);
            else if (node_is_member(&member->value))
                each(context, below);
        }
    }
}

void fields_each(struct arena *arena, const struct value *set, void (*each)(void *context, const char *path), void *context) {
    each_below(arena, set, "", each, context);
}

static const char *field_element(struct arena *arena, const char *name) {
    return arena_text(arena, "f:%s", name);
}

static struct value of_list(struct arena *arena, const struct kubernetes_atom *atom, const struct value *list) {
    struct value node = value_of_map();
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++) {
        const char *element = kubernetes_type_item(arena, atom, &list->list.items[i]);
        if (!element)
            continue;
        /* An item that stands there twice is owned as a whole. */
        struct value child = value_find(&node, element) ? value_of_map() : fields_of(arena, atom->element, &list->list.items[i]);
        node_mark(arena, &child);
        (void)value_set(arena, &node, element, child);
    }
    return node;
}

struct value fields_of(struct arena *arena, struct kubernetes_type type, const struct value *value) {
    struct kubernetes_atom atom = kubernetes_type_resolve(type, value);
    struct value node = value_of_map();
    if (atom.form == FORM_SCALAR || atom.atomic) {
        node_mark(arena, &node);
        return node;
    }
    if (atom.form != FORM_MAP)
        return of_list(arena, &atom, value);
    for (size_t i = 0; value_is(value, VALUE_MAP) && i < value->map.count; i++) {
        const struct member *member = &value->map.members[i];
        struct kubernetes_type field_type;
        bool named = kubernetes_type_field(&atom, member->key, &field_type);
        struct value child = fields_of(arena, field_type, &member->value);
        bool hollow = member->value.type == VALUE_NULL || (value_is(&member->value, VALUE_MAP) && member->value.map.count == 0);
        if (hollow || !named)
            node_mark(arena, &child);
        if (value_count(&child) > 0)
            (void)value_put(arena, &node, field_element(arena, member->key), child);
    }
    (void)value_sort(&node);
    return node;
}

static void compare_at(struct arena *arena, struct kubernetes_type type, const struct value *before, const struct value *after,
                       struct fields_comparison *out);

static void compare_child(struct arena *arena, struct kubernetes_type type, const char *element, const struct value *before,
                          const struct value *after, struct fields_comparison *out) {
    /* The same memory twice: nothing in it can differ. */
    struct fields_comparison child = {value_of_map(), value_of_map(), value_of_map()};
    compare_at(arena, type, before, after, &child);
    node_attach(arena, &out->added, element, child.added);
    node_attach(arena, &out->modified, element, child.modified);
    node_attach(arena, &out->removed, element, child.removed);
}

static void compare_maps(struct arena *arena, const struct kubernetes_atom *atom, const struct value *before, const struct value *after,
                         struct fields_comparison *out) {
    for (size_t i = 0; i < value_count(before); i++) {
        const struct member *member = &before->map.members[i];
        struct kubernetes_type type;
        (void)kubernetes_type_field(atom, member->key, &type);
        compare_child(arena, type, field_element(arena, member->key), &member->value, value_find(after, member->key), out);
    }
    for (size_t i = 0; i < value_count(after); i++) {
        const struct member *member = &after->map.members[i];
        if (value_find(before, member->key))
            continue;
        struct kubernetes_type type;
        (void)kubernetes_type_field(atom, member->key, &type);
        compare_child(arena, type, field_element(arena, member->key), NULL, &member->value, out);
    }
}

/* Items by their path element: a list of the items that share it, at most two of them looked at. */
static struct value index_items(struct arena *arena, const struct kubernetes_atom *atom, const struct value *list) {
    struct value index = value_of_map();
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++) {
        const char *element = kubernetes_type_item(arena, atom, &list->list.items[i]);
        if (!element)
            continue;
        struct value *items = value_find_mutable(&index, element);
        if (!items)
            items = value_set(arena, &index, element, value_of_list());
        (void)value_append(arena, items, list->list.items[i]);
    }
    return index;
}

static void compare_items(struct arena *arena, const struct kubernetes_atom *atom, const char *element, const struct value *before,
                          const struct value *after, struct fields_comparison *out) {
    struct value marked = value_of_map();
    node_mark(arena, &marked);
    size_t before_count = value_count(before);
    size_t after_count = value_count(after);
    const struct value *first_before = before_count ? &before->list.items[0] : NULL;
    const struct value *first_after = after_count ? &after->list.items[0] : NULL;
    if (before_count <= 1 && after_count <= 1) {
        compare_child(arena, atom->element, element, first_before, first_after, out);
    } else if (before_count >= 2 && after_count >= 2) {
        if (!value_equal(before, after))
            (void)value_set(arena, &out->modified, element, marked);
    } else if (before_count >= 2) {
        if (first_after)
            compare_child(arena, atom->element, element, NULL, first_after, out);
        (void)value_set(arena, &out->removed, element, marked);
    } else {
        if (first_before)
            compare_child(arena, atom->element, element, first_before, NULL, out);
        (void)value_set(arena, &out->added, element, marked);
    }
}

static void compare_lists(struct arena *arena, const struct kubernetes_atom *atom, const struct value *before, const struct value *after,
                          struct fields_comparison *out) {
    struct value old_items = index_items(arena, atom, before);
    struct value new_items = index_items(arena, atom, after);
    for (size_t i = 0; i < old_items.map.count; i++) {
        const struct member *member = &old_items.map.members[i];
        compare_items(arena, atom, member->key, &member->value, value_find(&new_items, member->key), out);
    }
    for (size_t i = 0; i < new_items.map.count; i++)
        if (!value_find(&old_items, new_items.map.members[i].key))
            compare_items(arena, atom, new_items.map.members[i].key, NULL, &new_items.map.members[i].value, out);
}

static void compare_at(struct arena *arena, struct kubernetes_type type, const struct value *before, const struct value *after,
                       struct fields_comparison *out) {
    struct kubernetes_atom atom = kubernetes_type_resolve(type, after ? after : before);
    bool both_empty = atom.form != FORM_SCALAR && value_count(before) == 0 && value_count(after) == 0;
    bool mixed = before && after && before->type != after->type;
    bool leaf = atom.form == FORM_SCALAR || atom.atomic || both_empty || mixed;
    if (!before)
        node_mark(arena, &out->added);
    else if (!after)
        node_mark(arena, &out->removed);
    else if (leaf && !value_equal(before, after))
        node_mark(arena, &out->modified);
    if (leaf)
        return;
    if (atom.form == FORM_MAP)
        compare_maps(arena, &atom, before, after, out);
    else
        compare_lists(arena, &atom, before, after, out);
}

void fields_compare(struct arena *arena, struct kubernetes_type type, const struct value *before, const struct value *after,
                    struct fields_comparison *out) {
    *out = (struct fields_comparison){value_of_map(), value_of_map(), value_of_map()};
    compare_at(arena, type, before, after, out);
}

static bool merge_at(struct arena *arena, struct kubernetes_type type, const struct value *live, const struct value *config,
                     struct value *out, bool *is_there, struct error *err);

static bool merge_maps(struct arena *arena, const struct kubernetes_atom *atom, const struct value *live, const struct value *config,
                       struct value *out, struct error *err) {
    *out = value_of_map();
    for (size_t i = 0; i < value_count(live); i++) {
        const struct member *member = &live->map.members[i];
        if (!value_find(config, member->key))
            (void)value_put(arena, out, member->key, member->value);
    }
    for (size_t i = 0; i < value_count(config); i++) {
        const struct member *member = &config->map.members[i];
        struct kubernetes_type type;
        (void)kubernetes_type_field(atom, member->key, &type);
        struct value merged;
        bool is_there = false;
        if (!merge_at(arena, type, value_find(live, member->key), &member->value, &merged, &is_there, err))
            return false;
        if (is_there)
            (void)value_put(arena, out, member->key, merged);
    }
    (void)value_sort(out);
    return true;
}

struct indexed {
    const char **elements;
    size_t count;
    struct value by_element; /* of the items; null where an element is there twice */
};

static bool indexed_read(struct arena *arena, const struct kubernetes_atom *atom, const struct value *list, bool allow_duplicates,
                         struct indexed *out, struct error *err) {
    size_t count = value_is(list, VALUE_LIST) ? list->list.count : 0;
    *out = (struct indexed){.elements = ARENA_ARRAY(arena, const char *, count), .by_element = value_of_map()};
    for (size_t i = 0; i < count; i++) {
        const char *element = kubernetes_type_item(arena, atom, &list->list.items[i]);
        if (!element)
            return error_set(err, ERROR_INVALID, "element %zu: associative list with keys has an element that omits all key fields", i);
        bool seen = value_find(&out->by_element, element) != NULL;
        if (seen && !allow_duplicates)
            return error_set(err, ERROR_INVALID, "duplicate entries for key %s", element_text(arena, element));
        (void)value_set(arena, &out->by_element, element, seen ? value_null() : list->list.items[i]);
        out->elements[out->count++] = element;
    }
    return true;
}

static const struct value *indexed_find(const struct indexed *index, const char *element) {
    const struct value *item = value_find(&index->by_element, element);
    return item && item->type != VALUE_NULL ? item : NULL;
}

struct list_merge {
    struct arena *arena;
    const struct kubernetes_atom *atom;
    struct indexed live, config;
    const char **shared; /* elements of both, in the order of the config */
    size_t shared_count, shared_next;
    struct value done; /* elements of the config that have been taken */
    struct value *out;
    struct error *err;
};

static bool list_take(struct list_merge *merge, const struct value *live, const struct value *config) {
    struct value merged;
    bool is_there = false;
    if (!merge_at(merge->arena, merge->atom->element, live, config, &merged, &is_there, merge->err))
        return false;
    if (is_there)
        (void)value_append(merge->arena, merge->out, merged);
    return true;
}

static bool list_take_config(struct list_merge *merge, const char *element) {
    (void)value_set(merge->arena, &merge->done, element, value_null());
    return list_take(merge, indexed_find(&merge->live, element), indexed_find(&merge->config, element));
}

/* Items of the config keep their order; items that only live has stay near their neighbours: the interleaving of merge.go, visitListItems.
 */
static bool list_interleave(struct list_merge *merge, const struct value *live_list) {
    size_t l = 0;
    size_t r = 0;
    const char *next = merge->shared_count ? merge->shared[merge->shared_next++] : NULL;
    while (l < merge->live.count || r < merge->config.count) {
        const char *left = l < merge->live.count ? merge->live.elements[l] : NULL;
        const char *right = r < merge->config.count ? merge->config.elements[r] : NULL;
        if (left && right && text_equal(left, right)) {
            if (!list_take_config(merge, left))
                return false;
            l++;
            r++;
            next = merge->shared_next < merge->shared_count ? merge->shared[merge->shared_next++] : NULL;
            continue;
        }
        if (left && right && value_find(&merge->config.by_element, left) && next && !text_equal(next, left)) {
            l++;
            continue;
        }
        if (left && !value_find(&merge->config.by_element, left)) {
            if (!list_take(merge, &live_list->list.items[l], NULL))
                return false;
            l++;
            continue;
        }
        if (left && value_find(&merge->done, left))
            l++;
        if (!right)
            continue;
        if (!list_take_config(merge, right))
            return false;
        r++;
        if (next && text_equal(next, right))
            next = merge->shared_next < merge->shared_count ? merge->shared[merge->shared_next++] : NULL;
    }
    return true;
}

static bool merge_lists(struct arena *arena, const struct kubernetes_atom *atom, const struct value *live, const struct value *config,
                        struct value *out, struct error *err) {
    struct list_merge merge = {.arena = arena, .atom = atom, .done = value_of_map(), .out = out, .err = err};
    *out = value_of_list();
    if (!indexed_read(arena, atom, config, false, &merge.config, err) || !indexed_read(arena, atom, live, true, &merge.live, err))
        return false;
    merge.shared = ARENA_ARRAY(arena, const char *, merge.config.count);
    for (size_t i = 0; i < merge.config.count; i++)
        if (value_find(&merge.live.by_element, merge.config.elements[i]))
            merge.shared[merge.shared_count++] = merge.config.elements[i];
    return list_interleave(&merge, live);
}

static bool merge_at(struct arena *arena, struct kubernetes_type type, const struct value *live, const struct value *config,
                     struct value *out, bool *is_there, struct error *err) {
    struct kubernetes_atom atom = kubernetes_type_resolve(type, config ? config : live);
    bool both_empty = value_count(live) == 0 && value_count(config) == 0;
    bool mixed = live && config && live->type != config->type && live->type != VALUE_NULL && config->type != VALUE_NULL;
    *is_there = true;
    if (atom.form == FORM_SCALAR || atom.atomic || both_empty || mixed) {
        *out = config ? *config : *live;
        return true;
    }
    if (!config) {
        *out = *live;
        return true;
    }
    bool merged =
        atom.form == FORM_MAP ? merge_maps(arena, &atom, live, config, out, err) : merge_lists(arena, &atom, live, config, out, err);
    *is_there = merged && value_count(out) > 0;
    return merged;
}

bool fields_merge(struct arena *arena, struct kubernetes_type type, const struct value *live, const struct value *config, struct value *out,
                  struct error *err) {
    bool is_there = false;
    return merge_at(arena, type, live, config, out, &is_there, err);
}

static struct value remove_items(struct arena *arena, const struct kubernetes_atom *atom, const struct value *list,
                                 const struct value *set) {
    struct value result = value_of_list();
    for (size_t i = 0; value_is(list, VALUE_LIST) && i < list->list.count; i++) {
        const struct value *item = &list->list.items[i];
        const char *element = kubernetes_type_item(arena, atom, item);
        const struct value *below = element ? value_find(set, element) : NULL;
        if (below && node_is_member(below))
            continue;
        (void)value_append(arena, &result, below ? fields_remove(arena, atom->element, item, below) : *item);
    }
    return value_count(&result) ? result : value_null();
}

struct value fields_remove(struct arena *arena, struct kubernetes_type type, const struct value *value, const struct value *set) {
    struct kubernetes_atom atom = kubernetes_type_resolve(type, value);
    if (atom.form == FORM_SCALAR || value_count(value) == 0)
        return *value;
    if (atom.atomic)
        return value_null();
    if (atom.form != FORM_MAP)
        return remove_items(arena, &atom, value, set);
    struct value result = value_of_map();
    for (size_t i = 0; i < value->map.count; i++) {
        const struct member *member = &value->map.members[i];
        const struct value *below = value_find(set, field_element(arena, member->key));
        if (below && node_is_member(below))
            continue;
        struct kubernetes_type field_type;
        (void)kubernetes_type_field(&atom, member->key, &field_type);
        struct value kept = below ? fields_remove(arena, field_type, &member->value, below) : member->value;
        if (!below || kept.type != VALUE_NULL)
            (void)value_put(arena, &result, member->key, kept);
    }
    (void)value_sort(&result);
    return value_count(&result) ? result : value_null();
}

struct value fields_named(struct arena *arena, struct kubernetes_type type, const struct value *set) {
    struct kubernetes_atom atom = kubernetes_type_resolve(type, NULL);
    struct value result = value_of_map();
    for (size_t i = 0; i < value_count(set); i++) {
        const struct member *member = &set->map.members[i];
        struct value child = member->value;
        if (!text_equal(member->key, member_mark) && !atom.deduced) {
            struct kubernetes_type below = atom.element;
            bool named = text_starts(member->key, "f:") && kubernetes_type_field(&atom, member->key + 2, &below);
            child = fields_named(arena, below, &member->value);
            if (named)
                node_mark(arena, &child);
        }
        (void)value_put(arena, &result, member->key, child);
    }
    (void)value_sort(&result);
    return result;
}
