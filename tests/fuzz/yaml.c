/* layer: base
 * YAML in any shape ends in documents or findings, and what was read survives the way through JSON. */
#include <stdint.h>

#include "base/json.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Unlike assert, in every kind of build. */
static void require(bool holds) {
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    ARENA_AUTO *arena = arena_new();
    struct yaml_documents documents = {0};
    struct findings findings = {0};
    yaml_parse(arena, "input", (const char *)bytes, length, &documents, &findings);
    for (size_t i = 0; i < documents.count; i++) {
        const char *text = json_text(arena, &documents.items[i]);
        struct value again;
        struct error err = {0};
        bool ok = json_parse(arena, "again", text, strlen(text), &again, &err);
        require(ok && value_equal(&documents.items[i], &again));
    }
    for (size_t i = 0; i < findings.count; i++)
        require(findings.items[i].place.line > 0 && findings.items[i].text[0] != '\0');
    return 0;
}
