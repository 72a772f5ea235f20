#include "cmd/plan_file.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/json.h"
#include "model/report.h"

enum { PLAN_FILE_LIMIT_BYTES = 256 << 20 };

void plan_findings_print(const struct session *session, const struct pass *pass) {
    if (pass->findings.count == 0)
        return;
    TEXT_AUTO text;
    text_init(&text, PLAN_OUTPUT_LIMIT_BYTES);
    report_findings(&pass->findings, session->colour, &text);
    if (text.length > 0)
        fputs(text.data, stderr);
}

bool plan_file_save(const char *path, const struct engine *engine, const struct pass *pass, struct error *err) {
    ARENA_AUTO *arena = arena_new();
    struct value file = plan_to_value(&pass->plan, arena);
    char absolute[PATH_MAX];
    const char *location = realpath(engine->source.location, absolute) == NULL ? engine->source.location : absolute;
    struct value source = value_of_map();
    value_set(arena, &source, "location", value_of_text(location));
    /* A branch may move on before the plan is applied: the commit is what was reviewed. */
    if (pass->tree.commit != NULL)
        value_set(arena, &source, "reference", value_of_text(pass->tree.commit));
    if (engine->source.path != NULL)
        value_set(arena, &source, "path", value_of_text(engine->source.path));
    value_set(arena, &file, "eksactPlan", source);
    TEXT_AUTO text;
    text_init(&text, PLAN_FILE_LIMIT_BYTES);
    json_render(&text, &file, 2);
    text_add(&text, "\n");
    return file_save(path, text.data, text.length, err) || error_wrap(err, "--out");
}

bool plan_file_load(const char *path, struct arena *arena, struct plan_file *out, struct error *err) {
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    char *bytes = NULL;
    size_t length = 0;
    struct value file;
    if (!file_load(path, PLAN_FILE_LIMIT_BYTES, arena, &bytes, &length, err) || !json_parse(arena, path, bytes, length, &file, err))
        return error_wrap(err, "read the saved plan");
    *out = (struct plan_file){.location = value_text_at(&file, "eksactPlan.location"),
                              .reference = value_text_at(&file, "eksactPlan.reference"),
                              .path = value_text_at(&file, "eksactPlan.path"),
                              .digest = value_text_at(&file, "digest"),
                              .live_digest = value_text_at(&file, "live_digest")};
    if (out->location == NULL || out->digest == NULL || out->live_digest == NULL)
        return error_set(err, ERROR_INVALID, "%s is no plan that `eksact plan --out` saved", path);
    return true;
}

bool plan_file_holds(const struct plan_file *file, const struct plan *plan, struct error *err) {
    if (!text_equal(file->live_digest, plan->live_digest))
        return error_set(
            err, ERROR_CONFLICT,
            "the live state is no longer what the saved plan was made for: make and review a new plan with `eksact plan --out`");
    if (!text_equal(file->digest, plan->digest))
        return error_set(
            err, ERROR_CONFLICT,
            "what is declared now leads to other changes than the saved plan has: make and review a new plan with `eksact plan --out`");
    return true;
}
