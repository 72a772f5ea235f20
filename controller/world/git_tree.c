/* world/git_tree.c: the files of a commit, read from the object database. Nothing is written anywhere. libgit2 compares each object's hash
 * with its id as it reads it, which is on unless switched off. */
#include <string.h>

#include "base/text.h"
#include "git_parts.h"

struct walk {
    git_repository *repository;
    git_odb *objects;
    struct files *files;
};

static enum file_kind kind_of(const git_tree_entry *entry) {
    switch (git_tree_entry_filemode_raw(entry) & 0170000) {
    case 0040000:
        return FILE_FOLDER;
    case 0100000:
        return FILE_REGULAR;
    case 0120000:
        return FILE_LINK;
    case 0160000:
        return FILE_SUBMODULE;
    default:
        return FILE_SPECIAL;
    }
}

/* The size comes first, from the object's header: an object that is too large is never unpacked. */
static bool blob_read(struct walk *walk, const char *path, const git_oid *id, struct error *err) {
    size_t size_bytes;
    git_object_t type;
    if (git_odb_read_header(&size_bytes, &type, walk->objects, id) != 0 || type != GIT_OBJECT_BLOB)
        return git_trouble(err, ERROR_BROKEN, "read %s", path);
    bool stop;
    if (!files_has_room(walk->files, path, size_bytes, &stop, err))
        return !stop;
    GIT_AUTO(odb_object) *object = NULL;
    if (git_odb_read(&object, walk->objects, id) != 0)
        return git_trouble(err, ERROR_BROKEN, "read %s", path);
    size_t length = git_odb_object_size(object);
    files_add(walk->files, path, arena_copy(walk->files->arena, git_odb_object_data(object), length), length);
    return true;
}

static bool folder_read(struct walk *walk, const char *path, const git_oid *id, unsigned depth, struct error *err);

static bool entry_read(struct walk *walk, const char *folder, const git_tree_entry *entry, unsigned depth, struct error *err) {
    enum file_fate fate;
    const char *path, *name = git_tree_entry_name(entry);
    if (!files_judge(walk->files, folder, name, strlen(name), depth, kind_of(entry), &fate, &path, err))
        return false;
    if (fate == FILE_READ)
        return blob_read(walk, path, git_tree_entry_id(entry), err);
    return fate == FILE_SKIP || folder_read(walk, path, git_tree_entry_id(entry), depth + 1, err);
}

static bool folder_read(struct walk *walk, const char *path, const git_oid *id, unsigned depth, struct error *err) {
    GIT_AUTO(tree) *folder = NULL;
    if (git_tree_lookup(&folder, walk->repository, id) != 0)
        return git_trouble(err, ERROR_BROKEN, "read folder \"%s\"", path);
    for (size_t i = 0; i < git_tree_entrycount(folder); i++)
        if (!entry_read(walk, path, git_tree_entry_byindex(folder, i), depth, err))
            return false;
    return true;
}

static bool folder_find(git_commit *commit, const char *path, git_oid *out, struct error *err) {
    GIT_AUTO(tree) *root = NULL;
    if (git_commit_tree(&root, commit) != 0)
        return git_trouble(err, ERROR_BROKEN, "read the commit's tree");
    git_oid_cpy(out, git_tree_id(root));
    if (!*path)
        return true;
    GIT_AUTO(tree_entry) *entry = NULL;
    char id[COMMIT_DIGITS + 1];
    git_oid_tostr(id, 11, git_commit_id(commit));
    if (git_tree_entry_bypath(&entry, root, path) != 0)
        return error_set(err, ERROR_INVALID, "commit %s has no folder \"%s\"", id, path);
    if (git_tree_entry_type(entry) != GIT_OBJECT_TREE)
        return error_set(err, ERROR_INVALID, "\"%s\" is no folder in commit %s", path, id);
    git_oid_cpy(out, git_tree_entry_id(entry));
    return true;
}

static const char *summary_of(struct arena *arena, git_commit *commit) {
    const char *summary = git_commit_summary(commit);
    return summary ? arena_copy(arena, summary, strnlen(summary, 500)) : "";
}

bool commit_read(git_repository *repository, git_commit *commit, const char *root, const char *path, struct files *files, struct tree *out,
                 struct error *err) {
    GIT_AUTO(odb) *objects = NULL;
    git_oid id;
    if (git_repository_odb(&objects, repository) != 0)
        return git_trouble(err, ERROR_BROKEN, "open the object database");
    const char *whole = !*root ? path : !*path ? root : arena_text(files->arena, "%s/%s", root, path);
    if (!folder_find(commit, whole, &id, err))
        return false;
    struct walk walk = {repository, objects, files};
    if (!folder_read(&walk, path, &id, 0, err))
        return false;
    char *hex = arena_take(files->arena, COMMIT_DIGITS + 1);
    out->commit = git_oid_tostr(hex, COMMIT_DIGITS + 1, git_commit_id(commit));
    out->subject = summary_of(files->arena, commit);
    return true;
}
