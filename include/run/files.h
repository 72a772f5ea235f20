/* run/files.h: small files, whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

/* ERROR_MISSING when there is none, ERROR_INVALID when it is larger than the limit. The text has a NUL after its end. */
bool file_load(const char *path, size_t limit_bytes, struct arena *arena, char **out, size_t *length, struct error *err);

/* Written to PATH.new, which then takes the old one's place: a crash leaves one or the other. Only its owner may read it. */
bool file_save(const char *path, const char *bytes, size_t length, struct error *err);
