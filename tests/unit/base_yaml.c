/* What yaml_parse reads: the table in tests/yaml/cases is what kubectl gives (tests/yaml/differential.sh), differences.tsv says where we
 * differ on purpose. The rest is about places, limits and what stays readable beside an error. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/yaml.h"

static const char head[] = "apiVersion: example.dev/v1\nkind: Case\nmetadata: {name: case}\n";

/* A copy of exactly its size, so that the address sanitizer sees every read behind its end. */
static void parse(struct arena *arena, const char *text, size_t length, struct yaml_documents *documents, struct findings *findings) {
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    *documents = (struct yaml_documents){0};
    *findings = (struct findings){0};
    yaml_parse(arena, "file.yaml", copy, length, documents, findings);
    free(copy);
}

static char *read_file(struct arena *arena, const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be opened", path);
    struct text text;
    text_init(&text, (size_t)16 << 20);
    char buffer[4096];
    for (size_t got; (got = fread(buffer, 1, sizeof buffer, file)) > 0;)
        text_add_bytes(&text, buffer, got);
    (void)fclose(file);
    *length = text.length;
    char *bytes = text_copy(&text, arena);
    text_done(&text);
    return bytes;
}

static char *case_path(struct arena *arena, const char *name) {
    return arena_text(arena, "%s/yaml/cases/%s", TESTS_DIR, name);
}

/* Cuts the next line off *at; NULL at the end. */
static char *next_line(char **at) {
    char *line = *at;
    if (*line == '\0')
        return NULL;
    char *end = strchr(line, '\n');
    *at = end != NULL ? end + 1 : line + strlen(line);
    if (end != NULL)
        *end = '\0';
    return line;
}

static char *next_field(char **at) {
    char *field = *at;
    char *end = strchr(field, '\t');
    if (end != NULL)
        *end = '\0';
    *at = end != NULL ? end + 1 : field + strlen(field);
    return field;
}

struct difference {
    const char *table;
    const char *name;
    const char *ours;
    bool met;
};

struct table_test {
    struct arena *arena;
    struct difference differences[64];
    size_t difference_count;
    size_t checked;
    size_t wrong;
};

static void read_differences(struct table_test *test) {
    size_t length;
    char *at = read_file(test->arena, case_path(test->arena, "differences.tsv"), &length);
    for (char *line; (line = next_line(&at)) != NULL;) {
        assert_in_range(test->difference_count, 0, 63);
        struct difference *difference = &test->differences[test->difference_count++];
        difference->table = next_field(&line);
        difference->name = next_field(&line);
        difference->ours = next_field(&line);
        assert_int_not_equal(strlen(line), 0); /* its reason */
    }
}

static const char *expected_of(struct table_test *test, const char *table, const char *name, const char *kubectl) {
    for (size_t i = 0; i < test->difference_count; i++) {
        struct difference *difference = &test->differences[i];
        if (!text_equal(difference->table, table) || !text_equal(difference->name, name))
            continue;
        difference->met = true;
        return difference->ours;
    }
    return kubectl;
}

/* One JSON text a line, or "refused". */
static const char *render(struct arena *arena, const struct yaml_documents *documents, const struct findings *findings) {
    if (findings->error_count > 0)
        return "refused";
    struct text text;
    text_init(&text, (size_t)16 << 20);
    for (size_t i = 0; i < documents->count; i++) {
        json_render(&text, &documents->items[i], 0);
        text_add_bytes(&text, "\n", 1);
    }
    const char *rendered = text_copy(&text, arena);
    text_done(&text);
    return rendered;
}

/* Numbers are spelt in one way by rendering them again. */
static const char *normalise(struct arena *arena, const char *name, const char *expected) {
    if (text_equal(expected, "refused") || text_equal(expected, "refused\n"))
        return "refused";
    struct text text;
    text_init(&text, (size_t)16 << 20);
    char *at = arena_copy(arena, expected, strlen(expected));
    for (char *line; (line = next_line(&at)) != NULL;) {
        struct value value;
        struct error err = {0};
        if (!json_parse(arena, name, line, strlen(line), &value, &err))
            fail_msg("%s", err.text);
        json_render(&text, &value, 0);
        text_add_bytes(&text, "\n", 1);
    }
    const char *rendered = text_copy(&text, arena);
    text_done(&text);
    return rendered;
}

static void check(struct table_test *test, const char *table, const char *name, const char *expected, const char *text, size_t length) {
    struct yaml_documents documents;
    struct findings findings;
    parse(test->arena, text, length, &documents, &findings);
    const char *ours = render(test->arena, &documents, &findings);
    test->checked++;
    if (text_equal(ours, expected))
        return;
    test->wrong++;
    print_error("%s: %s\n  expected %.300s\n  ours     %.300s\n", table, name, expected, ours);
    for (size_t i = 0; i < findings.count; i++)
        print_error("  %u:%u: %s\n", (unsigned)findings.items[i].place.line, (unsigned)findings.items[i].place.column,
                    findings.items[i].text);
}

static void check_lines(struct table_test *test, const char *table, const char *text_format_key) {
    bool is_key = text_format_key != NULL;
    size_t file_length;
    char *at = read_file(test->arena, case_path(test->arena, arena_text(test->arena, "%s.tsv", table)), &file_length);
    for (char *line; (line = next_line(&at)) != NULL;) {
        const char *name = next_field(&line);
        const char *expected = expected_of(test, table, name, line);
        const char *whole = "refused";
        if (!text_equal(expected, "refused"))
            whole = arena_text(test->arena,
                               is_key ? "{\"apiVersion\":\"example.dev/v1\",\"kind\":\"Case\",\"metadata\":{\"name\":\"case\"},\"spec\":%s}"
                                      : "{\"apiVersion\":\"example.dev/v1\",\"kind\":\"Case\",\"metadata\":{\"name\":\"case\"},\"spec\":{"
                                        "\"value\":%s}}",
                               expected);
        const char *text = is_key ? arena_text(test->arena, "%sspec:\n  %s: value\n", head, name)
                                  : arena_text(test->arena, "%sspec:\n  value: %s\n", head, name);
        check(test, table, name, normalise(test->arena, name, whole), text, strlen(text));
    }
}

static void check_documents(struct table_test *test) {
    DIR *directory = opendir(case_path(test->arena, "documents"));
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (!text_ends(entry->d_name, ".yaml"))
            continue;
        const char *name = arena_copy(test->arena, entry->d_name, strlen(entry->d_name) - 5);
        size_t length;
        size_t expected_length;
        const char *text = read_file(test->arena, case_path(test->arena, arena_text(test->arena, "documents/%s.yaml", name)), &length);
        const char *kubectl =
            read_file(test->arena, case_path(test->arena, arena_text(test->arena, "documents/%s.json", name)), &expected_length);
        const char *expected = expected_of(test, "documents", name, kubectl);
        check(test, "documents", name, normalise(test->arena, name, expected), text, length);
    }
    (void)closedir(directory);
}

static void reads_what_kubectl_reads(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct table_test test = {.arena = arena};
    read_differences(&test);
    check_lines(&test, "scalars", NULL);
    check_lines(&test, "keys", "key");
    check_documents(&test);
    for (size_t i = 0; i < test.difference_count; i++)
        if (!test.differences[i].met)
            fail_msg("differences.tsv names %s, which is no case", test.differences[i].name);
    assert_true(test.checked > 600);
    assert_int_equal(test.wrong, 0);
}

static void values_know_where_they_stand(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct yaml_documents documents;
    struct findings findings;
    const char *text = "# c\na:\n  b: [x, {c: 1}]\n---\n\xc3\xa9: y\n";
    parse(arena, text, strlen(text), &documents, &findings);
    assert_int_equal(documents.count, 2);
    const struct value *list = value_at(&documents.items[0], "a.b");
    assert_int_equal(list->line, 3);
    assert_int_equal(list->column, 6);
    const struct member *member = value_find_member(&list->list.items[1], "c");
    assert_int_equal(member->column, 11);
    assert_int_equal(member->value.column, 14);
    assert_int_equal(documents.items[1].map.members[0].value.line, 5);
    assert_int_equal(documents.items[1].map.members[0].value.column, 4); /* characters, not bytes */
}

struct refusal {
    const char *text;
    unsigned line;
    unsigned column;
    const char *says; /* a part of it */
    size_t documents; /* that are kept all the same */
};

static void refusals_have_place_and_reason(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    static const struct refusal refusals[] = {
        {"a: 1\n---\nb: [\n---\nc: 1\n", 4, 1, "YAML syntax", 1},
        {"a: 1\n---\n\tb: 1\n", 3, 1, "YAML syntax", 1},
        {"a: 1\n---\nb: 1\nb: 2\n---\nc: 1\n", 4, 1, "key \"b\" stands in this map already, in line 3", 2},
        {"a: &x [*x]\n---\nc: 1\n", 1, 8, "contains itself", 1},
        {"a: *x\n", 1, 4, "has no anchor", 0},
        {"~: x\n", 1, 1, "null cannot be a key", 0},
        {"? [a]\n: x\n", 1, 3, "only a scalar can be a key", 0},
        {"a: .inf\n", 1, 4, "no form in JSON", 0},
        {"a: !!int x\n", 1, 4, "!!int", 0},
        {"a: !!binary /w==\n", 1, 4, "!!binary", 0},
        {"a: 1\n---\nb: \"\xff\"\n", 3, 5, "not UTF-8", 1},
        {"a: 1\n---\nb: \x01\n", 3, 4, "control character", 1},
        {"a: \"\\0\"\n", 1, 4, "U+0000", 0},
        {"a: 1\n--- x\n", 2, 4, "text on the line", 1},
        {"a: 1\n---#c\n", 2, 4, "space is missing", 1},
        {"%YAML 1.1\n---\na: 1\n", 1, 1, "directives", 0},
        {"\xff\xfe"
         "a",
         1, 1, "UTF-16", 0},
        {"a: 1\n---\n\xef\xbb\xbf"
         "b: 1\n",
         3, 1, "byte order mark", 1},
        {"<<: 1\n", 1, 5, "<< takes a map", 0},
        {"[a?b]\n", 1, 2, "must not contain", 0},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *refusal = &refusals[i];
        struct yaml_documents documents;
        struct findings findings;
        parse(arena, refusal->text, strlen(refusal->text), &documents, &findings);
        if (findings.count != 1)
            fail_msg("%s: %zu findings", refusal->text, findings.count);
        const struct finding *finding = &findings.items[0];
        if (finding->place.line != refusal->line || finding->place.column != refusal->column ||
            strstr(finding->text, refusal->says) == NULL || documents.count != refusal->documents)
            fail_msg("%s: %zu documents, %u:%u: %s", refusal->text, documents.count, (unsigned)finding->place.line,
                     (unsigned)finding->place.column, finding->text);
        assert_string_equal(finding->place.file, "file.yaml");
    }
}

static void all_findings_of_a_document_are_said(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct yaml_documents documents;
    struct findings findings;
    const char *text = "a: .nan\nb: *x\na: 1\n~: 2\nc: {d: 1, d: 2, d: 3}\n";
    parse(arena, text, strlen(text), &documents, &findings);
    assert_int_equal(findings.error_count, 6);
    assert_int_equal(documents.count, 0);
}

static void tabs_get_a_hint(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct yaml_documents documents;
    struct findings findings;
    parse(arena, "a:\n\tb: 1\n", 9, &documents, &findings);
    assert_int_equal(findings.count, 1);
    assert_non_null(strstr(findings.items[0].hint, "spaces"));
}

/* `unit` said `count` times between `begin` and `end`. */
static struct findings parse_repeated(struct arena *arena, const char *begin, const char *unit, size_t count, const char *end,
                                      size_t *kept) {
    struct text text;
    text_init(&text, (size_t)4 << 20);
    text_add_string(&text, begin);
    for (size_t i = 0; i < count; i++)
        text_add_string(&text, unit);
    text_add_string(&text, end);
    struct yaml_documents documents;
    struct findings findings;
    parse(arena, text.data, text.length, &documents, &findings);
    text_done(&text);
    *kept = documents.count;
    return findings;
}

struct limit {
    const char *begin;
    const char *unit;
    const char *end;
    size_t most;
    const char *says;
    size_t kept; /* above the limit */
};

static void limits_are_named(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    static const struct limit limits[] = {
        {"", "---\na: 1\n", "", 1000, "1000 documents", 1000},
        {"", "- ", "1\n", 100, "100 deep", 0},
        {"? ", "k", "\n: v\n", 1024, "1024 bytes", 0},
        {"#", "c", "\n", 1048574, "1048576 bytes", 0},
        {"- &a b\n", "- &a b\n", "", 999, "1000 anchors", 0},
        {"- &a [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n- &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n- &c [*b, *b, *b, *b, "
         "*b, *b, *b, "
         "*b, *b, *b]\n",
         "- *c\n", "", 9, "10 times", 0},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const struct limit *limit = &limits[i];
        size_t kept;
        if (limit->most > 0) {
            struct findings within = parse_repeated(arena, limit->begin, limit->unit, limit->most, limit->end, &kept);
            if (within.count != 0)
                fail_msg("%s, within: %s", limit->says, within.items[0].text);
        }
        struct findings above = parse_repeated(arena, limit->begin, limit->unit, limit->most + 1, limit->end, &kept);
        if (above.count != 1 || strstr(above.items[0].text, limit->says) == NULL || kept != limit->kept)
            fail_msg("%s, above: %zu findings, %zu documents, %s", limit->says, above.count, kept,
                     above.count > 0 ? above.items[0].text : "");
    }
}

/* Aliases are copies: to change one is not to change the other. */
static void aliases_are_apart(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    struct yaml_documents documents;
    struct findings findings;
    const char *text = "a: &x {k: 1}\nb: *x\n";
    parse(arena, text, strlen(text), &documents, &findings);
    (void)value_set_at(arena, &documents.items[0], "a.k", value_of_integer(2));
    assert_int_equal(value_integer(value_at(&documents.items[0], "b.k"), 0), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_kubectl_reads),
        cmocka_unit_test(values_know_where_they_stand),
        cmocka_unit_test(refusals_have_place_and_reason),
        cmocka_unit_test(all_findings_of_a_document_are_said),
        cmocka_unit_test(tabs_get_a_hint),
        cmocka_unit_test(limits_are_named),
        cmocka_unit_test(aliases_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
