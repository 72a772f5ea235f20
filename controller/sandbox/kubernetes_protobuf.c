/* kubernetes_protobuf.c: object metadata as the API server writes it in protobuf (k8s.io/apimachinery meta/v1 generated.proto and
 * runtime generated.proto). Members that Go's structs always have are always written, empty ones too. */
#include "sandbox/kubernetes.h"

#include "base/clock.h"
#include "base/json.h"

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

static size_t varint_bytes(uint64_t number, unsigned char *bytes) {
    size_t count = 0;
    do {
        bytes[count] = (unsigned char)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
        number >>= 7;
        count++;
    } while (number);
    return count;
}

static void add_varint(struct text *text, uint64_t number) {
    unsigned char bytes[10];
    size_t count = varint_bytes(number, bytes);
    text_add_bytes(text, (const char *)bytes, count);
}

static void add_tag(struct text *text, unsigned field, unsigned wire) {
    add_varint(text, (uint64_t)field << 3 | wire);
}

static void add_bytes(struct text *text, unsigned field, const char *bytes, size_t length) {
    add_tag(text, field, WIRE_BYTES);
    add_varint(text, length);
    text_add_bytes(text, bytes, length);
}

static void add_string(struct text *text, unsigned field, const char *string) {
    const char *bytes = string ? string : "";
    add_bytes(text, field, bytes, strlen(bytes));
}

static void add_string_if(struct text *text, unsigned field, const char *string) {
    if (string)
        add_string(text, field, string);
}

static void add_integer(struct text *text, unsigned field, int64_t integer) {
    add_tag(text, field, WIRE_VARINT);
    add_varint(text, (uint64_t)integer);
}

/* A message is written in place; its length is put in front of it when it is known. */
static size_t message_begin(struct text *text, unsigned field) {
    add_tag(text, field, WIRE_BYTES);
    return text->length;
}

static void message_end(struct text *text, size_t begin) {
    unsigned char bytes[10];
    size_t length = text->length - begin;
    size_t count = varint_bytes(length, bytes);
    text_add_bytes(text, (const char *)bytes, count);
    if (text->full)
        return;
    memmove(text->data + begin + count, text->data + begin, length);
    memcpy(text->data + begin, bytes, count);
}

static void add_time(struct text *text, unsigned field, const char *time) {
    int64_t wall_ms = 0;
    size_t begin = message_begin(text, field);
    if (time && time_parse(time, &wall_ms)) {
        add_integer(text, 1, wall_ms / 1000);
        add_integer(text, 2, 0);
    }
    message_end(text, begin);
}

static void add_map(struct text *text, unsigned field, const struct value *map) {
    for (size_t i = 0; value_is(map, VALUE_MAP) && i < map->map.count; i++) {
        size_t begin = message_begin(text, field);
        add_string(text, 1, map->map.members[i].key);
        add_string(text, 2, value_text(&map->map.members[i].value));
        message_end(text, begin);
    }
}

static void add_owner(struct text *text, unsigned field, const struct value *owner) {
    size_t begin = message_begin(text, field);
    add_string(text, 1, value_text_at(owner, "kind"));
    add_string(text, 3, value_text_at(owner, "name"));
    add_string(text, 4, value_text_at(owner, "uid"));
    add_string(text, 5, value_text_at(owner, "apiVersion"));
    if (value_find(owner, "controller"))
        add_integer(text, 6, value_boolean(value_find(owner, "controller"), false));
    if (value_find(owner, "blockOwnerDeletion"))
        add_integer(text, 7, value_boolean(value_find(owner, "blockOwnerDeletion"), false));
    message_end(text, begin);
}

static void add_managed(struct text *text, unsigned field, const struct value *entry) {
    TEXT_AUTO json;
    text_init(&json, 16u << 20);
    size_t begin = message_begin(text, field);
    add_string(text, 1, value_text_at(entry, "manager"));
    add_string(text, 2, value_text_at(entry, "operation"));
    add_string(text, 3, value_text_at(entry, "apiVersion"));
    if (value_find(entry, "time"))
        add_time(text, 4, value_text_at(entry, "time"));
    add_string(text, 6, value_text_at(entry, "fieldsType"));
    if (value_find(entry, "fieldsV1")) {
        json_render(&json, value_find(entry, "fieldsV1"), 0);
        size_t fields = message_begin(text, 7);
        add_bytes(text, 1, json.data, json.length);
        message_end(text, fields);
    }
    add_string(text, 8, value_text_at(entry, "subresource"));
    message_end(text, begin);
}

static void add_metadata(struct text *text, unsigned field, const struct value *metadata) {
    size_t begin = message_begin(text, field);
    add_string(text, 1, value_text_at(metadata, "name"));
    add_string(text, 2, value_text_at(metadata, "generateName"));
    add_string(text, 3, value_text_at(metadata, "namespace"));
    add_string(text, 4, NULL);
    add_string(text, 5, value_text_at(metadata, "uid"));
    add_string(text, 6, value_text_at(metadata, "resourceVersion"));
    add_integer(text, 7, value_integer(value_find(metadata, "generation"), 0));
    add_time(text, 8, value_text_at(metadata, "creationTimestamp"));
    if (value_find(metadata, "deletionTimestamp"))
        add_time(text, 9, value_text_at(metadata, "deletionTimestamp"));
    if (value_find(metadata, "deletionGracePeriodSeconds"))
        add_integer(text, 10, value_integer(value_find(metadata, "deletionGracePeriodSeconds"), 0));
    add_map(text, 11, value_find(metadata, "labels"));
    add_map(text, 12, value_find(metadata, "annotations"));
    const struct value *owners = value_find(metadata, "ownerReferences");
    for (size_t i = 0; i < value_count(owners); i++)
        add_owner(text, 13, &owners->list.items[i]);
    const struct value *finalizers = value_find(metadata, "finalizers");
    for (size_t i = 0; i < value_count(finalizers); i++)
        add_string(text, 14, value_text(&finalizers->list.items[i]));
    const struct value *managed = value_find(metadata, "managedFields");
    for (size_t i = 0; i < value_count(managed); i++)
        add_managed(text, 17, &managed->list.items[i]);
    message_end(text, begin);
}

/* runtime.Unknown behind its magic number; returns where its raw bytes begin. */
static size_t envelope_begin(struct text *text, const char *kind) {
    text_add_bytes(text, "k8s\0", 4);
    size_t type = message_begin(text, 1);
    add_string(text, 1, "meta.k8s.io/v1");
    add_string(text, 2, kind);
    message_end(text, type);
    return message_begin(text, 2);
}

static void envelope_end(struct text *text, size_t begin) {
    message_end(text, begin);
    add_string(text, 3, NULL);
    add_string(text, 4, NULL);
}

void kubernetes_protobuf_list(struct text *text, const struct value *list_metadata, const struct value *const *objects, size_t count) {
    size_t begin = envelope_begin(text, "PartialObjectMetadataList");
    size_t list = message_begin(text, 1);
    add_string(text, 1, NULL);
    add_string(text, 2, value_text_at(list_metadata, "resourceVersion"));
    add_string(text, 3, value_text_at(list_metadata, "continue"));
    if (value_find(list_metadata, "remainingItemCount"))
        add_integer(text, 4, value_integer(value_find(list_metadata, "remainingItemCount"), 0));
    message_end(text, list);
    for (size_t i = 0; i < count; i++) {
        size_t item = message_begin(text, 2);
        add_metadata(text, 1, value_find(objects[i], "metadata"));
        message_end(text, item);
    }
    envelope_end(text, begin);
}

void kubernetes_protobuf_object(struct text *text, const struct value *object) {
    size_t begin = envelope_begin(text, "PartialObjectMetadata");
    add_metadata(text, 1, value_find(object, "metadata"));
    envelope_end(text, begin);
}

/* A metav1.Status in its own envelope: what a watch says before it ends. */
static void add_status(struct text *text, const struct value *status) {
    text_add_bytes(text, "k8s\0", 4);
    size_t type = message_begin(text, 1);
    add_string(text, 1, "v1");
    add_string(text, 2, "Status");
    message_end(text, type);
    size_t begin = message_begin(text, 2);
    size_t list = message_begin(text, 1);
    message_end(text, list);
    add_string(text, 2, value_text_at(status, "status"));
    add_string(text, 3, value_text_at(status, "message"));
    add_string_if(text, 4, value_text_at(status, "reason"));
    add_integer(text, 6, value_integer(value_find(status, "code"), 0));
    envelope_end(text, begin);
}

void kubernetes_protobuf_event(struct text *text, const char *type, const struct value *object) {
    size_t start = text->length;
    text_add_bytes(text, "\0\0\0\0", 4);
    add_string(text, 1, type);
    size_t raw = message_begin(text, 2);
    size_t bytes = message_begin(text, 1);
    if (text_equal(value_text_at(object, "kind"), "Status"))
        add_status(text, object);
    else
        kubernetes_protobuf_object(text, object);
    message_end(text, bytes);
    message_end(text, raw);
    if (text->full)
        return;
    size_t length = text->length - start - 4;
    for (unsigned i = 0; i < 4; i++)
        text->data[start + i] = (char)(unsigned char)(length >> (24 - 8 * i));
}
