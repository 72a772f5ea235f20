/* model_health.c: the YAML files of tests/health: one document a case: name, object, the health it must have, and where it matters the
 * reason. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/yaml.h"
#include "model/live.h"

#define NOW_MS INT64_C(1767603600000) /* 2026-01-05T09:00:00Z */

static char *read_file(struct arena *arena, const char *path, size_t *length) {
    char buffer[65536];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    *length = fread(buffer, 1, sizeof buffer, file);
    assert_true(feof(file));
    fclose(file);
    return arena_copy(arena, buffer, *length);
}

static void check_case(struct arena *arena, const char *file, const struct value *row) {
    const char *reason = NULL;
    enum health health = health_of_object(value_find(row, "object"), NOW_MS, arena, &reason);
    const char *wanted_reason = value_text_at(row, "reason");
    if (!text_equal(health_name(health), value_text_at(row, "health")))
        fail_msg("%s: %s: %s (%s)", file, value_text_at(row, "name"), health_name(health), reason ? reason : "no reason");
    if (wanted_reason && !text_equal(reason, wanted_reason))
        fail_msg("%s: %s: reason \"%s\"", file, value_text_at(row, "name"), reason ? reason : "none");
    if (health == HEALTH_CURRENT && text_equal(wanted_reason, NULL) && reason && !text_equal(reason, "suspended"))
        fail_msg("%s: %s: a current object has the reason \"%s\"", file, value_text_at(row, "name"), reason);
    if (health != HEALTH_CURRENT && !reason)
        fail_msg("%s: %s: no reason", file, value_text_at(row, "name"));
}

static size_t check_file(const char *name) {
    ARENA_AUTO *arena = arena_new();
    const char *path = arena_text(arena, "%s/health/%s", TESTS_DIR, name);
    size_t length = 0;
    const char *bytes = read_file(arena, path, &length);
    struct yaml_documents documents = {0};
    struct findings findings = {0};
    yaml_parse(arena, name, bytes, length, &documents, &findings);
    if (findings.count)
        fail_msg("%s:%u: %s", name, findings.items[0].place.line, findings.items[0].text);
    for (size_t i = 0; i < documents.count; i++)
        check_case(arena, name, &documents.items[i]);
    return documents.count;
}

static void test_cases(void **state) {
    (void)state;
    DIR *directory = opendir(TESTS_DIR "/health");
    assert_non_null(directory);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (text_ends(entry->d_name, ".yaml"))
            count += check_file(entry->d_name);
    }
    closedir(directory);
    assert_true(count >= 80);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
