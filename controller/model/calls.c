/* model/calls.c: from differences to AWS calls, by the rows. */
#include "base/hash.h"
#include "model/calls.h"

#define NAME_LIMIT 63 /* the longest name of a node group */

static struct call *add_call(struct arena *arena, struct calls *calls, const struct operation *operation, const char *update_type) {
    calls->items = arena_grow(arena, calls->items, calls->count, sizeof *calls->items);
    struct call *call = &calls->items[calls->count++];
    *call = (struct call){.operation = operation, .update_type = update_type, .input = value_of_map()};
    return call;
}

/* What names the resource in the call: as it lives, else as it was declared. */
static void set_keys(struct arena *arena, struct call *call, const struct value *live, const struct value *desired) {
    const struct operation_key *keys = call->operation->keys;
    for (size_t i = 0; keys && keys[i].member; i++) {
        const struct value *value = value_at(live, keys[i].from);
        if (!value)
            value = value_at(desired, keys[i].from);
        if (value)
            value_set_at(arena, &call->input, keys[i].member, *value);
    }
}

static struct call *find_or_add(struct arena *arena, struct calls *calls, const struct difference *difference,
                                const struct operation *operation, const char *update_type) {
    for (size_t i = 0; i < calls->count; i++) {
        if (calls->items[i].operation == operation && text_equal(calls->items[i].update_type, update_type))
            return &calls->items[i];
    }
    struct call *call = add_call(arena, calls, operation, update_type);
    set_keys(arena, call, difference->live ? &difference->live->object : NULL, &difference->desired);
    return call;
}

static struct value *list_at(struct arena *arena, struct value *input, const char *path) {
    const struct value *there = value_at(input, path);
    if (value_is(there, VALUE_LIST))
        return (struct value *)(uintptr_t)there;
    return value_set_at(arena, input, path, value_of_list());
}

static struct value *map_at(struct arena *arena, struct value *input, const char *path) {
    const struct value *there = value_at(input, path);
    if (value_is(there, VALUE_MAP))
        return (struct value *)(uintptr_t)there;
    return value_set_at(arena, input, path, value_of_map());
}

static void set_whole(struct arena *arena, struct call *call, const struct field *field, const struct value *value) {
    value_set_at(arena, &call->input, field->add_path ? field->add_path : field->path, *value);
}

/* Fields that the update must carry beside the changed one, changed or not. */
static void set_companions(struct arena *arena, struct call *call, const struct difference *difference, const struct field *field) {
    const struct kind *row = difference->resource->row;
    for (const char *at = field->with; at && *at;) {
        size_t length = strcspn(at, ",");
        const struct field *other = schema_field(row, arena_copy(arena, at, length));
        const struct value *value = other ? value_at(&difference->desired, other->path) : NULL;
        if (value && !value_at(&call->input, other->add_path ? other->add_path : other->path))
            set_whole(arena, call, other, value);
        at += length + (at[length] == ',');
    }
}

static void add_whole(struct arena *arena, struct calls *calls, const struct difference *difference, const struct change *change) {
    const struct field *field = change->field;
    if (!change->after) {
        if (field->remove)
            find_or_add(arena, calls, difference, field->remove, field->update_type);
        return;
    }
    struct call *call = find_or_add(arena, calls, difference, field->update, field->update_type);
    set_whole(arena, call, field, change->after);
    set_companions(arena, call, difference, field);
}

static void add_delta(struct arena *arena, struct calls *calls, const struct difference *difference, const struct change *change) {
    const struct field *field = change->field;
    struct call *call = find_or_add(arena, calls, difference, field->update, field->update_type);
    bool map = field->type == TYPE_TEXT_MAP;
    if (change->after && map)
        value_set(arena, map_at(arena, &call->input, field->add_path), change->item, *change->after);
    else if (change->after)
        value_append(arena, list_at(arena, &call->input, field->add_path), *change->after);
    else
        value_append(arena, list_at(arena, &call->input, field->remove_path), map ? value_of_text(change->item) : *change->before);
}

static void add_tag(struct arena *arena, struct calls *calls, const struct difference *difference, const struct change *change) {
    const struct field *field = change->field;
    const struct operation *operation = change->after ? field->update : field->remove;
    struct call *call = find_or_add(arena, calls, difference, operation, field->update_type);
    if (change->after)
        value_set(arena, map_at(arena, &call->input, field->add_path ? field->add_path : "tags"), change->item, *change->after);
    else
        value_append(arena, list_at(arena, &call->input, field->remove_path ? field->remove_path : "tagKeys"), value_of_text(change->item));
}

static void add_each(struct arena *arena, struct calls *calls, const struct difference *difference, const struct change *change) {
    const struct field *field = change->field;
    struct call *call = add_call(arena, calls, change->after ? field->update : field->remove, field->update_type);
    set_keys(arena, call, difference->live ? &difference->live->object : NULL, &difference->desired);
    bool map = field->type == TYPE_DOCUMENT_MAP || field->type == TYPE_TEXT_MAP;
    const struct value *item = change->after ? change->after : change->before;
    const char *path = change->after || !field->remove_path ? field->add_path : field->remove_path;
    const struct value *named = path && !map ? value_find(item, path) : NULL;
    if (value_is(item, VALUE_MAP) && !map && change->after) {
        for (size_t i = 0; i < item->map.count; i++)
            value_set(arena, &call->input, item->map.members[i].key, item->map.members[i].value);
    } else if (path) {
        value_set_at(arena, &call->input, path, map ? value_of_text(change->item) : named ? *named : *item);
    }
    if (map && change->after && field->value_path)
        value_set_at(arena, &call->input, field->value_path, *change->after);
}

static void add_change(struct arena *arena, struct calls *calls, const struct difference *difference, const struct change *change) {
    static void (*const by_encode[])(struct arena *, struct calls *, const struct difference *, const struct change *) = {
        [ENCODE_WHOLE] = add_whole, [ENCODE_DELTA] = add_delta, [ENCODE_TAGS] = add_tag, [ENCODE_EACH] = add_each};
    const struct operation *operation = change->after ? change->field->update : change->field->remove;
    bool by_update = change->field->encode == ENCODE_DELTA;
    if (operation || (by_update && change->field->update))
        by_encode[change->field->encode](arena, calls, difference, change);
}

/* Versions go first, tags last, what lies between in the order of the rows: the same plan always has the same calls. */
static int call_rank(const struct field *field) {
    if (field->encode == ENCODE_TAGS)
        return 2;
    return text_equal(field->update_type, "VersionUpdate") ? 0 : 1;
}

void calls_change(const struct difference *difference, struct arena *arena, struct calls *out) {
    struct calls calls = {0};
    const struct kind *row = difference->resource->row;
    for (int rank = 0; rank <= 2; rank++) {
        for (const struct field *field = row->fields; field->path; field++) {
            for (size_t i = 0; i < difference->change_count && call_rank(field) == rank; i++) {
                const struct change *change = &difference->changes[i];
                if (change->field == field && !change->informs && !change->replaces)
                    add_change(arena, &calls, difference, change);
            }
        }
    }
    *out = calls;
}

static void add_after_create(const struct difference *difference, const struct field *field, struct arena *arena, struct calls *calls) {
    const struct value *desired = value_at(&difference->desired, field->path);
    bool map = value_is(desired, VALUE_MAP);
    for (size_t i = 0; (map || value_is(desired, VALUE_LIST)) && i < value_count(desired) && field->update; i++) {
        struct change change = {.path = field->path, .field = field};
        change.after = map ? &desired->map.members[i].value : &desired->list.items[i];
        change.item = map ? desired->map.members[i].key : NULL;
        add_each(arena, calls, difference, &change);
    }
}

static bool travels_at_create(const struct field *field) {
    if (field->change == CHANGE_LOCAL || field->change == CHANGE_OBSERVED || field->change == CHANGE_MEMBERS)
        return false;
    return field->encode != ENCODE_EACH || field->with_create;
}

static bool has_row_above(const struct kind *row, const struct field *field) {
    for (const struct field *other = row->fields; other->path; other++) {
        size_t length = strlen(other->path);
        if (other != field && other->type == TYPE_OBJECT && other->change != CHANGE_MEMBERS &&
            strncmp(field->path, other->path, length) == 0 && field->path[length] == '.')
            return true;
    }
    return false;
}

void calls_create(const struct difference *difference, struct arena *arena, struct calls *out) {
    struct calls calls = {0};
    const struct kind *row = difference->resource->row;
    if (!row->create) {
        *out = calls;
        return;
    }
    struct call *create = add_call(arena, &calls, row->create, NULL);
    set_keys(arena, create, NULL, &difference->desired);
    for (const struct field *field = row->fields; field->path; field++) {
        const struct value *value = value_at(&difference->desired, field->path);
        if (value && travels_at_create(field) && !strstr(field->path, "[]") && !has_row_above(row, field))
            value_set_at(arena, &create->input, field->path, *value);
    }
    for (const struct field *field = row->fields; field->path; field++) {
        if (field->encode == ENCODE_EACH && !field->with_create)
            add_after_create(difference, field, arena, &calls);
    }
    *out = calls;
}

/* A name beside the old one, from what is declared: a repeat after a crash makes the same. */
static const char *new_name(const struct difference *difference, const char *name, struct arena *arena) {
    struct digest digest = hash_value(&difference->desired);
    const char *hex = hash_hex(arena, &digest);
    int room = NAME_LIMIT - 5;
    return arena_text(arena, "%.*s-%.4s", room, name, hex);
}

static void append_calls(struct arena *arena, struct calls *calls, const struct calls *more, enum call_after first_after) {
    for (size_t i = 0; i < more->count; i++) {
        struct call *call = add_call(arena, calls, more->items[i].operation, more->items[i].update_type);
        *call = more->items[i];
        if (i == 0)
            call->after = first_after;
    }
}

void calls_replace(const struct difference *difference, struct arena *arena, struct calls *out) {
    const struct kind *row = difference->resource->row;
    struct calls create = {0};
    struct calls removal = {0};
    calls_create(difference, arena, &create);
    calls_delete(row, &difference->live->object, &difference->desired, arena, &removal);
    struct calls calls = {0};
    const char *name = value_text_at(&difference->desired, row->name_member ? row->name_member : "");
    if (row->create_first && name) {
        for (size_t i = 0; i < create.count; i++)
            value_set(arena, &create.items[i].input, row->name_member, value_of_text(new_name(difference, name, arena)));
        append_calls(arena, &calls, &create, CALL_AFTER_DONE);
        append_calls(arena, &calls, &removal, CALL_AFTER_READY);
    } else {
        append_calls(arena, &calls, &removal, CALL_AFTER_DONE);
        append_calls(arena, &calls, &create, CALL_AFTER_GONE);
    }
    *out = calls;
}

static bool emptied_before(const struct kind *row, const struct field *field) {
    for (const struct kind_read *read = row->before_remove; read && read->operation; read++) {
        if (text_equal(read->into, field->path))
            return true;
    }
    return false;
}

void calls_delete(const struct kind *row, const struct value *object, const struct value *desired, struct arena *arena, struct calls *out) {
    struct calls calls = {0};
    struct difference difference = {.desired = desired ? *desired : value_of_map()};
    struct live live = {.object = object ? *object : value_null()};
    difference.live = &live;
    for (const struct field *field = row->fields; field->path; field++) {
        const struct value *items = value_at(object, field->live ? field->live : field->path);
        bool map = value_is(items, VALUE_MAP);
        bool emptied = field->encode == ENCODE_EACH && field->remove && emptied_before(row, field);
        for (size_t i = 0; emptied && (map || value_is(items, VALUE_LIST)) && i < value_count(items); i++) {
            struct change change = {.path = field->path, .field = field};
            change.before = map ? &items->map.members[i].value : &items->list.items[i];
            change.item = map ? items->map.members[i].key : value_text(change.before);
            add_each(arena, &calls, &difference, &change);
        }
    }
    if (row->remove) {
        struct call *call = add_call(arena, &calls, row->remove, NULL);
        set_keys(arena, call, object, desired);
    }
    *out = calls;
}
