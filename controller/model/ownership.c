/* model/ownership.c: does our entry of managedFields still cover all that is declared? FieldsV1 as in KEP-555. */
#include "base/json.h"
#include "model/live.h"

/* Keys of list items are JSON inside of JSON: parsed only when the first list is met. */
struct walk {
    struct arena *arena;
};

static bool covers_value(struct walk *walk, const struct value *declared, const struct value *node);

static bool is_empty(const struct value *value) {
    return value_is(value, VALUE_NULL) || ((value_is(value, VALUE_MAP) || value_is(value, VALUE_LIST)) && value_count(value) == 0);
}

static const struct value *find_field(const struct value *node, const char *key) {
    char name[1100];
    int length = snprintf(name, sizeof name, "f:%s", key);
    if (length < 0 || (size_t)length >= sizeof name)
        return NULL;
    return value_find(node, name);
}

static bool parse_key(struct walk *walk, const char *key, struct value *out) {
    struct error err = {0};
    if (!walk->arena)
        walk->arena = arena_new();
    return json_parse(walk->arena, "key of a list item", key + 2, strlen(key + 2), out, &err);
}

/* What the item does not declare (a port's protocol) was defaulted by the server before it became the key. */
static bool key_fits(const struct value *key, const struct value *item) {
    bool some = false;
    for (size_t i = 0; i < value_count(key); i++) {
        const struct value *declared = value_find(item, key->map.members[i].key);
        if (declared && !value_equal(declared, &key->map.members[i].value))
            return false;
        some = some || declared;
    }
    return some;
}

static bool covers_item(struct walk *walk, const struct value *item, const struct value *node) {
    for (size_t i = 0; i < value_count(node); i++) {
        const struct member *member = &node->map.members[i];
        struct value key;
        bool keyed = text_starts(member->key, "k:");
        if ((!keyed && !text_starts(member->key, "v:")) || !parse_key(walk, member->key, &key))
            continue;
        if (!keyed && value_equal(&key, item))
            return true;
        /* An item's node always holds its keys as fields: one that is {} has lost what was ours. */
        if (keyed && value_is(&key, VALUE_MAP) && value_is(item, VALUE_MAP) && value_count(&member->value) > 0 && key_fits(&key, item) &&
            covers_value(walk, item, &member->value))
            return true;
    }
    return false;
}

static bool covers_member(struct walk *walk, const struct member *member, const struct value *node) {
    const struct value *child = find_field(node, member->key);
    if (!child)
        return is_empty(&member->value);
    return covers_value(walk, &member->value, child);
}

static bool covers_value(struct walk *walk, const struct value *declared, const struct value *node) {
    if (!value_is(node, VALUE_MAP))
        return false;
    if (node->map.count == 0 || is_empty(declared))
        return true;
    if (value_is(declared, VALUE_MAP)) {
        for (size_t i = 0; i < declared->map.count; i++) {
            if (!covers_member(walk, &declared->map.members[i], node))
                return false;
        }
        return true;
    }
    if (!value_is(declared, VALUE_LIST))
        return false;
    for (size_t i = 0; i < declared->list.count; i++) {
        if (!covers_item(walk, &declared->list.items[i], node))
            return false;
    }
    return true;
}

static bool covers_metadata(struct walk *walk, const struct value *metadata, const struct value *node) {
    for (size_t i = 0; i < value_count(metadata); i++) {
        const struct member *member = &metadata->map.members[i];
        if (text_equal(member->key, "name") || text_equal(member->key, "namespace"))
            continue;
        if (!covers_member(walk, member, node))
            return false;
    }
    return true;
}

static bool covers_object(struct walk *walk, const struct value *declared, const struct value *fields) {
    for (size_t i = 0; i < declared->map.count; i++) {
        const struct member *member = &declared->map.members[i];
        if (text_equal(member->key, "apiVersion") || text_equal(member->key, "kind"))
            continue;
        if (text_equal(member->key, "metadata") && value_is(&member->value, VALUE_MAP)) {
            if (!covers_metadata(walk, &member->value, find_field(fields, "metadata")))
                return false;
        } else if (!covers_member(walk, member, fields)) {
            return false;
        }
    }
    return true;
}

bool ownership_covers(const struct value *declared, const struct value *fields) {
    if (!value_is(declared, VALUE_MAP) || !value_is(fields, VALUE_MAP))
        return false;
    struct walk walk = {0};
    bool covers = covers_object(&walk, declared, fields);
    arena_free(walk.arena);
    return covers;
}
