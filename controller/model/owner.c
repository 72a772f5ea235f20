/* owner.c: which cluster owns a directory. */
#include "owner.h"

#include "base/text.h"
#include "names.h"

static int compare(const void *left, const void *right) {
    const struct owner *one = left;
    const struct owner *other = right;
    int order = strcmp(one->directory, other->directory);
    return order != 0 ? order : strcmp(one->manifest->name, other->manifest->name);
}

static void say_disputed(const struct owner *owner, const struct owner *other, struct arena *arena, struct findings *findings) {
    const struct manifest *manifest = owner->manifest;
    const char *where = owner->directory[0] != '\0' ? owner->directory : "the root";
    findings_add(findings, arena, value_place(&manifest->object, manifest->file), "give each cluster a directory of its own",
                 "%s/%s and %s/%s are both in %s: nobody can say whose the manifests there are", manifest->kind, manifest->name,
                 other->manifest->kind, other->manifest->name, where);
    findings->items[findings->count - 1].resource = name_id(arena, manifest->kind, NULL, manifest->name);
}

void owners_build(const struct manifests *manifests, struct arena *arena, struct owners *out, struct findings *findings) {
    *out = (struct owners){0};
    for (size_t i = 0; i < manifests->count; i++) {
        const struct manifest *manifest = &manifests->items[i];
        if (manifest->row == NULL || !manifest->row->serves_kubernetes)
            continue;
        out->items = arena_grow(arena, out->items, out->count, sizeof out->items[0]);
        out->items[out->count++] = (struct owner){.directory = manifest->directory, .manifest = manifest};
    }
    if (out->count == 0)
        return;
    qsort(out->items, out->count, sizeof out->items[0], compare);
    for (size_t i = 1; i < out->count; i++) {
        struct owner *one = &out->items[i - 1];
        struct owner *other = &out->items[i];
        if (!text_equal(one->directory, other->directory))
            continue;
        if (!one->disputed)
            say_disputed(one, other, arena, findings);
        say_disputed(other, one, arena, findings);
        one->disputed = other->disputed = true;
    }
}

static struct owner *owner_exactly(const struct owners *owners, const char *directory, size_t length) {
    size_t low = 0;
    size_t high = owners->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *other = owners->items[middle].directory;
        int order = strncmp(directory, other, length);
        if (order == 0 && other[length] != '\0')
            order = -1;
        if (order == 0)
            return &owners->items[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

struct owner *owner_of(const struct owners *owners, const char *directory) {
    for (size_t length = strlen(directory);;) {
        struct owner *owner = owner_exactly(owners, directory, length);
        if (owner != NULL || length == 0)
            return owner;
        while (length > 0 && directory[length - 1] != '/')
            length--;
        length -= length > 0;
    }
}
