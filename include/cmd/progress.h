/* cmd/progress.h: what a person sees while a pass goes on: on a terminal one live line below those that are done, elsewhere plain lines. */
#pragma once

#include "run/engine.h"

struct progress;

struct progress *progress_new(struct arena *arena, struct clock *clock, bool terminal, bool colour);
struct observer progress_observer(struct progress *progress);
/* Draws the live line again, with the time that has passed. */
void progress_draw(struct progress *progress);
/* Removes the live line: before anything else is printed, and at the end. */
void progress_clear(void *progress);
/* Steps that were running and are in no plan any more have ended well. */
void progress_finish(struct progress *progress);
