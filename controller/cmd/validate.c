#include "cmd/session.h"
#include "model/report.h"
#include "run/pass.h"

enum { OUTPUT_LIMIT_BYTES = 64 << 20 };

static int findings_print(const struct session *session, const struct pass *pass) {
    TEXT_AUTO text;
    text_init(&text, OUTPUT_LIMIT_BYTES);
    report_findings(&pass->findings, session->colour, &text);
    if (text.length > 0)
        fputs(text.data, stdout);
    if (pass->findings.error_count > 0) {
        fprintf(stderr, "Not valid: %zu error%s.\n", pass->findings.error_count, pass->findings.error_count == 1 ? "" : "s");
        return 1;
    }
    printf("Valid: %zu resources in %zu files.\n", pass->graph.count, pass->tree.count);
    return 0;
}

int validate_command(const struct arguments *arguments) {
    struct session session;
    struct error err = {0};
    if (!session_open(&session, arguments, &err))
        return session_close(&session, command_fail(&err));
    struct pass pass;
    bool whole = pass_run(&session.engine, PASS_VALIDATE, &pass, &err);
    if (session.progress != NULL)
        session.engine.observer.planned = NULL;
    int code = whole || pass.findings.count > 0 ? findings_print(&session, &pass) : 1;
    if (!whole)
        code = command_fail(&err);
    pass_done(&pass);
    return session_close(&session, code);
}
