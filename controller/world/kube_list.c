/* world/kube_list.c: a metadata-only LIST, item by item as it streams, so that a page of any size costs the memory of one item. Field
 * numbers are those of k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto and pkg/runtime/generated.proto. */
#include "base/json.h"
#include "world/kube_parts.h"

static const size_t item_limit_bytes = (size_t)8 << 20;  /* etcd takes objects of 1.5 MiB */
static const size_t json_limit_bytes = (size_t)16 << 20; /* JSON is read whole, so its page is held in memory */
static const size_t scratch_limit_bytes = (size_t)256 << 10;

enum { UNKNOWN_TYPE_META = 1, UNKNOWN_RAW = 2, UNKNOWN_CONTENT_ENCODING = 3, TYPE_META_KIND = 2 };
enum { LIST_METADATA = 1, LIST_ITEMS = 2, LIST_META_CONTINUE = 3, OBJECT_METADATA = 1 };
enum {
    META_NAME = 1,
    META_NAMESPACE = 3,
    META_UID = 5,
    META_RESOURCE_VERSION = 6,
    META_DELETION_TIMESTAMP = 9,
    META_LABELS = 11,
    META_ANNOTATIONS = 12,
    META_MANAGED_FIELDS = 17
};
enum { MAP_KEY = 1, MAP_VALUE = 2 };
enum {
    MANAGED_MANAGER = 1,
    MANAGED_OPERATION = 2,
    MANAGED_API_VERSION = 3,
    MANAGED_FIELDS_V1 = 7,
    MANAGED_SUBRESOURCE = 8,
    FIELDS_V1_RAW = 1
};

/* Where in the answer the next byte stands. */
enum list_state { LIST_STARTS, LIST_ENVELOPE, LIST_INSIDE, LIST_JSON };

struct kube_list {
    enum list_state state;
    struct text pending;   /* bytes of a field that is not whole yet; the whole answer of JSON */
    size_t needed;         /* nothing can be read before so many bytes are pending */
    uint64_t inside_bytes; /* of PartialObjectMetadataList, still to come */
    bool right_kind, had_list;
    char *next_page;
    struct arena *scratch; /* of the items */
    const char *manager;
    bool (*on_item)(void *context, const struct kube_item *item, struct error *err);
    void *context;
};

struct kube_list *kube_list_new(void) {
    struct kube_list *list = calloc(1, sizeof *list);
    if (list == NULL)
        abort();
    text_init(&list->pending, json_limit_bytes);
    return list;
}

void kube_list_free(struct kube_list *list) {
    if (list == NULL)
        return;
    text_done(&list->pending);
    arena_free(list->scratch);
    free(list->next_page);
    free(list);
}

void kube_list_begin(struct kube_list *list, const char *manager,
                     bool (*on_item)(void *context, const struct kube_item *item, struct error *err), void *context) {
    text_clear(&list->pending);
    free(list->next_page);
    list->next_page = NULL;
    list->state = LIST_STARTS;
    list->needed = 0;
    list->inside_bytes = 0;
    list->right_kind = list->had_list = false;
    list->manager = manager;
    list->on_item = on_item;
    list->context = context;
}

static bool list_malformed(struct error *err, const char *what) {
    return error_set(err, ERROR_BROKEN, "the list cannot be read: %s", what);
}

static struct arena *list_scratch(struct kube_list *list) {
    if (list->scratch != NULL && arena_used_bytes(list->scratch) > scratch_limit_bytes) {
        arena_free(list->scratch);
        list->scratch = NULL;
    }
    if (list->scratch == NULL)
        list->scratch = arena_new();
    return list->scratch;
}

/* ---- one object ---- */

static bool pair_add(struct arena *arena, const struct protobuf_field *pair, struct value *map) {
    struct protobuf message = protobuf_of(pair->bytes, pair->length);
    const char *key = "", *text = "";
    for (struct protobuf_field field; protobuf_next(&message, &field);) {
        if (field.type != PROTOBUF_BYTES)
            continue;
        if (field.number == MAP_KEY)
            key = protobuf_text(arena, &field);
        else if (field.number == MAP_VALUE)
            text = protobuf_text(arena, &field);
    }
    value_put(arena, map, key, value_of_text(text));
    return !message.broken;
}

static bool fields_raw(const struct protobuf_field *fields, struct protobuf_field *out) {
    struct protobuf message = protobuf_of(fields->bytes, fields->length);
    for (struct protobuf_field field; protobuf_next(&message, &field);) {
        if (field.number == FIELDS_V1_RAW && field.type == PROTOBUF_BYTES)
            *out = field;
    }
    return !message.broken;
}

/* Only our own entry is copied: others' field sets are most of the bytes. */
static bool managed_read(struct arena *arena, const struct protobuf_field *entry, const char *manager, struct kube_item *item) {
    struct protobuf message = protobuf_of(entry->bytes, entry->length);
    struct protobuf_field api_version = {0}, raw = {0};
    bool ours = false, applied = false, of_subresource = false;
    for (struct protobuf_field field; protobuf_next(&message, &field);) {
        if (field.type != PROTOBUF_BYTES)
            continue;
        if (field.number == MANAGED_MANAGER)
            ours = manager != NULL && protobuf_is(&field, manager);
        else if (field.number == MANAGED_OPERATION)
            applied = protobuf_is(&field, "Apply");
        else if (field.number == MANAGED_API_VERSION)
            api_version = field;
        else if (field.number == MANAGED_SUBRESOURCE)
            of_subresource = field.length > 0;
        else if (field.number == MANAGED_FIELDS_V1 && !fields_raw(&field, &raw))
            return false;
    }
    if (message.broken)
        return false;
    if (!ours || !applied || of_subresource)
        return true;
    item->our_entry_count++;
    item->our_fields = raw.bytes == NULL ? NULL : protobuf_text(arena, &raw);
    item->our_fields_version = protobuf_text(arena, &api_version);
    return true;
}

static bool meta_field_read(struct arena *arena, const struct protobuf_field *field, const char *manager, struct kube_item *item) {
    switch (field->number) {
    case META_NAME:
        item->name = protobuf_text(arena, field);
        return true;
    case META_NAMESPACE:
        item->namespace = field->length == 0 ? NULL : protobuf_text(arena, field);
        return true;
    case META_UID:
        item->uid = protobuf_text(arena, field);
        return true;
    case META_RESOURCE_VERSION:
        item->resource_version = protobuf_text(arena, field);
        return true;
    case META_DELETION_TIMESTAMP:
        item->deleting = true;
        return true;
    case META_LABELS:
        return pair_add(arena, field, &item->labels);
    case META_ANNOTATIONS:
        return pair_add(arena, field, &item->annotations);
    case META_MANAGED_FIELDS:
        return managed_read(arena, field, manager, item);
    default:
        return true;
    }
}

static bool meta_read(struct arena *arena, const struct protobuf_field *meta, const char *manager, struct kube_item *item) {
    struct protobuf message = protobuf_of(meta->bytes, meta->length);
    for (struct protobuf_field field; protobuf_next(&message, &field);) {
        if (field.type == PROTOBUF_BYTES && !meta_field_read(arena, &field, manager, item))
            return false;
    }
    return !message.broken;
}

static bool item_give(struct kube_list *list, struct kube_item *item, struct error *err) {
    if (text_is_empty(item->name))
        return list_malformed(err, "an object has no name");
    if (value_sort(&item->labels) != NULL || value_sort(&item->annotations) != NULL)
        return list_malformed(err, "an object has a label or annotation twice");
    return list->on_item == NULL || list->on_item(list->context, item, err);
}

static bool item_read(struct kube_list *list, const struct protobuf_field *object, struct error *err) {
    struct kube_item item = {.labels = value_of_map(), .annotations = value_of_map()};
    struct arena *scratch = list_scratch(list);
    struct protobuf message = protobuf_of(object->bytes, object->length);
    for (struct protobuf_field field; protobuf_next(&message, &field);) {
        if (field.number == OBJECT_METADATA && field.type == PROTOBUF_BYTES && !meta_read(scratch, &field, list->manager, &item))
            return list_malformed(err, "an object's metadata is malformed protobuf");
    }
    if (message.broken)
        return list_malformed(err, "an object is malformed protobuf");
    return item_give(list, &item, err);
}

/* ---- the list around the objects ---- */

static void page_keep(struct kube_list *list, const char *bytes, size_t length) {
    free(list->next_page);
    list->next_page = length == 0 ? NULL : strndup(bytes, length);
}

static bool list_meta_read(struct kube_list *list, const struct protobuf_field *meta, struct error *err) {
    struct protobuf message = protobuf_of(meta->bytes, meta->length);
    for (struct protobuf_field field; protobuf_next(&message, &field);) {
        if (field.number == LIST_META_CONTINUE && field.type == PROTOBUF_BYTES)
            page_keep(list, field.bytes, field.length);
    }
    return !message.broken || list_malformed(err, "its metadata is malformed protobuf");
}

static bool type_meta_read(struct kube_list *list, const struct protobuf_field *type_meta, struct error *err) {
    struct protobuf message = protobuf_of(type_meta->bytes, type_meta->length);
    for (struct protobuf_field field; protobuf_next(&message, &field);) {
        if (field.number == TYPE_META_KIND && field.type == PROTOBUF_BYTES)
            list->right_kind = protobuf_is(&field, "PartialObjectMetadataList");
    }
    return !message.broken || list_malformed(err, "its envelope is malformed protobuf");
}

static bool envelope_field_read(struct kube_list *list, const struct protobuf_field *field, struct error *err) {
    if (field->type == PROTOBUF_BYTES && field->number == UNKNOWN_TYPE_META)
        return type_meta_read(list, field, err);
    if (field->type == PROTOBUF_BYTES && field->number == UNKNOWN_CONTENT_ENCODING && field->length > 0)
        return list_malformed(err, "its envelope says that it is encoded once more");
    return true;
}

static bool inside_field_read(struct kube_list *list, const struct protobuf_field *field, struct error *err) {
    if (field->type == PROTOBUF_BYTES && field->number == LIST_METADATA)
        return list_meta_read(list, field, err);
    if (field->type == PROTOBUF_BYTES && field->number == LIST_ITEMS)
        return item_read(list, field, err);
    return true;
}

static bool list_enter(struct kube_list *list, const struct protobuf_field *raw, struct error *err) {
    if (!list->right_kind)
        return list_malformed(err, "it is protobuf, but no PartialObjectMetadataList");
    if (list->had_list)
        return list_malformed(err, "its envelope holds two");
    list->had_list = true;
    list->inside_bytes = raw->length;
    list->state = raw->length > 0 ? LIST_INSIDE : LIST_ENVELOPE;
    return true;
}

/* Reads one field that begins at `bytes`; *taken is 0 when it is not whole yet, and list->needed then says how much it takes. */
static bool field_read(struct kube_list *list, const char *bytes, size_t length, size_t *taken, struct error *err) {
    struct protobuf_field field;
    bool broken = false, inside = list->state == LIST_INSIDE;
    size_t head = protobuf_head(bytes, length, &field, &broken);
    *taken = 0;
    if (broken)
        return list_malformed(err, "it is malformed protobuf");
    if (head == 0) {
        list->needed = length + 1;
        return !inside || length < list->inside_bytes || list_malformed(err, "a field leaves the list");
    }
    if (!inside && field.number == UNKNOWN_RAW && field.type == PROTOBUF_BYTES) {
        *taken = head;
        return list_enter(list, &field, err);
    }
    if (field.length > item_limit_bytes)
        return error_set(err, ERROR_BROKEN, "the list cannot be read: an object's metadata is larger than %zu MiB", item_limit_bytes >> 20);
    if (inside && head + field.length > list->inside_bytes)
        return list_malformed(err, "an object leaves the list");
    if (head + field.length > length) {
        list->needed = head + field.length;
        return true;
    }
    field.bytes = bytes + head;
    *taken = head + field.length;
    if (!inside)
        return envelope_field_read(list, &field, err);
    list->inside_bytes -= *taken;
    if (list->inside_bytes == 0)
        list->state = LIST_ENVELOPE;
    return inside_field_read(list, &field, err);
}

static bool start_read(struct kube_list *list, const char *bytes, size_t length, size_t *taken, struct error *err) {
    static const char magic[4] = {'k', '8', 's', '\0'};
    *taken = 0;
    if (bytes[0] != magic[0]) {
        list->state = LIST_JSON;
        return true;
    }
    if (length < sizeof magic) {
        list->needed = sizeof magic;
        return true;
    }
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return list_malformed(err, "it is neither Kubernetes protobuf nor JSON");
    *taken = sizeof magic;
    list->state = LIST_ENVELOPE;
    return true;
}

/* Reads what is whole; *taken of the bytes are then done with. */
static bool fields_read(struct kube_list *list, const char *bytes, size_t length, size_t *taken, struct error *err) {
    *taken = 0;
    list->needed = 0;
    while (*taken < length && list->needed == 0 && list->state != LIST_JSON) {
        size_t more = 0;
        bool fine = list->state == LIST_STARTS ? start_read(list, bytes, length, &more, err)
                                               : field_read(list, bytes + *taken, length - *taken, &more, err);
        if (!fine)
            return false;
        *taken += more;
    }
    return true;
}

static bool pending_add(struct kube_list *list, const char *bytes, size_t length, struct error *err) {
    text_add_bytes(&list->pending, bytes, length);
    if (list->pending.full)
        return error_set(err, ERROR_BROKEN, "the list cannot be read: a page in JSON is larger than %zu MiB", json_limit_bytes >> 20);
    return true;
}

static void pending_drop(struct kube_list *list, size_t taken) {
    struct text *pending = &list->pending;
    if (taken == 0)
        return;
    memmove(pending->data, pending->data + taken, pending->length - taken + 1);
    pending->length -= taken;
}

bool kube_list_read(void *reader, const char *bytes, size_t length, struct error *err) {
    struct kube_list *list = reader;
    size_t taken = 0;
    if (length == 0)
        return true;
    if (list->pending.length == 0 && list->state != LIST_JSON) { /* the usual case: straight from the bytes that came */
        if (!fields_read(list, bytes, length, &taken, err))
            return false;
        return pending_add(list, bytes + taken, length - taken, err);
    }
    if (!pending_add(list, bytes, length, err))
        return false;
    if (list->state == LIST_JSON || list->pending.length < list->needed)
        return true;
    if (!fields_read(list, list->pending.data, list->pending.length, &taken, err))
        return false;
    pending_drop(list, taken);
    return true;
}

/* ---- the same in JSON ---- */

static bool json_managed_read(struct arena *arena, const struct value *entries, const char *manager, struct kube_item *item) {
    for (size_t i = 0; i < value_count(entries); i++) {
        const struct value *entry = &entries->list.items[i];
        if (manager == NULL || !text_equal(value_text_at(entry, "manager"), manager) ||
            !text_equal(value_text_at(entry, "operation"), "Apply") || !text_is_empty(value_text_at(entry, "subresource")))
            continue;
        const struct value *fields = value_at(entry, "fieldsV1");
        item->our_entry_count++;
        item->our_fields = fields == NULL ? NULL : json_text(arena, fields);
        item->our_fields_version = value_text_at(entry, "apiVersion");
    }
    return true;
}

static bool json_item_read(struct kube_list *list, const struct value *object, struct error *err) {
    const struct value *metadata = value_at(object, "metadata");
    const struct value *labels = value_at(metadata, "labels"), *annotations = value_at(metadata, "annotations");
    const struct value *entries = value_at(metadata, "managedFields");
    const char *namespace = value_text_at(metadata, "namespace");
    struct kube_item item = {.name = value_text_at(metadata, "name"),
                             .namespace = text_is_empty(namespace) ? NULL : namespace,
                             .uid = value_text_at(metadata, "uid"),
                             .resource_version = value_text_at(metadata, "resourceVersion"),
                             .deleting = value_text_at(metadata, "deletionTimestamp") != NULL,
                             .labels = value_is(labels, VALUE_MAP) ? *labels : value_of_map(),
                             .annotations = value_is(annotations, VALUE_MAP) ? *annotations : value_of_map()};
    if (value_is(entries, VALUE_LIST))
        json_managed_read(list_scratch(list), entries, list->manager, &item);
    return item_give(list, &item, err);
}

static bool json_read(struct kube_list *list, struct error *err) {
    ARENA_AUTO *arena = arena_new();
    struct value whole;
    if (!json_parse(arena, "list", list->pending.data, list->pending.length, &whole, err))
        return false;
    const struct value *items = value_at(&whole, "items");
    if (!text_ends(value_text_at(&whole, "kind") == NULL ? "" : value_text_at(&whole, "kind"), "List"))
        return list_malformed(err, "it is JSON, but of no kind that ends with \"List\"");
    if (items != NULL && !value_is(items, VALUE_NULL) && !value_is(items, VALUE_LIST))
        return list_malformed(err, "its \"items\" are no list");
    const char *next_page = value_text_at(&whole, "metadata.continue");
    if (next_page != NULL)
        page_keep(list, next_page, strlen(next_page));
    for (size_t i = 0; value_is(items, VALUE_LIST) && i < items->list.count; i++) {
        if (!json_item_read(list, &items->list.items[i], err))
            return false;
    }
    return true;
}

bool kube_list_end(struct kube_list *list, struct arena *arena, const char **out_next_page, struct error *err) {
    if (list->state == LIST_JSON) {
        if (!json_read(list, err))
            return false;
    } else if (list->state != LIST_ENVELOPE || !list->had_list || list->pending.length > 0) {
        return error_set(err, ERROR_BUSY, "the list ended before it was whole");
    }
    *out_next_page = list->next_page == NULL ? NULL : arena_copy(arena, list->next_page, strlen(list->next_page));
    return true;
}
