/* world/profile.c: the shared configuration files of the AWS tools, as "Configuration and credential file settings", AWS SDKs and Tools
 * Reference Guide, describes them. */
#include "world/aws_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define FILE_LIMIT_BYTES ((size_t)1024 * 1024)

bool file_text(struct arena *arena, const char *path, size_t limit_bytes, const char **out, struct error *err) {
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        int number = errno;
        char reason[128] = "";
        const char *said = strerror_r(number, reason, sizeof reason);
        return error_set(err, number == ENOENT || number == ENOTDIR ? ERROR_MISSING : ERROR_DENIED, "read %s: %s", path, said);
    }
    TEXT_AUTO text;
    char piece[4096];
    text_init(&text, limit_bytes + 1);
    for (size_t length; !text.full && (length = fread(piece, 1, sizeof piece, file)) > 0;)
        text_add_bytes(&text, piece, length);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    secret_wipe(piece, sizeof piece);
    if (failed)
        return error_set(err, ERROR_DENIED, "read %s: it is a directory or cannot be read", path);
    if (text.full)
        return error_set(err, ERROR_INVALID, "read %s: it is larger than %zu bytes", path, limit_bytes);
    if (text.length > 0 && memchr(text.data, '\0', text.length) != NULL)
        return error_set(err, ERROR_INVALID, "read %s: it is not text", path);
    *out = text.length == 0 ? "" : text_copy(&text, arena);
    if (text.length > 0)
        secret_wipe(text.data, text.length); /* tokens and keys are read through here */
    return true;
}

static const char *variable(const struct environment *environment, const char *name) {
    const char *value = environment->get(environment->context, name);
    return text_is_empty(value) ? NULL : value;
}

const char *profile_name(const struct environment *environment, bool *out_named) {
    const char *name = variable(environment, "AWS_PROFILE");
    if (name == NULL)
        name = variable(environment, "AWS_DEFAULT_PROFILE");
    *out_named = name != NULL;
    return name == NULL ? "default" : name;
}

/* ---- the files' form ---- */

struct reading {
    struct arena *arena;
    struct value *files;
    struct value *section; /* NULL: in a section that we do not use */
    struct value *nested;  /* of the last key without a value: indented lines go here */
    bool is_config;        /* sections are "[profile NAME]" there, "[NAME]" in the credentials file */
};

static char *trimmed(struct arena *arena, const char *from, const char *to) {
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t' || to[-1] == '\r'))
        to--;
    return arena_copy(arena, from, (size_t)(to - from));
}

static char *unquoted(struct arena *arena, char *text) {
    size_t length = strlen(text);
    bool quoted = length >= 2 && (text[0] == '"' || text[0] == '\'') && text[length - 1] == text[0];
    return quoted ? arena_copy(arena, text + 1, length - 2) : text;
}

static struct value *map_of(struct arena *arena, struct value *map, const char *key) {
    struct value *found = value_find_mutable(map, key);
    if (found != NULL && found->type == VALUE_MAP)
        return found;
    return value_set(arena, map, key, value_of_map());
}

static void section_begin(struct reading *reading, const char *line, const char *end) {
    const char *close = memchr(line, ']', (size_t)(end - line));
    reading->section = NULL;
    reading->nested = NULL;
    if (close == NULL)
        return;
    char *title = trimmed(reading->arena, line + 1, close);
    size_t word_length = strcspn(title, " \t");
    char *rest = unquoted(reading->arena, trimmed(reading->arena, title + word_length, title + strlen(title)));
    const char *group = "profiles";
    const char *name = title;

    if (reading->is_config && rest[0] != '\0') {
        name = rest;
        if (word_length == strlen("services") && strncmp(title, "services", word_length) == 0)
            group = "services";
        else if (word_length != strlen("profile") || strncmp(title, "profile", word_length) != 0)
            return;
    } else if (reading->is_config && strcmp(title, "default") != 0) {
        return; /* only the default profile goes without the word */
    }
    reading->section = map_of(reading->arena, map_of(reading->arena, reading->files, group), name);
}

/* A comment at a line's end needs a blank before it: secrets may contain "#". */
static const char *comment_cut(const char *from, const char *to) {
    for (const char *at = from; at + 1 < to; at++)
        if ((*at == ' ' || *at == '\t') && (at[1] == '#' || at[1] == ';'))
            return at;
    return to;
}

static void setting_read(struct reading *reading, const char *line, const char *end) {
    const char *equals = memchr(line, '=', (size_t)(end - line));
    bool indented = line[0] == ' ' || line[0] == '\t';
    if (equals == NULL || reading->section == NULL)
        return;
    char *key = trimmed(reading->arena, line, equals);
    char *text = trimmed(reading->arena, equals + 1, comment_cut(equals, end));
    for (char *at = key; *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + ('a' - 'A'));
    if (indented && reading->nested != NULL) {
        value_set(reading->arena, reading->nested, key, value_of_text(text));
        return;
    }
    if (text[0] == '\0') {
        /* The pointer stays good: only the nested map is written to until the next key. */
        reading->nested = value_set(reading->arena, reading->section, key, value_of_map());
        return;
    }
    reading->nested = NULL;
    value_set(reading->arena, reading->section, key, value_of_text(text));
}

static void file_merge(struct arena *arena, struct value *files, const char *bytes, bool is_config) {
    struct reading reading = {.arena = arena, .files = files, .is_config = is_config};
    for (const char *line = bytes; *line != '\0';) {
        const char *end = line + strcspn(line, "\n");
        const char *first = line + strspn(line, " \t");
        if (*line == '[')
            section_begin(&reading, line, end);
        else if (first < end && *first != '#' && *first != ';' && *first != '\r')
            setting_read(&reading, line, end);
        line = *end == '\n' ? end + 1 : end;
    }
}

static bool file_add(const struct environment *environment, struct arena *arena, const char *name, const char *fallback, bool is_config,
                     struct value *files, struct error *err) {
    const char *path = variable(environment, name);
    const char *home = variable(environment, "HOME");
    const char *bytes = NULL;
    struct error problem = {0};

    if (path == NULL && home == NULL)
        return true;
    if (path == NULL)
        path = arena_text(arena, "%s/.aws/%s", home, fallback);
    else if (text_starts(path, "~/") && home != NULL)
        path = arena_text(arena, "%s/%s", home, path + 2);
    if (file_text(arena, path, FILE_LIMIT_BYTES, &bytes, &problem)) {
        file_merge(arena, files, bytes, is_config);
        return true;
    }
    return problem.kind == ERROR_MISSING || error_set(err, problem.kind, "%s", problem.text);
}

bool profile_files_read(const struct environment *environment, struct arena *arena, struct value *out, struct error *err) {
    struct value files = value_of_map();
    /* The credentials file comes second: where both have a key, it wins. */
    if (!file_add(environment, arena, "AWS_CONFIG_FILE", "config", true, &files, err) ||
        !file_add(environment, arena, "AWS_SHARED_CREDENTIALS_FILE", "credentials", false, &files, err))
        return false;
    *out = files;
    return true;
}

const char *profile_setting(const struct environment *environment, struct arena *arena, const char *key) {
    struct value files = value_null();
    struct error ignored = {0};
    bool named = false;
    if (!profile_files_read(environment, arena, &files, &ignored))
        return NULL;
    return value_text(value_find(value_find(value_find(&files, "profiles"), profile_name(environment, &named)), key));
}
