/* fleet.c: the policy of the whole. */
#include "model/fleet.h"

#include "base/text.h"
#include "model/manifest.h"

static const int64_t second_ms = 1000;
static const int64_t minute_ms = 60 * second_ms;
static const int64_t hour_ms = 60 * minute_ms;

/* A node group needs some minutes to show trouble, a control plane more; read only, as every table. */
static const struct member default_bakes[] = {
    {.key = "Cluster", .value = {.type = VALUE_TEXT, .text = {"30m", 3}}},
    {.key = "NodeGroup", .value = {.type = VALUE_TEXT, .text = {"10m", 3}}},
};

static const char *const nothing_acknowledged[] = {NULL};

void fleet_default(struct fleet *fleet) {
    *fleet = (struct fleet){
        .name = "default",
        .source_interval_ms = minute_ms,
        .eks_read = {5, 5},
        .eks_write = {1, 1},
        .iam_read = {5, 5},
        .iam_write = {1, 1},
        .kubernetes_in_flight = 32,
        .change_in_flight_percent = 10,
        .change_per_cluster = 1,
        .slow_start = true,
        .bake_ms = minute_ms,
        .bake = {.type = VALUE_MAP, .map = {(struct member *)default_bakes, sizeof default_bakes / sizeof default_bakes[0]}},
        .failures = 1,
        .delete_at_most = 5,
        .delete_per_minute = 6,
        .acknowledged = nothing_acknowledged,
        .drift_interval_ms = 10 * minute_ms,
        .verify_all_ms = 24 * hour_ms,
    };
}

struct parser {
    const char *file;
    struct arena *arena;
    struct findings *findings;
    const struct value *spec;
};

static struct place place_of(const struct parser *parser, const struct value *value) {
    return value_place(value, parser->file);
}

static void read_duration(struct parser *parser, const struct value *value, const char *path, int64_t least_ms, int64_t *out) {
    const char *text = value_text(value);
    int64_t duration_ms = 0;
    if (text == NULL)
        return;
    if (!text_to_duration(text, &duration_ms) || duration_ms < least_ms)
        findings_add(parser->findings, parser->arena, place_of(parser, value), "for example: 90s, 10m, 1h30m, 1d",
                     "spec.%s wants a duration of at least %s, found \"%s\"", path, text_of_duration(parser->arena, least_ms), text);
    else
        *out = duration_ms;
}

static void read_duration_at(struct parser *parser, const char *path, int64_t least_ms, int64_t *out) {
    read_duration(parser, value_at(parser->spec, path), path, least_ms, out);
}

/* "5/s", "30/m", "100/h". */
static bool parse_rate(const char *text, double *per_second) {
    const char *slash = strchr(text, '/');
    if (slash == NULL || strlen(slash) != 2 || slash == text)
        return false;
    double unit = slash[1] == 's' ? 1 : slash[1] == 'm' ? 60 : slash[1] == 'h' ? 3600 : 0;
    double number = 0;
    double place = 0;
    for (const char *at = text; at < slash; at++) {
        if (*at == '.' && place == 0 && at > text && at + 1 < slash) {
            place = 1;
            continue;
        }
        if (*at < '0' || *at > '9' || number > 1e6)
            return false;
        place /= 10;
        number = place == 0 ? number * 10 + (*at - '0') : number + place * (*at - '0');
    }
    if (unit <= 0 || number <= 0 || number / unit > 1000)
        return false;
    *per_second = number / unit;
    return true;
}

static void read_rate(struct parser *parser, const char *path, struct rate_limit *out) {
    const struct value *value = value_at(parser->spec, path);
    const char *text = value_text(value);
    double per_second = 0;
    if (text == NULL)
        return;
    if (!parse_rate(text, &per_second))
        findings_add(parser->findings, parser->arena, place_of(parser, value), "for example: 5/s, 30/m",
                     "spec.%s wants a rate above 0 and at most 1000/s, found \"%s\"", path, text);
    else
        *out = (struct rate_limit){.per_second = per_second, .burst = per_second > 1 ? per_second : 1};
}

/* The rows say the range; what is outside was a finding there and is not taken. */
static void read_count(struct parser *parser, const char *path, int64_t least, int64_t most, unsigned *out) {
    int64_t number = value_integer(value_at(parser->spec, path), least - 1);
    if (number >= least && number <= most)
        *out = (unsigned)number;
}

static void read_in_flight(struct parser *parser, struct fleet *out) {
    const struct value *value = value_at(parser->spec, "change.inFlight");
    if (value == NULL || value->type == VALUE_NULL)
        return;
    int64_t number = 0;
    if (value_is(value, VALUE_INTEGER) && value->integer >= 1 && value->integer <= 1000) {
        out->change_in_flight = (unsigned)value->integer;
        out->change_in_flight_percent = 0;
        return;
    }
    const char *text = value_text(value);
    size_t length = text != NULL ? strlen(text) : 0;
    if (length >= 2 && text[length - 1] == '%' && text_to_integer(arena_copy(parser->arena, text, length - 1), 1, 100, &number)) {
        out->change_in_flight = 0;
        out->change_in_flight_percent = (unsigned)number;
        return;
    }
    findings_add(parser->findings, parser->arena, place_of(parser, value), "for example: 2, or 10%",
                 "spec.change.inFlight wants a number from 1 to 1000, or a part from 1%% to 100%%");
}

static void read_bake(struct parser *parser, struct fleet *out) {
    const struct value *bake = value_at(parser->spec, "change.bake");
    if (bake == NULL || bake->type == VALUE_NULL)
        return;
    if (!value_is(bake, VALUE_MAP)) {
        findings_add(parser->findings, parser->arena, place_of(parser, bake), "{default: 1m, NodeGroup: 10m}",
                     "spec.change.bake wants a map of kinds to durations");
        return;
    }
    out->bake = value_copy(parser->arena, &out->bake);
    for (size_t i = 0; i < bake->map.count; i++) {
        const struct member *member = &bake->map.members[i];
        const char *path = arena_text(parser->arena, "change.bake.%s", member->key);
        int64_t duration_ms = -1;
        if (!value_is(&member->value, VALUE_TEXT))
            findings_add(parser->findings, parser->arena, place_of(parser, &member->value), "for example: 10m", "spec.%s wants a duration",
                         path);
        read_duration(parser, &member->value, path, 0, &duration_ms);
        if (duration_ms < 0)
            continue;
        if (text_equal(member->key, "default"))
            out->bake_ms = duration_ms;
        else
            value_set(parser->arena, &out->bake, member->key, member->value);
    }
}

static void read_acknowledgements(struct parser *parser, struct fleet *out) {
    const struct value *list = value_at(parser->spec, "acknowledge");
    if (!value_is(list, VALUE_LIST))
        return;
    const char **texts = ARENA_ARRAY(parser->arena, const char *, list->list.count + 1);
    size_t count = 0;
    for (size_t i = 0; i < list->list.count; i++) {
        const char *text = value_text(&list->list.items[i]);
        if (text == NULL)
            continue;
        const char *id = text_starts(text, "delete ") || text_starts(text, "replace ") ? strchr(text, ' ') + 1 : "";
        const char *slash = strchr(id, '/');
        if (slash == NULL || slash == id || text_ends(id, "/") || strchr(id, ' ') != NULL)
            findings_add(parser->findings, parser->arena, place_of(parser, &list->list.items[i]), "for example: \"replace NodeGroup/gpu\"",
                         "spec.acknowledge: \"%s\" is not \"delete ID\" or \"replace ID\"", text);
        else
            texts[count++] = text;
    }
    out->acknowledged = texts;
}

/* Windows. */

static bool cron_number(const char **at, int least, int most, int *out) {
    int number = 0;
    const char *start = *at;
    while (**at >= '0' && **at <= '9' && *at - start < 3)
        number = number * 10 + (*(*at)++ - '0');
    *out = number;
    return *at > start && number >= least && number <= most;
}

/* A list of *, a, a-b, each with /step. */
static bool cron_field(const char *text, int least, int most) {
    const char *at = text;
    for (;; at++) {
        int low = 0;
        int high = 0;
        int step = 0;
        if (*at == '*') {
            at++;
        } else {
            if (!cron_number(&at, least, most, &low))
                return false;
            if (*at == '-' && (at++, !cron_number(&at, least, most, &high) || high < low))
                return false;
        }
        if (*at == '/' && (at++, !cron_number(&at, 1, most, &step)))
            return false;
        if (*at == '\0')
            return true;
        if (*at != ',')
            return false;
    }
}

static bool cron_is_valid(const char *cron, struct arena *arena) {
    static const int bounds[5][2] = {{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}};
    char *copy = arena_copy(arena, cron, strlen(cron));
    char *rest = NULL;
    size_t count = 0;
    for (char *field = strtok_r(copy, " ", &rest); field != NULL; field = strtok_r(NULL, " ", &rest), count++)
        if (count == 5 || !cron_field(field, bounds[count][0], bounds[count][1]))
            return false;
    return count == 5;
}

/* Only the shape: this layer reads no files, so a zone that does not exist is met where the window is judged. */
static bool zone_is_valid(const char *zone) {
    size_t length = strlen(zone);
    if (text_equal(zone, "UTC"))
        return true;
    if (length > 64 || zone[0] < 'A' || zone[0] > 'Z' || strchr(zone, '/') == NULL || text_ends(zone, "/") || strstr(zone, "//") != NULL)
        return false;
    for (const char *at = zone; *at != '\0'; at++)
        if (!((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || strchr("/_+-", *at) != NULL))
            return false;
    return true;
}

static bool read_window(struct parser *parser, const struct value *value, struct window *out) {
    const char *allow = value_text(value_find(value, "allow"));
    const char *deny = value_text(value_find(value, "deny"));
    struct place place = place_of(parser, value);
    if ((allow != NULL) == (deny != NULL)) {
        findings_add(parser->findings, parser->arena, place, "allow: \"0 9 * * 1-5\"", "a window has either allow or deny");
        return false;
    }
    const char *zone = value_text(value_find(value, "timeZone"));
    *out = (struct window){
        .cron = allow != NULL ? allow : deny,
        .time_zone = zone != NULL ? zone : "UTC",
        .allow = allow != NULL,
        .pause_running = text_equal(value_text(value_find(value, "running")), "pause"),
        .place = place,
    };
    size_t errors = parser->findings->error_count;
    if (!cron_is_valid(out->cron, parser->arena))
        findings_add(parser->findings, parser->arena, place_of(parser, value_find(value, allow != NULL ? "allow" : "deny")),
                     "minute hour day-of-month month day-of-week, as numbers: \"0 9 * * 1-5\"", "\"%s\" is not five cron fields",
                     out->cron);
    if (!zone_is_valid(out->time_zone))
        findings_add(parser->findings, parser->arena, place_of(parser, value_find(value, "timeZone")), "UTC, or Europe/Berlin",
                     "\"%s\" is not the IANA name of a time zone", out->time_zone);
    read_duration(parser, value_find(value, "lasts"), "windows[].lasts", minute_ms, &out->lasts_ms);
    return parser->findings->error_count == errors && out->lasts_ms > 0;
}

static void read_windows(struct parser *parser, struct fleet *out) {
    const struct value *list = value_at(parser->spec, "windows");
    if (!value_is(list, VALUE_LIST))
        return;
    out->windows = ARENA_ARRAY(parser->arena, struct window, list->list.count + 1);
    for (size_t i = 0; i < list->list.count; i++)
        if (value_is(&list->list.items[i], VALUE_MAP) && read_window(parser, &list->list.items[i], &out->windows[out->window_count]))
            out->window_count++;
}

static void check_zones(struct parser *parser, const struct fleet *fleet) {
    const struct value *per_zone = value_at(parser->spec, "change.perZone");
    if (per_zone != NULL && fleet->change_per_cluster != 1)
        findings_add(parser->findings, parser->arena, place_of(parser, per_zone), "set spec.change.perCluster to 1, or take perZone out",
                     "spec.change.perZone holds only with spec.change.perCluster: 1 in this version");
}

void fleet_parse(const struct value *object, const char *file, struct arena *arena, struct fleet *out, struct findings *findings) {
    fleet_default(out);
    struct manifest manifest = {.file = file,
                                .directory = "",
                                .object = *object,
                                .api_version = SCHEMA_API_VERSION,
                                .kind = "Fleet",
                                .name = value_text_at(object, "metadata.name"),
                                .row = schema_find("Fleet")};
    if (manifest.name == NULL) {
        findings_add(findings, arena, value_place(object, file), "write metadata.name", "no metadata.name");
        return;
    }
    manifest_check(&manifest, arena, findings);
    struct parser parser = {.file = file, .arena = arena, .findings = findings, .spec = value_find(object, "spec")};
    const struct value *spec = parser.spec;
    out->name = manifest.name;
    out->account_id = value_text_at(spec, "aws.accountId");
    out->region = value_text_at(spec, "aws.region");
    out->source_url = value_text_at(spec, "source.url");
    out->source_branch = value_text_at(spec, "source.branch");
    out->source_path = value_text_at(spec, "source.path");
    read_duration_at(&parser, "source.interval", 5 * second_ms, &out->source_interval_ms);
    read_rate(&parser, "calls.eks.read", &out->eks_read);
    read_rate(&parser, "calls.eks.write", &out->eks_write);
    read_rate(&parser, "calls.iam.read", &out->iam_read);
    read_rate(&parser, "calls.iam.write", &out->iam_write);
    read_count(&parser, "calls.kubernetes.inFlight", 1, 256, &out->kubernetes_in_flight);
    read_in_flight(&parser, out);
    read_count(&parser, "change.perCluster", 1, 1000, &out->change_per_cluster);
    out->slow_start = value_boolean(value_at(spec, "change.slowStart"), out->slow_start);
    read_bake(&parser, out);
    read_count(&parser, "change.failures", 1, 1000, &out->failures);
    read_count(&parser, "delete.atMost", 0, 100000, &out->delete_at_most);
    read_count(&parser, "delete.perMinute", 1, 600, &out->delete_per_minute);
    read_acknowledgements(&parser, out);
    read_windows(&parser, out);
    read_duration_at(&parser, "drift.interval", 10 * second_ms, &out->drift_interval_ms);
    read_duration_at(&parser, "drift.verifyAll", minute_ms, &out->verify_all_ms);
    check_zones(&parser, out);
}

static void tighten_rate(struct rate_limit *rate, const struct rate_limit *bound) {
    if (bound->per_second < rate->per_second)
        rate->per_second = bound->per_second;
    if (bound->burst < rate->burst)
        rate->burst = bound->burst;
}

static unsigned lesser(unsigned one, unsigned other) {
    return one < other ? one : other;
}

/* 0 is no limit. */
static unsigned lesser_limit(unsigned one, unsigned other) {
    return one == 0 ? other : other == 0 ? one : lesser(one, other);
}

void fleet_tighten(struct fleet *fleet, const struct fleet *bound) {
    tighten_rate(&fleet->eks_read, &bound->eks_read);
    tighten_rate(&fleet->eks_write, &bound->eks_write);
    tighten_rate(&fleet->iam_read, &bound->iam_read);
    tighten_rate(&fleet->iam_write, &bound->iam_write);
    fleet->kubernetes_in_flight = lesser(fleet->kubernetes_in_flight, bound->kubernetes_in_flight);
    fleet->change_in_flight = lesser_limit(fleet->change_in_flight, bound->change_in_flight);
    fleet->change_in_flight_percent = lesser_limit(fleet->change_in_flight_percent, bound->change_in_flight_percent);
    fleet->change_per_cluster = lesser(fleet->change_per_cluster, bound->change_per_cluster);
    fleet->slow_start = fleet->slow_start || bound->slow_start;
    fleet->bake_ms = fleet->bake_ms > bound->bake_ms ? fleet->bake_ms : bound->bake_ms;
    fleet->failures = lesser(fleet->failures, bound->failures);
    fleet->delete_at_most = lesser(fleet->delete_at_most, bound->delete_at_most);
    fleet->delete_per_minute = lesser(fleet->delete_per_minute, bound->delete_per_minute);
    fleet->account_id = fleet->account_id != NULL ? fleet->account_id : bound->account_id;
    fleet->region = fleet->region != NULL ? fleet->region : bound->region;
    if (bound->source_url != NULL) { /* what is followed is the operator's choice: git cannot send the controller elsewhere */
        fleet->source_url = bound->source_url;
        fleet->source_branch = bound->source_branch;
        fleet->source_path = bound->source_path;
        fleet->source_interval_ms = bound->source_interval_ms;
    }
    fleet->bound = bound;
}

int64_t fleet_bake_ms(const struct fleet *fleet, const char *kind) {
    int64_t own_ms = fleet->bake_ms;
    const char *text = value_text(value_find(&fleet->bake, kind));
    if (text != NULL)
        text_to_duration(text, &own_ms);
    int64_t bound_ms = fleet->bound != NULL ? fleet_bake_ms(fleet->bound, kind) : 0;
    return own_ms > bound_ms ? own_ms : bound_ms;
}
