#include "run/zone.h"

#include <ctype.h>
#include <unistd.h>

#include "base/text.h"

/* Zone names become part of a path: letters, digits, "_+-" and single "/" only (RFC 6557 names look so). */
static bool zone_is_name(const char *zone) {
    if (zone == NULL || !isalpha((unsigned char)zone[0]) || strlen(zone) > 64)
        return false;
    for (const char *at = zone; *at != '\0'; at++) {
        bool slash = at[0] == '/' && isalpha((unsigned char)at[1]);
        if (!isalnum((unsigned char)*at) && strchr("_+-", *at) == NULL && !slash)
            return false;
    }
    return true;
}

/* The C library knows one zone at a time, by TZ: it is set for the question and put back. */
static int64_t offset_ask(const char *zone, int64_t wall_ms) {
    const char *set = getenv("TZ");
    char *before = set == NULL ? NULL : strdup(set);
    setenv("TZ", zone, 1);
    tzset();
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm local = {0};
    int64_t offset_ms = localtime_r(&seconds, &local) == NULL ? 0 : (int64_t)local.tm_gmtoff * 1000;
    if (before == NULL)
        unsetenv("TZ");
    else
        setenv("TZ", before, 1);
    tzset();
    free(before);
    return offset_ms;
}

int64_t zone_offset_ms(void *context, const char *zone, int64_t wall_ms, bool *known) {
    (void)context;
    *known = text_equal(zone, "UTC");
    if (*known || !zone_is_name(zone))
        return 0;
    char path[128];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
    *known = access(path, R_OK) == 0;
    return *known ? offset_ask(zone, wall_ms) : 0;
}
