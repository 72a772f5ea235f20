/* world/directory.c: the files of a directory as they stand. Only its own name may be a symbolic link: below it, each step goes from an
 * open directory to a name in it, so that nothing outside is reached even while somebody changes the directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "files.h"

static void descriptor_done(const int *descriptor) {
    if (*descriptor >= 0)
        close(*descriptor);
}
#define DESCRIPTOR_AUTO __attribute__((cleanup(descriptor_done))) int

static void directory_done(DIR **directory) {
    if (*directory)
        closedir(*directory);
}
#define DIRECTORY_AUTO __attribute__((cleanup(directory_done))) DIR

struct names {
    char **items;
    size_t count;
};

static int name_compare(const void *one, const void *other) {
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* Takes the descriptor over. */
static bool names_read(int folder, struct arena *arena, struct names *names) {
    DIRECTORY_AUTO *directory = fdopendir(folder);
    if (!directory) {
        close(folder);
        return false;
    }
    errno = 0;
    for (struct dirent *entry; (entry = readdir(directory)); errno = 0) {
        if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
            continue;
        names->items = arena_grow(arena, names->items, names->count, sizeof *names->items);
        names->items[names->count++] = arena_copy(arena, entry->d_name, strlen(entry->d_name));
    }
    if (errno != 0)
        return false;
    if (names->count > 1)
        qsort(names->items, names->count, sizeof *names->items, name_compare);
    return true;
}

static const char *reason(struct files *files) {
    return arena_text(files->arena, "cannot be read: %s", strerror(errno));
}

/* The size may be another by now: what counts is what is read. */
static void content_read(struct files *files, const char *path, int file, size_t size_bytes) {
    char *bytes = arena_take(files->arena, size_bytes + 1);
    size_t length = 0;
    while (length < size_bytes) {
        ssize_t count = read(file, bytes + length, size_bytes - length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            files_refuse(files, path, NULL, reason(files));
            return;
        }
        if (count == 0)
            break;
        length += (size_t)count;
    }
    files_add(files, path, bytes, length);
}

static bool file_read(struct files *files, const char *path, int file, struct error *err) {
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) {
        files_refuse(files, path, NULL, reason(files));
        return true;
    }
    if (!S_ISREG(status.st_mode)) {
        files_refuse(files, path, NULL, "not a regular file");
        return true;
    }
    bool stop;
    if (!files_has_room(files, path, (uint64_t)status.st_size, &stop, err))
        return !stop;
    content_read(files, path, file, (size_t)status.st_size);
    return true;
}

static enum file_kind kind_of(int folder, const char *name) {
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return FILE_SPECIAL;
    switch (status.st_mode & S_IFMT) {
    case S_IFREG:
        return FILE_REGULAR;
    case S_IFDIR:
        return FILE_FOLDER;
    case S_IFLNK:
        return FILE_LINK;
    default:
        return FILE_SPECIAL;
    }
}

static bool folder_read(struct files *files, int folder, const char *path, unsigned depth, struct error *err);

static bool entry_read(struct files *files, int folder, const char *folder_path, const char *name, unsigned depth, struct error *err) {
    enum file_fate fate;
    const char *path;
    if (!files_judge(files, folder_path, name, strlen(name), depth, kind_of(folder, name), &fate, &path, err))
        return false;
    if (fate == FILE_SKIP)
        return true;
    /* Opening a pipe that has taken a file's place must not wait. */
    int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (fate == FILE_ENTER ? O_DIRECTORY : 0);
    DESCRIPTOR_AUTO entry = openat(folder, name, flags);
    if (fate == FILE_READ)
        return file_read(files, path, entry, err);
    if (entry < 0) {
        files_refuse(files, path, NULL, reason(files));
        return true;
    }
    return folder_read(files, entry, path, depth + 1, err);
}

static bool folder_read(struct files *files, int folder, const char *path, unsigned depth, struct error *err) {
    ARENA_AUTO *arena = arena_new();
    struct names names = {0};
    int own = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    if (own < 0 || !names_read(own, arena, &names)) {
        files_refuse(files, *path ? path : ".", NULL, reason(files));
        return true;
    }
    for (size_t i = 0; i < names.count; i++)
        if (!entry_read(files, folder, path, names.items[i], depth, err))
            return false;
    return true;
}

/* The folder at `path` below `root`, step by step. */
static int folder_open(int root, struct arena *arena, const char *path) {
    int folder = fcntl(root, F_DUPFD_CLOEXEC, 0);
    while (folder >= 0 && *path) {
        size_t length = strcspn(path, "/");
        int next = openat(folder, arena_copy(arena, path, length), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int cause = errno;
        close(folder);
        errno = cause;
        folder = next;
        path += length + (path[length] == '/');
    }
    return folder;
}

bool directory_read(const char *location, const char *path, struct files *files, struct error *err) {
    DESCRIPTOR_AUTO root = open(location, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (root < 0 || fstat(root, &status) != 0)
        return error_set(err, errno == EACCES ? ERROR_DENIED : ERROR_INVALID, "read \"%s\": %s", location, strerror(errno));
    if (!S_ISDIR(status.st_mode)) {
        if (*path)
            return error_set(err, ERROR_INVALID, "read \"%s\": not a directory, so it has no path \"%s\"", location, path);
        const char *slash = strrchr(location, '/');
        return file_read(files, slash ? slash + 1 : location, root, err);
    }
    DESCRIPTOR_AUTO folder = folder_open(root, files->arena, path);
    if (folder < 0)
        return error_set(err, errno == EACCES ? ERROR_DENIED : ERROR_INVALID, "read \"%s\": path \"%s\": %s", location, path,
                         errno == ELOOP || errno == ENOTDIR ? "not a directory (symbolic links are not followed)" : strerror(errno));
    return folder_read(files, folder, path, 0, err);
}
