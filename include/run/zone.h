/* run/zone.h: time zones by their IANA names, from the system's database. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds east of UTC in that zone at that moment; *known is false when the system has no such zone. `context` is not used. */
int64_t zone_offset_ms(void *context, const char *zone, int64_t wall_ms, bool *known);
