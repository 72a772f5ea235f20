/* ignore.c: .eksactignore, in the syntax of gitignore(5). */
#include "model/manifest.h"

#include "base/text.h"

/* Patterns come from the repository: matching one against one path takes at most so many steps, after which it does not match. */
enum { MATCH_STEPS = 100000 };

struct pattern {
    const char *text;
    size_t length;
    bool negated;
    bool directories_only;
    bool anchored; /* a "/" before its end binds it to the file's directory */
};

enum verdict { SILENT, EXCLUDED, INCLUDED };

static bool in_class(const char **pattern, const char *end, char wanted) {
    const char *at = *pattern + 1;
    bool negated = at < end && (*at == '!' || *at == '^');
    at += negated;
    bool found = false;
    for (bool first = true; at < end && (first || *at != ']'); first = false) {
        char low = *at == '\\' && at + 1 < end ? *++at : *at;
        at++;
        char high = low;
        if (at + 1 < end && *at == '-' && at[1] != ']') {
            at++;
            high = *at == '\\' && at + 1 < end ? *++at : *at;
            at++;
        }
        found = found || (low <= wanted && wanted <= high);
    }
    if (at >= end) { /* no closing bracket: never matches, as in git */
        *pattern = end;
        return false;
    }
    *pattern = at + 1;
    return found != negated && wanted != '/';
}

/* Whether the pattern from `pattern` to `end` matches all of `path`. */
static bool match(const char *pattern, const char *end, const char *path, unsigned *steps) {
    while (pattern < end) {
        if (*steps == 0)
            return false;
        --*steps;
        if (pattern[0] == '*' && end - pattern >= 2 && pattern[1] == '*') {
            if (end - pattern == 2)
                return *path != '\0';
            if (pattern[2] == '/') { /* "**" and its slash: any directories, also none */
                for (const char *rest = path; rest != NULL; rest = strchr(rest, '/') != NULL ? strchr(rest, '/') + 1 : NULL)
                    if (match(pattern + 3, end, rest, steps))
                        return true;
                return false;
            }
        }
        if (*pattern == '*') {
            while (pattern < end && *pattern == '*')
                pattern++;
            for (;; path++) {
                if (match(pattern, end, path, steps))
                    return true;
                if (*path == '\0' || *path == '/')
                    return false;
            }
        }
        if (*path == '\0')
            return false;
        if (*pattern == '[') {
            if (!in_class(&pattern, end, *path))
                return false;
            path++;
            continue;
        }
        if (*pattern == '\\' && pattern + 1 < end)
            pattern++;
        else if (*pattern == '?' && *path != '/') {
            pattern++, path++;
            continue;
        }
        if (*pattern++ != *path++)
            return false;
    }
    return *path == '\0';
}

static bool pattern_read(const char *line, size_t length, struct pattern *out) {
    if (length > 0 && line[length - 1] == '\r')
        length--;
    while (length > 0 && line[length - 1] == ' ' && !(length > 1 && line[length - 2] == '\\'))
        length--;
    if (length == 0 || line[0] == '#')
        return false;
    *out = (struct pattern){.text = line, .length = length};
    if (out->text[0] == '!') {
        out->negated = true;
        out->text++, out->length--;
    }
    if (out->length > 0 && out->text[out->length - 1] == '/') {
        out->directories_only = true;
        out->length--;
    }
    out->anchored = memchr(out->text, '/', out->length) != NULL;
    if (out->length > 0 && out->text[0] == '/')
        out->text++, out->length--;
    return out->length > 0;
}

static bool pattern_matches(const struct pattern *pattern, const char *path, bool is_directory) {
    if (pattern->directories_only && !is_directory)
        return false;
    const char *name = strrchr(path, '/');
    unsigned steps = MATCH_STEPS;
    return match(pattern->text, pattern->text + pattern->length, pattern->anchored || name == NULL ? path : name + 1, &steps);
}

/* The part of `path` below `directory`, or NULL when it is not below. */
static const char *path_below(const char *directory, const char *path) {
    size_t length = strlen(directory);
    if (length == 0)
        return path;
    return text_starts(path, directory) && path[length] == '/' ? path + length + 1 : NULL;
}

static enum verdict file_verdict(const struct ignore_rules *rules, const char *path, bool is_directory) {
    const char *below = path_below(rules->directory, path);
    if (below == NULL)
        return SILENT;
    enum verdict verdict = SILENT;
    for (const char *line = rules->text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        struct pattern pattern;
        if (pattern_read(line, length, &pattern) && pattern_matches(&pattern, below, is_directory))
            verdict = pattern.negated ? INCLUDED : EXCLUDED;
        line += length + (line[length] == '\n');
    }
    return verdict;
}

static bool excluded(const struct ignore_rules *rules, size_t count, const char *path, bool is_directory) {
    enum verdict verdict = SILENT;
    for (size_t i = 0; i < count; i++) {
        enum verdict one = file_verdict(&rules[i], path, is_directory);
        if (one != SILENT)
            verdict = one;
    }
    return verdict == EXCLUDED;
}

bool ignore_excludes(const struct ignore_rules *rules, size_t count, const char *path) {
    char prefix[4096];
    for (const char *slash = strchr(path, '/'); count > 0 && slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t length = (size_t)(slash - path);
        if (length >= sizeof prefix)
            return false;
        memcpy(prefix, path, length);
        prefix[length] = '\0';
        if (excluded(rules, count, prefix, true))
            return true;
    }
    return excluded(rules, count, path, false);
}

bool ignore_matches(const char *ignore_text, const char *directory, const char *path) {
    return ignore_excludes(&(struct ignore_rules){.directory = directory, .text = ignore_text}, 1, path);
}
