/* world/files.c: what of a tree is read. Rules for names are stricter than git's: what is read here is shown on terminals, in JSON and in
 * pull requests, and a name must be the same file on every system that checks it out. */
#include "files.h"

#include <stdint.h>

#include "base/text.h"

static const size_t entry_limit = 2000000;
static const size_t name_limit_bytes = 255, path_limit_bytes = 4096;
static const unsigned depth_limit = 64;

static bool is_wanted(const char *name) {
    if (text_equal(name, ".eksactignore"))
        return true;
    return name[0] != '.' && (text_ends(name, ".yaml") || text_ends(name, ".yml") || text_ends(name, ".json"));
}

/* Length of the UTF-8 sequence at `bytes` (RFC 3629: shortest form, no surrogates), 0 when it is none. */
static size_t utf8_step(const unsigned char *bytes) {
    size_t more = bytes[0] < 0x80 ? 0 : bytes[0] >= 0xc2 && bytes[0] < 0xe0 ? 1 : (bytes[0] & 0xf0) == 0xe0 ? 2 : 3;
    if (more == 3 && (bytes[0] < 0xf0 || bytes[0] > 0xf4))
        return 0;
    for (size_t i = 1; i <= more; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    if ((bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xed && bytes[1] > 0x9f) || (bytes[0] == 0xf0 && bytes[1] < 0x90) ||
        (bytes[0] == 0xf4 && bytes[1] > 0x8f))
        return 0;
    return more + 1;
}

/* U+200B to U+200F, U+202A to U+202E, U+2060 to U+206F and U+FEFF have no width or turn the text around; U+0080 to U+009F are controls. */
static bool utf8_is_unseen(const unsigned char *bytes) {
    if (bytes[0] == 0xc2)
        return bytes[1] < 0xa0;
    if (bytes[0] == 0xef)
        return bytes[1] == 0xbb && bytes[2] == 0xbf;
    if (bytes[0] != 0xe2)
        return false;
    return (bytes[1] == 0x80 && ((bytes[2] >= 0x8b && bytes[2] <= 0x8f) || (bytes[2] >= 0xaa && bytes[2] <= 0xae))) ||
           (bytes[1] == 0x81 && bytes[2] >= 0xa0 && bytes[2] <= 0xaf);
}

/* Names that some file system takes for ".git": case is folded on most, "git~1" is its short name on NTFS, which also drops dots and blanks
 * at the end. HFS+ ignores characters without width, and those are refused in any name. */
static bool is_like_git(const char *name) {
    size_t length = strlen(name);
    while (length > 0 && (name[length - 1] == '.' || name[length - 1] == ' '))
        length--;
    return (length == 4 && strncasecmp(name, ".git", 4) == 0) || (length == 5 && strncasecmp(name, "git~1", 5) == 0);
}

/* NULL when nothing is wrong with the name. */
static const char *name_trouble(const char *name, size_t length) {
    if (length == 0 || length > name_limit_bytes)
        return "the name is empty or longer than 255 bytes";
    if (memchr(name, '\0', length) || memchr(name, '/', length))
        return "the name has a slash or a NUL in it";
    if (text_equal(name, ".") || text_equal(name, ".."))
        return "the name leads out of its folder";
    for (size_t i = 0, step; i < length; i += step) {
        const unsigned char *bytes = (const unsigned char *)name + i;
        step = utf8_step(bytes);
        if (step == 0)
            return "the name is not UTF-8";
        if (bytes[0] < 0x20 || bytes[0] == 0x7f || utf8_is_unseen(bytes))
            return "the name has a control character or one that cannot be seen";
        if (bytes[0] == '\\')
            return "the name has a backslash, which some systems take for a folder's end";
    }
    return is_like_git(name) ? "the name stands for git's own folder on some systems" : NULL;
}

/* A path that can be shown: what is no printable ASCII or proper UTF-8 is written \xNN. */
static const char *path_shown(struct arena *arena, const char *path, size_t length) {
    char *shown = arena_take(arena, length * 4 + 1), *end = shown;
    for (size_t i = 0; i < length;) {
        const unsigned char *bytes = (const unsigned char *)path + i;
        size_t step = utf8_step(bytes);
        if (step == 0 || i + step > length || bytes[0] < 0x20 || bytes[0] == 0x7f || utf8_is_unseen(bytes)) {
            end += snprintf(end, 5, "\\x%02x", (unsigned)bytes[0]);
            i++;
            continue;
        }
        memcpy(end, bytes, step);
        end += step;
        i += step;
    }
    return shown;
}

void files_refuse(struct files *files, const char *path, const char *hint, const char *why) {
    findings_add(files->findings, files->arena, (struct place){.file = path_shown(files->arena, path, strlen(path))}, hint, "%s", why);
}

static void files_warn(struct files *files, const char *path, const char *hint, const char *why) {
    findings_warn(files->findings, files->arena, (struct place){.file = path_shown(files->arena, path, strlen(path))}, hint, "%s", why);
}

static enum file_fate judge_file(struct files *files, const char *path, const char *name, enum file_kind kind) {
    bool wanted = is_wanted(name);
    if (kind == FILE_REGULAR)
        return wanted ? FILE_READ : FILE_SKIP;
    if (kind == FILE_SUBMODULE)
        files_warn(files, path, "give that repository a source of its own", "submodules are not read");
    else if (kind == FILE_LINK && wanted)
        files_refuse(files, path, "put the file itself here", "symbolic links are not followed");
    else if (kind == FILE_LINK && name[0] != '.' && !strchr(name, '.')) /* perhaps a folder of manifests */
        files_warn(files, path, "put the files themselves here", "symbolic links are not followed");
    else if (kind == FILE_SPECIAL && wanted)
        files_refuse(files, path, NULL, "not a regular file");
    return FILE_SKIP;
}

bool files_judge(struct files *files, const char *folder, const char *name, size_t name_length, unsigned depth, enum file_kind kind,
                 enum file_fate *fate, const char **path_out, struct error *err) {
    *fate = FILE_SKIP;
    if (++files->entries > entry_limit)
        return error_set(err, ERROR_INVALID, "more than %zu files and folders: name a path below the root", entry_limit);
    const char *copy = arena_copy(files->arena, name, name_length);
    if (copy[0] == '.' && !text_equal(copy, ".eksactignore") && !text_equal(copy, ".."))
        return true;
    const char *path = *folder ? arena_text(files->arena, "%s/%s", folder, copy) : copy;
    *path_out = path;
    bool matters = kind == FILE_FOLDER || kind == FILE_SUBMODULE || is_wanted(copy) || memchr(name, '\0', name_length);
    const char *trouble = name_trouble(copy, name_length);
    if (trouble && matters)
        files_refuse(files, path, "rename it", trouble);
    if (trouble)
        return true;
    if (kind != FILE_FOLDER) {
        *fate = judge_file(files, path, copy, kind);
        return true;
    }
    if (depth >= depth_limit || strlen(path) > path_limit_bytes)
        files_refuse(files, path, "move it nearer to the root", "folders are nested too deep");
    else
        *fate = FILE_ENTER;
    return true;
}

bool files_has_room(struct files *files, const char *path, uint64_t size_bytes, bool *stop, struct error *err) {
    *stop = true;
    if (files->count >= files->limits->file_count)
        return error_set(err, ERROR_INVALID, "more than %zu manifest files", files->limits->file_count);
    if (size_bytes > files->limits->file_bytes) {
        *stop = false;
        files_refuse(files, path, "split it", arena_text(files->arena, "larger than %zu bytes", files->limits->file_bytes));
        return false;
    }
    if (size_bytes > files->limits->tree_bytes - files->total_bytes)
        return error_set(err, ERROR_INVALID, "manifest files of more than %zu bytes together", files->limits->tree_bytes);
    return true;
}

void files_add(struct files *files, const char *path, const char *bytes, size_t length) {
    files->items = arena_grow(files->arena, files->items, files->count, sizeof *files->items);
    files->items[files->count++] = (struct tree_file){path, bytes, length};
    files->total_bytes += length;
}

static int file_compare(const void *one, const void *other) {
    return strcmp(((const struct tree_file *)one)->path, ((const struct tree_file *)other)->path);
}

/* Git never writes a tree that has a name twice, but a server may send one. Which of the two counts would be a guess, so none does. */
void files_finish(struct files *files, struct tree *out) {
    if (files->count > 1)
        qsort(files->items, files->count, sizeof *files->items, file_compare);
    size_t kept = 0;
    for (size_t i = 0, next; i < files->count; i = next) {
        for (next = i + 1; next < files->count && text_equal(files->items[i].path, files->items[next].path); next++)
            continue;
        if (next == i + 1)
            files->items[kept++] = files->items[i];
        else
            files_refuse(files, files->items[i].path, NULL, "the same path is there more than once");
    }
    files->count = kept;
    out->files = files->items;
    out->count = kept;
}

bool path_clean(struct arena *arena, const char *path, const char **out, struct error *err) {
    if (!path)
        path = "";
    if (path[0] == '/')
        return error_set(err, ERROR_INVALID, "path \"%s\": give it from the tree's root, without a slash at its start", path);
    char *clean = arena_copy(arena, "", 0);
    while (*path) {
        size_t length = strcspn(path, "/");
        const char *part = arena_copy(arena, path, length);
        path += length + (path[length] == '/');
        if (length == 0 || text_equal(part, "."))
            continue;
        const char *trouble = name_trouble(part, length);
        if (trouble)
            return error_set(err, ERROR_INVALID, "path \"%s\": %s", path_shown(arena, part, length), trouble);
        clean = *clean ? arena_text(arena, "%s/%s", clean, part) : arena_text(arena, "%s", part);
    }
    *out = clean;
    return true;
}
