#include "model/explain.h"

#include "base/json.h"
#include "cmd/command.h"
#include "model/iam_policy.h"

enum { OUTPUT_LIMIT_BYTES = 16 << 20 };

int explain_command(const struct arguments *arguments) {
    struct error err = {0};
    TEXT_AUTO text;
    text_init(&text, OUTPUT_LIMIT_BYTES);
    if (!explain_kind(arguments->names[0], &text, &err))
        return command_fail(&err);
    fputs(text.data, stdout);
    return 0;
}

static const struct kind *kind_find(const char *name, struct error *err) {
    const struct kind *kind = schema_find(name);
    if (kind != NULL)
        return kind;
    const char *names[64] = {0};
    size_t count = 0;
    for (const struct kind *const *row = schema_kinds(); *row != NULL && count < 63; row++)
        names[count++] = (*row)->name;
    const char *nearest = text_nearest(name, names);
    error_set(err, ERROR_INVALID, "no kind \"%s\" of eksact%s%s%s: `eksact explain` lists them", name,
              nearest == NULL ? "" : "; did you mean \"", nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
    return NULL;
}

static int iam_policy_print(void) {
    ARENA_AUTO *arena = arena_new();
    struct value policy = iam_policy_build(arena);
    TEXT_AUTO text;
    text_init(&text, OUTPUT_LIMIT_BYTES);
    json_render(&text, &policy, 2);
    printf("%s\n", text.data);
    return 0;
}

int schema_command(const struct arguments *arguments) {
    struct error err = {0};
    if (arguments->given[OPTION_IAM_POLICY])
        return iam_policy_print();
    const struct kind *kind = arguments->names[0] == NULL ? NULL : kind_find(arguments->names[0], &err);
    if (err.kind != ERROR_NONE)
        return command_fail(&err);
    TEXT_AUTO text;
    text_init(&text, OUTPUT_LIMIT_BYTES);
    schema_render(kind, &text);
    fputs(text.data, stdout);
    return 0;
}
