/* .eksactignore: the cases of gitignore(5), each checked with `git check-ignore` of git 2.39. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/manifest.h"

struct row {
    const char *text;
    const char *path;
    bool ignored;
};

static const struct row rows[] = {
    {"", "a.yaml", false},
    {"a.yaml", "a.yaml", true},
    {"a.yaml", "x/a.yaml", true},
    {"/a.yaml", "a.yaml", true},
    {"/a.yaml", "x/a.yaml", false},
    {"x/a.yaml", "x/a.yaml", true},
    {"x/a.yaml", "y/x/a.yaml", false},
    {"x/", "x/a.yaml", true},
    {"x/", "y/x/a.yaml", true},
    {"a.yaml/", "a.yaml", false},
    {"x", "x/a/b.yaml", true},
    {"*.yaml", "x/a.yaml", true},
    {"*.yaml\n!keep.yaml", "x/keep.yaml", false},
    {"*.yaml\n!keep.yaml", "x/other.yaml", true},
    {"!keep.yaml\n*.yaml", "keep.yaml", true},
    {"x/\n!x/keep.yaml", "x/keep.yaml", true},
    {"x/*\n!x/keep.yaml", "x/keep.yaml", false},
    {"x/*.yaml", "x/y/a.yaml", false},
    {"**/a.yaml", "a.yaml", true},
    {"**/a.yaml", "x/y/a.yaml", true},
    {"x/**", "x/y/a.yaml", true},
    {"x/**", "x", false},
    {"x/**/a.yaml", "x/a.yaml", true},
    {"x/**/a.yaml", "x/y/z/a.yaml", true},
    {"x/**/a.yaml", "y/a.yaml", false},
    {"a?.yaml", "ab.yaml", true},
    {"a?b", "a/b", false},
    {"[ab].yaml", "b.yaml", true},
    {"[!ab].yaml", "b.yaml", false},
    {"[a-c].yaml", "b.yaml", true},
    {"[a-c].yaml", "d.yaml", false},
    {"[.yaml", "[.yaml", false},
    {"# comment", "# comment", false},
    {"\\#x", "#x", true},
    {"\\!x", "!x", true},
    {"a.yaml   ", "a.yaml", true},
    {"a.yaml\r\nb.yaml\r\n", "b.yaml", true},
    {"a\\*.yaml", "a*.yaml", true},
    {"a\\*.yaml", "ab.yaml", false},
    {"/", "a.yaml", false},
    {"!", "a.yaml", false},
};

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (ignore_matches(rows[i].text, "", rows[i].path) != rows[i].ignored)
            fail_msg("row %zu: \"%s\" on %s", i, rows[i].text, rows[i].path);
}

static void test_directories(void **state) {
    (void)state;
    assert_true(ignore_matches("/a.yaml", "x", "x/a.yaml"));
    assert_false(ignore_matches("/a.yaml", "x", "a.yaml"));
    assert_false(ignore_matches("a.yaml", "x", "xy/a.yaml"));
    const struct ignore_rules both[] = {{"", "*.yaml"}, {"x", "!a.yaml"}};
    assert_false(ignore_excludes(both, 2, "x/a.yaml"));
    assert_true(ignore_excludes(both, 2, "x/b.yaml"));
    assert_true(ignore_excludes(both, 2, "a.yaml"));
}

/* Without a bound on its steps this pattern would take longer than anybody waits. */
static void test_hostile_pattern_ends(void **state) {
    (void)state;
    char pattern[256];
    char path[512];
    for (size_t i = 0; i < 120; i += 2)
        memcpy(pattern + i, "*a", 2);
    memcpy(pattern + 120, "b", 2);
    memset(path, 'a', 400);
    path[400] = '\0';
    assert_false(ignore_matches(pattern, "", path));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_hostile_pattern_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
