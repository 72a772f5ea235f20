/* layer: base
 * JSON in any shape is refused, or renders to a text that reads back as the same value. */
#include <stdint.h>

#include "base/hash.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Unlike assert, in every kind of build. */
static void require(bool holds) {
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    ARENA_AUTO *arena = arena_new();
    struct value value;
    struct error err = {0};
    if (!json_parse(arena, "input", (const char *)bytes, length, &value, &err)) {
        require(err.kind != ERROR_NONE && err.text[0] != '\0');
        return 0;
    }
    const char *text = json_text(arena, &value);
    struct value again;
    bool ok = json_parse(arena, "again", text, strlen(text), &again, &err);
    require(ok && value_equal(&value, &again) && strcmp(text, json_text(arena, &again)) == 0);
    struct digest one = hash_value(&value);
    struct digest other = hash_value(&again);
    require(memcmp(one.bytes, other.bytes, sizeof one.bytes) == 0);
    return 0;
}
