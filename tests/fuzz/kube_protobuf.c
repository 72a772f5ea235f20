/* layer: world
 * A metadata-only list in any shape ends in items or a named error, and comes out the same in whatever pieces it arrives. */
#include <stdint.h>

#include "world/kube_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct outcome {
    size_t items;
    uint64_t sum; /* over every text of every item */
    bool fine;
};

/* Unlike assert, in every kind of build. */
static void require(bool holds) {
    if (!holds)
        abort();
}

static void outcome_text(struct outcome *outcome, const char *text) {
    for (const char *at = text == NULL ? "-" : text; *at != '\0'; at++)
        outcome->sum = outcome->sum * 31 + (unsigned char)*at;
}

static bool on_item(void *context, const struct kube_item *item, struct error *err) {
    struct outcome *outcome = context;
    (void)err;
    outcome->items++;
    const char *const texts[] = {item->name,       item->namespace,         item->uid, item->resource_version,
                                 item->our_fields, item->our_fields_version};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        outcome_text(outcome, texts[i]);
    for (size_t i = 0; i < item->labels.map.count; i++)
        outcome_text(outcome, item->labels.map.members[i].key);
    for (size_t i = 0; i < item->annotations.map.count; i++)
        outcome_text(outcome, value_text(&item->annotations.map.members[i].value));
    return true;
}

static struct outcome outcome_of(struct kube_list *list, const char *bytes, size_t length, size_t piece) {
    ARENA_AUTO *arena = arena_new();
    struct outcome outcome = {0};
    struct error err = {0};
    const char *next_page = NULL;
    kube_list_begin(list, "eksact", on_item, &outcome);
    outcome.fine = true;
    for (size_t at = 0; at < length && outcome.fine; at += piece) {
        /* A copy of exactly its size, so that the address sanitizer sees a read behind its end. */
        size_t size = length - at < piece ? length - at : piece;
        char *copy = malloc(size);
        require(copy != NULL);
        memcpy(copy, bytes + at, size);
        outcome.fine = kube_list_read(list, copy, size, &err);
        free(copy);
    }
    outcome.fine = outcome.fine && kube_list_end(list, arena, &next_page, &err);
    require(outcome.fine == (err.kind == ERROR_NONE));
    outcome_text(&outcome, next_page);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    ARENA_AUTO *arena = arena_new();
    struct kube_list *list = kube_list_new();
    struct outcome whole = outcome_of(list, (const char *)bytes, length, length + 1);
    struct outcome pieces = outcome_of(list, (const char *)bytes, length, 7);
    require(whole.fine == pieces.fine);
    require(!whole.fine || (whole.items == pieces.items && whole.sum == pieces.sum));
    kube_list_free(list);

    struct kube_status status;
    if (kube_status_read(arena, (const char *)bytes, length, &status)) {
        require(strlen(kube_status_text(arena, &status, false)) < 2048);
        require(strlen(kube_status_text(arena, &status, true)) < 2048);
        (void)kube_status_is_immutable(&status);
    }
    return 0;
}
