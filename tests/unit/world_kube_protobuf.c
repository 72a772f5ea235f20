/* Metadata-only lists: in protobuf and JSON, whole, in pieces, and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "world/kube_parts.h"

/* ---- a writer of protobuf, for small messages ---- */

struct message {
    char bytes[4096];
    size_t length;
};

static void message_varint(struct message *message, uint64_t worth) {
    for (; worth >= 0x80; worth >>= 7)
        message->bytes[message->length++] = (char)((worth & 0x7f) | 0x80);
    message->bytes[message->length++] = (char)worth;
}

static void message_bytes(struct message *message, unsigned number, const char *bytes, size_t length) {
    message_varint(message, number << 3 | 2);
    message_varint(message, length);
    memcpy(message->bytes + message->length, bytes, length);
    message->length += length;
}

static void message_text(struct message *message, unsigned number, const char *text) {
    message_bytes(message, number, text, strlen(text));
}

static void message_inner(struct message *message, unsigned number, const struct message *inner) {
    message_bytes(message, number, inner->bytes, inner->length);
}

static void message_integer(struct message *message, unsigned number, uint64_t worth) {
    message_varint(message, number << 3);
    message_varint(message, worth);
}

static struct message pair_of(const char *key, const char *text) {
    struct message pair = {.length = 0};
    message_text(&pair, 1, key);
    message_text(&pair, 2, text);
    return pair;
}

static struct message entry_of(const char *manager, const char *operation, const char *subresource, const char *fields) {
    struct message entry = {.length = 0}, raw = {.length = 0};
    message_text(&entry, 1, manager);
    message_text(&entry, 2, operation);
    message_text(&entry, 3, "v1");
    message_text(&entry, 6, "FieldsV1");
    message_text(&raw, 1, fields);
    message_inner(&entry, 7, &raw);
    message_text(&entry, 8, subresource);
    return entry;
}

static struct message object_of(const char *name, const char *namespace, const struct message *more) {
    struct message meta = {.length = 0}, object = {.length = 0};
    message_text(&meta, 1, name);
    message_text(&meta, 3, namespace);
    message_text(&meta, 5, "uid-1");
    message_text(&meta, 6, "42");
    message_integer(&meta, 7, 3);
    if (more != NULL) {
        memcpy(meta.bytes + meta.length, more->bytes, more->length);
        meta.length += more->length;
    }
    message_inner(&object, 1, &meta);
    return object;
}

static struct message envelope_of(const char *kind, const struct message *raw) {
    struct message type = {.length = 0}, envelope = {.length = 4};
    memcpy(envelope.bytes, "k8s", 4);
    message_text(&type, 1, "meta.k8s.io/v1");
    message_text(&type, 2, kind);
    message_inner(&envelope, 1, &type);
    message_inner(&envelope, 2, raw);
    message_text(&envelope, 3, "");
    message_text(&envelope, 4, "");
    return envelope;
}

static struct message list_of(const char *next_page, const struct message *objects, size_t count) {
    struct message meta = {.length = 0}, list = {.length = 0};
    message_text(&meta, 2, "1000");
    message_text(&meta, 3, next_page);
    message_inner(&list, 1, &meta);
    for (size_t i = 0; i < count; i++)
        message_inner(&list, 2, &objects[i]);
    return envelope_of("PartialObjectMetadataList", &list);
}

/* ---- what was read ---- */

struct reading {
    struct arena *arena;
    struct kube_list *list;
    struct kube_item items[8]; /* copies */
    size_t count;
    const char *next_page;
    struct error err;
    bool stops; /* on_item refuses */
};

static char *copied(struct arena *arena, const char *text) {
    return text == NULL ? NULL : arena_copy(arena, text, strlen(text));
}

static bool on_item(void *context, const struct kube_item *item, struct error *err) {
    struct reading *reading = context;
    if (reading->stops)
        return error_set(err, ERROR_CONFLICT, "enough");
    struct kube_item *copy = &reading->items[reading->count++ % 8];
    *copy = *item;
    copy->name = copied(reading->arena, item->name);
    copy->namespace = copied(reading->arena, item->namespace);
    copy->uid = copied(reading->arena, item->uid);
    copy->resource_version = copied(reading->arena, item->resource_version);
    copy->our_fields = copied(reading->arena, item->our_fields);
    copy->our_fields_version = copied(reading->arena, item->our_fields_version);
    copy->labels = value_copy(reading->arena, &item->labels);
    copy->annotations = value_copy(reading->arena, &item->annotations);
    return true;
}

static int reading_begin(void **state) {
    struct reading *reading = calloc(1, sizeof *reading);
    reading->arena = arena_new();
    reading->list = kube_list_new();
    *state = reading;
    return 0;
}

static int reading_end(void **state) {
    struct reading *reading = *state;
    kube_list_free(reading->list);
    arena_free(reading->arena);
    free(reading);
    return 0;
}

/* Each piece is a copy of exactly its size, so that a read behind its end is seen. */
static bool read_in_pieces(struct reading *reading, const char *bytes, size_t length, size_t piece) {
    reading->count = 0;
    reading->next_page = NULL;
    reading->err = (struct error){0};
    kube_list_begin(reading->list, "eksact", on_item, reading);
    for (size_t at = 0; at < length; at += piece) {
        size_t size = length - at < piece ? length - at : piece;
        char *copy = malloc(size);
        memcpy(copy, bytes + at, size);
        bool fine = kube_list_read(reading->list, copy, size, &reading->err);
        free(copy);
        if (!fine)
            return false;
    }
    return kube_list_end(reading->list, reading->arena, &reading->next_page, &reading->err);
}

static bool read_message(struct reading *reading, const struct message *message) {
    return read_in_pieces(reading, message->bytes, message->length, message->length + 1);
}

static void item_has_its_metadata(void **state) {
    struct reading *reading = *state;
    struct message more = {.length = 0}, empty = {.length = 0};
    struct message label = pair_of("app", "shop"), other = pair_of("a", ""), annotation = pair_of("note", "caf\xc3\xa9");
    message_inner(&more, 9, &empty);
    message_inner(&more, 11, &label);
    message_inner(&more, 11, &other);
    message_inner(&more, 12, &annotation);
    struct message object = object_of("one", "shop", &more), message = list_of("next", &object, 1);
    assert_true(read_message(reading, &message));
    assert_int_equal(reading->count, 1);
    const struct kube_item *item = &reading->items[0];
    assert_string_equal(item->name, "one");
    assert_string_equal(item->namespace, "shop");
    assert_string_equal(item->uid, "uid-1");
    assert_string_equal(item->resource_version, "42");
    assert_true(item->deleting);
    assert_string_equal(value_text(value_find(&item->labels, "app")), "shop");
    assert_string_equal(value_text(value_find(&item->labels, "a")), "");
    assert_string_equal(value_text(value_find(&item->annotations, "note")), "caf\xc3\xa9");
    assert_null(item->our_fields);
    assert_int_equal(item->our_entry_count, 0);
    assert_string_equal(reading->next_page, "next");
}

static void cluster_scoped_has_no_namespace(void **state) {
    struct reading *reading = *state;
    struct message object = object_of("one", "", NULL), message = list_of("", &object, 1);
    assert_true(read_message(reading, &message));
    assert_null(reading->items[0].namespace);
    assert_false(reading->items[0].deleting);
    assert_null(reading->next_page);
}

static void only_our_apply_entry_is_kept(void **state) {
    struct reading *reading = *state;
    struct message more = {.length = 0};
    struct message entries[] = {entry_of("kubectl", "Apply", "", "{\"f:a\":{}}"), entry_of("eksact", "Update", "", "{\"f:b\":{}}"),
                                entry_of("eksact", "Apply", "", "{\"f:c\":{}}"), entry_of("eksact", "Apply", "status", "{\"f:d\":{}}"),
                                entry_of("eksactor", "Apply", "", "{\"f:e\":{}}")};
    for (size_t i = 0; i < 5; i++)
        message_inner(&more, 17, &entries[i]);
    struct message object = object_of("one", "shop", &more), message = list_of("", &object, 1);
    assert_true(read_message(reading, &message));
    assert_string_equal(reading->items[0].our_fields, "{\"f:c\":{}}");
    assert_string_equal(reading->items[0].our_fields_version, "v1");
    assert_int_equal(reading->items[0].our_entry_count, 1);
}

static void two_entries_of_ours_are_counted(void **state) {
    struct reading *reading = *state;
    struct message more = {.length = 0}, entry = entry_of("eksact", "Apply", "", "{}");
    message_inner(&more, 17, &entry);
    message_inner(&more, 17, &entry);
    struct message object = object_of("one", "shop", &more), message = list_of("", &object, 1);
    assert_true(read_message(reading, &message));
    assert_int_equal(reading->items[0].our_entry_count, 2);
}

static void pieces_of_any_size_give_the_same(void **state) {
    struct reading *reading = *state;
    struct message objects[] = {object_of("one", "a", NULL), object_of("two", "b", NULL), object_of("three", "c", NULL)};
    struct message message = list_of("more", objects, 3);
    for (size_t piece = 1; piece <= message.length; piece++) {
        assert_true(read_in_pieces(reading, message.bytes, message.length, piece));
        assert_int_equal(reading->count, 3);
        assert_string_equal(reading->items[2].name, "three");
        assert_string_equal(reading->next_page, "more");
    }
}

static void every_cut_is_seen(void **state) {
    struct reading *reading = *state;
    struct message object = object_of("one", "a", NULL), list = {.length = 0}, type = {.length = 0}, message = {.length = 4};
    message_inner(&list, 2, &object);
    message_text(&type, 2, "PartialObjectMetadataList");
    memcpy(message.bytes, "k8s", 4);
    message_inner(&message, 1, &type);
    message_inner(&message, 2, &list);
    assert_true(read_message(reading, &message));
    for (size_t length = 0; length < message.length; length++) {
        assert_false(read_in_pieces(reading, message.bytes, length, 1000));
        assert_int_equal(reading->err.kind, ERROR_BUSY);
    }
}

static void cut_behind_the_items_is_seen(void **state) {
    struct reading *reading = *state;
    struct message message = list_of("", NULL, 0);
    message.length -= 1; /* the content type's length */
    assert_false(read_message(reading, &message));
    assert_int_equal(reading->err.kind, ERROR_BUSY);
}

/* No byte that is changed makes it read where it should not, or succeed and fail at once. */
static void every_changed_byte_ends_well(void **state) {
    struct reading *reading = *state;
    struct message more = {.length = 0}, label = pair_of("app", "shop"), entry = entry_of("eksact", "Apply", "", "{}");
    message_inner(&more, 11, &label);
    message_inner(&more, 17, &entry);
    struct message object = object_of("one", "a", &more), message = list_of("more", &object, 1);
    for (size_t at = 0; at < message.length; at++) {
        for (unsigned change = 1; change < 256; change += 2) {
            struct message broken = message;
            broken.bytes[at] = (char)((unsigned char)broken.bytes[at] ^ change);
            bool fine = read_in_pieces(reading, broken.bytes, broken.length, 17);
            assert_true(fine == (reading->err.kind == ERROR_NONE));
        }
    }
}

static void broken_answers_are_named(void **state) {
    struct reading *reading = *state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *text;
    } rows[] = {
        {"k8x", 4, "neither Kubernetes protobuf nor JSON"},
        {"k8s\0\x0b\x0c", 6, "malformed protobuf"},
        {"k8s\0\x00\x01", 6, "malformed protobuf"},
        {"k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 15, "malformed protobuf"},
        {"k8s\0\x12\x04\x12\x02\x0a\x00", 10, "no PartialObjectMetadataList"},
        {"k8s\0\x0a\x02\x0a\xff", 8, "envelope is malformed"},
        {"k8s\0\x1a\x01x", 7, "encoded once more"},
        {"k8s\0\x0a\xff\xff\xff\x7f", 9, "larger than 8 MiB"},
        {"[]", 2, "of no kind that ends with"},
        {"{\"kind\":\"Status\"}", 17, "of no kind that ends with"},
        {"{\"kind\":\"FooList\",\"items\":3}", 28, "are no list"},
        {"{\"kind\":\"FooList\",\"items\":[{}]}", 31, "no name"},
        {"{\"kind\":\"FooList\"", 17, "list"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_false(read_in_pieces(reading, rows[i].bytes, rows[i].length, 1000));
        assert_int_equal(reading->err.kind, i == 12 ? reading->err.kind : ERROR_BROKEN);
        if (strstr(reading->err.text, rows[i].text) == NULL)
            fail_msg("row %zu: %s", i, reading->err.text);
    }
}

/* `raw` inside the envelope of the right kind. */
static void broken_insides_are_named(void **state) {
    struct reading *reading = *state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *text;
    } rows[] = {
        {"\x12\x7f\x0a", 3, "leaves the list"},
        {"\x12", 1, "leaves the list"},
        {"\x12\x00", 2, "no name"},
        {"\x12\x03\x0a\x05x", 5, "malformed"},
        {"\x12\x04\x0a\x02\x0a\x05", 6, "metadata is malformed"},
        {"\x0a\x02\x1a\x09", 4, "its metadata is malformed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message raw = {.length = rows[i].length};
        memcpy(raw.bytes, rows[i].bytes, rows[i].length);
        struct message message = envelope_of("PartialObjectMetadataList", &raw);
        assert_false(read_message(reading, &message));
        assert_int_equal(reading->err.kind, ERROR_BROKEN);
        if (strstr(reading->err.text, rows[i].text) == NULL)
            fail_msg("row %zu: %s", i, reading->err.text);
    }
}

static void label_twice_is_refused(void **state) {
    struct reading *reading = *state;
    struct message more = {.length = 0}, label = pair_of("app", "shop");
    message_inner(&more, 11, &label);
    message_inner(&more, 11, &label);
    struct message object = object_of("one", "a", &more), message = list_of("", &object, 1);
    assert_false(read_message(reading, &message));
    assert_non_null(strstr(reading->err.text, "twice"));
}

static void bytes_that_are_no_text_become_question_marks(void **state) {
    struct reading *reading = *state;
    struct message meta = {.length = 0}, object = {.length = 0};
    message_bytes(&meta, 1, "a\0b\xff", 4);
    message_inner(&object, 1, &meta);
    struct message message = list_of("", &object, 1);
    assert_true(read_message(reading, &message));
    assert_string_equal(reading->items[0].name, "a?b?");
}

static void reader_may_stop_the_list(void **state) {
    struct reading *reading = *state;
    struct message object = object_of("one", "a", NULL), message = list_of("", &object, 1);
    reading->stops = true;
    assert_false(read_message(reading, &message));
    assert_int_equal(reading->err.kind, ERROR_CONFLICT);
}

static void empty_list_has_no_items(void **state) {
    struct reading *reading = *state;
    struct message message = list_of("", NULL, 0), raw = {.length = 0}, bare = envelope_of("PartialObjectMetadataList", &raw);
    assert_true(read_message(reading, &message));
    assert_true(read_message(reading, &bare));
    assert_int_equal(reading->count, 0);
}

static void json_gives_the_same_items(void **state) {
    struct reading *reading = *state;
    static const char json[] =
        "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":\"more\"},\"items\":[{\"metadata\":{\"name\":\"one\","
        "\"namespace\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"7\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{\"b\":"
        "\"2\",\"a\":\"1\"},"
        "\"managedFields\":[{\"manager\":\"eksact\",\"operation\":\"Apply\",\"apiVersion\":\"v1\",\"fieldsV1\":{\"f:data\":{}}},"
        "{\"manager\":\"eksact\",\"operation\":\"Apply\",\"subresource\":\"status\",\"fieldsV1\":{}}]}},{\"metadata\":{\"name\":\"two\"}}]"
        "}";
    for (size_t piece = 1; piece < sizeof json; piece += 13) {
        assert_true(read_in_pieces(reading, json, sizeof json - 1, piece));
        assert_int_equal(reading->count, 2);
        assert_string_equal(reading->items[0].our_fields, "{\"f:data\":{}}");
        assert_int_equal(reading->items[0].our_entry_count, 1);
        assert_string_equal(value_text(value_find(&reading->items[0].labels, "b")), "2");
        assert_true(reading->items[0].deleting);
        assert_null(reading->items[1].namespace);
        assert_string_equal(reading->next_page, "more");
    }
}

static void status_is_read_from_protobuf(void **state) {
    struct reading *reading = *state;
    struct message status = {.length = 0}, meta = {.length = 0}, details = {.length = 0}, cause = {.length = 0};
    message_text(&meta, 3, "go on here");
    message_text(&cause, 1, "FieldValueInvalid");
    message_text(&cause, 2, "field is immutable");
    message_text(&cause, 3, "spec.x");
    message_text(&details, 1, "one");
    message_inner(&details, 4, &cause);
    message_integer(&details, 5, 9);
    message_inner(&status, 1, &meta);
    message_text(&status, 3, "no");
    message_text(&status, 4, "Invalid");
    message_inner(&status, 5, &details);
    struct message message = envelope_of("Status", &status);
    struct kube_status read;
    assert_true(kube_status_read(reading->arena, message.bytes, message.length, &read));
    assert_string_equal(read.message, "no");
    assert_string_equal(read.reason, "Invalid");
    assert_string_equal(read.next_page, "go on here");
    assert_int_equal(read.retry_after_seconds, 9);
    assert_int_equal(read.cause_count, 1);
    assert_true(kube_status_is_immutable(&read));
    for (size_t length = 0; length < message.length - 4; length++) /* the last two fields are empty */
        assert_false(kube_status_read(reading->arena, message.bytes, length, &read));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reading_begin, reading_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(item_has_its_metadata),           TEST(cluster_scoped_has_no_namespace),  TEST(only_our_apply_entry_is_kept),
        TEST(two_entries_of_ours_are_counted), TEST(pieces_of_any_size_give_the_same), TEST(every_cut_is_seen),
        TEST(cut_behind_the_items_is_seen),    TEST(every_changed_byte_ends_well),     TEST(broken_answers_are_named),
        TEST(broken_insides_are_named),        TEST(label_twice_is_refused),           TEST(bytes_that_are_no_text_become_question_marks),
        TEST(reader_may_stop_the_list),        TEST(empty_list_has_no_items),          TEST(json_gives_the_same_items),
        TEST(status_is_read_from_protobuf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
