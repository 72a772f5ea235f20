/* Prints what git_read or git_resolve gives, for tests/git/http.sh.
 *
 *   read LOCATION [REFERENCE [PATH]]
 *
 * The environment: CACHE, USER_NAME, PASSWORD, CA_FILE, STALL_MS, LIMIT_MS, PACK_BYTES; RESOLVE=1 asks for the commit only; TIMES=N reads
 * so often and prints in the end by how many KiB the process has grown since the first tenth of that. */
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "world/git.h"
#include "world/http_curl.h"

static int64_t number_of(const char *name, int64_t fallback) {
    int64_t number;
    return text_to_integer(getenv(name) ? getenv(name) : "", 0, INT64_MAX, &number) ? number : fallback;
}

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static const char *file_content(struct arena *arena, const char *path) {
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file)
        return NULL;
    char *bytes = arena_take(arena, 65536);
    size_t length = fread(bytes, 1, 65535, file);
    fclose(file);
    bytes[length] = '\0';
    return bytes;
}

static int failed(const struct error *err) {
    printf("%s: %s\n", error_kind_name(err->kind), err->text);
    return 1;
}

static void tree_print(const struct tree *tree, struct findings *findings) {
    printf("commit %s\nsubject %s\n", tree->commit ? tree->commit : "-", tree->subject ? tree->subject : "-");
    for (size_t i = 0; i < tree->count; i++) {
        size_t length = strcspn(tree->files[i].bytes, "\n");
        printf("%s=%.*s\n", tree->files[i].path, (int)(length > 60 ? 60 : length), tree->files[i].bytes);
    }
    findings_sort(findings);
    for (size_t i = 0; i < findings->count; i++)
        printf("finding %s: %s\n", findings->items[i].place.file, findings->items[i].text);
}

static int read_once(struct http *http, const struct git_source *source, const struct git_limits *limits, bool print) {
    ARENA_AUTO *arena = arena_new();
    struct error err = {0};
    struct tree tree;
    struct findings findings = {0};
    if (!git_read(http, source, limits, arena, &tree, &findings, &err))
        return failed(&err);
    if (print)
        tree_print(&tree, &findings);
    return 0;
}

static int read_often(struct http *http, const struct git_source *source, const struct git_limits *limits, int64_t times) {
    long before_kib = 0;
    for (int64_t i = 0; i < times; i++) {
        if (i == times / 10)
            before_kib = resident_kib();
        struct error err = {0};
        char commit[41];
        if (read_once(http, source, limits, i == 0) != 0)
            return 1;
        if (!git_resolve(http, source, limits, commit, &err))
            return failed(&err);
    }
    printf("grown %ld\n", resident_kib() - before_kib);
    return 0;
}

int main(int count, char **arguments) {
    if (count < 2)
        return 2;
    ARENA_AUTO *arena = arena_new();
    struct error err = {0};
    struct http_curl_options options = {.clock = clock_system(), .user_agent = "eksact-test"};
    struct http *http = http_curl_new(&options, &err);
    if (!http)
        return failed(&err);
    struct http_trust trust = {.ca_pem = file_content(arena, getenv("CA_FILE"))};
    struct git_source source = {.location = arguments[1],
                                .reference = count > 2 && *arguments[2] ? arguments[2] : NULL,
                                .path = count > 3 ? arguments[3] : NULL,
                                .cache = getenv("CACHE"),
                                .user = getenv("USER_NAME"),
                                .trust = trust.ca_pem ? &trust : NULL};
    struct git_limits limits = git_limits_default();
    limits.stall_ms = number_of("STALL_MS", limits.stall_ms);
    limits.limit_ms = number_of("LIMIT_MS", limits.limit_ms);
    limits.pack_bytes = (size_t)number_of("PACK_BYTES", (int64_t)limits.pack_bytes);
    if (getenv("PASSWORD"))
        secret_set(&source.password, getenv("PASSWORD"), strlen(getenv("PASSWORD")));
    int status;
    char commit[41];
    if (!getenv("RESOLVE"))
        status = getenv("TIMES") ? read_often(http, &source, &limits, number_of("TIMES", 1)) : read_once(http, &source, &limits, true);
    else if (git_resolve(http, &source, &limits, commit, &err))
        status = printf("%s\n", commit) < 0;
    else
        status = failed(&err);
    secret_done(&source.password);
    http->free(http);
    return status;
}
