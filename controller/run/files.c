#include "run/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool file_load(const char *path, size_t limit_bytes, struct arena *arena, char **out, size_t *length, struct error *err) {
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(err, errno == ENOENT ? ERROR_MISSING : ERROR_DENIED, "read %s: %s", path, strerror(errno));
    char *bytes = malloc(limit_bytes + 1);
    size_t count = bytes == NULL ? 0 : fread(bytes, 1, limit_bytes + 1, file);
    bool failed = bytes == NULL || ferror(file);
    fclose(file);
    if (!failed && count <= limit_bytes) {
        *out = arena_copy(arena, bytes, count);
        *length = count;
    }
    free(bytes);
    if (failed)
        return error_set(err, ERROR_DENIED, "read %s: %s", path, strerror(errno));
    if (count > limit_bytes)
        return error_set(err, ERROR_INVALID, "read %s: larger than %zu bytes", path, limit_bytes);
    return true;
}

static bool bytes_write(int descriptor, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

bool file_save(const char *path, const char *bytes, size_t length, struct error *err) {
    char fresh[4096];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return error_set(err, ERROR_INVALID, "write %s: the name is too long", path);
    int descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return error_set(err, ERROR_DENIED, "write %s: %s", fresh, strerror(errno));
    bool written = bytes_write(descriptor, bytes, length) && fsync(descriptor) == 0;
    int failure = errno;
    if (close(descriptor) != 0 || !written)
        return error_set(err, ERROR_DENIED, "write %s: %s", fresh, strerror(failure));
    if (rename(fresh, path) != 0)
        return error_set(err, ERROR_DENIED, "write %s: %s", path, strerror(errno));
    return true;
}
