/* cmd/world_file.h: a simulated world in a file. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "sandbox/sandbox.h"

/* A file that is not there is a new world, and no error. */
bool world_file_load(const char *path, struct sandbox *sandbox, struct arena *arena, struct error *err);
bool world_file_save(const char *path, struct sandbox *sandbox, struct error *err);
