#include "cmd/world_file.h"

#include "base/json.h"
#include "run/files.h"

enum { WORLD_LIMIT_BYTES = 512 << 20 };

bool world_file_load(const char *path, struct sandbox *sandbox, struct arena *arena, struct error *err) {
    char *bytes = NULL;
    size_t length = 0;
    struct error missing = {0};
    if (!file_load(path, WORLD_LIMIT_BYTES, arena, &bytes, &length, &missing)) {
        if (missing.kind != ERROR_MISSING)
            *err = missing;
        return missing.kind == ERROR_MISSING;
    }
    struct value state;
    if (json_parse(arena, path, bytes, length, &state, err) && sandbox_load(sandbox, &state, err))
        return true;
    return error_wrap(err, "read the simulated world from %s", path);
}

bool world_file_save(const char *path, struct sandbox *sandbox, struct error *err) {
    ARENA_AUTO *arena = arena_new();
    struct value state = sandbox_save(sandbox, arena);
    TEXT_AUTO text;
    text_init(&text, WORLD_LIMIT_BYTES);
    json_render(&text, &state, 1);
    text_add(&text, "\n");
    if (text.full)
        return error_set(err, ERROR_BROKEN, "keep the simulated world: it is larger than %d bytes", WORLD_LIMIT_BYTES);
    return file_save(path, text.data, text.length, err);
}
