#include "cmd/command.h"

#define OPTIONS(...) (const enum option_name[]){__VA_ARGS__, OPTION_COUNT}

static const struct verb table[] = {
    {.name = "validate", .usage = "[PATH|URL]", .summary = "Checks the manifests, offline; prints every finding as file:line:column",
     .help = "Exit codes: 0 valid, 1 not.", .most_names = 1, .connects = true, .options = OPTIONS(OPTION_REF, OPTION_PATH),
     .run = validate_command},
    {.name = "plan", .usage = "[PATH|URL]", .summary = "Shows what would change, in which order, and how long it takes; changes nothing",
     .help = "Exit codes: 0 no changes, 2 changes, 1 error, 3 changes that a guard blocks, 4 partial (something could not be read).",
     .most_names = 1, .connects = true,
     .options = OPTIONS(OPTION_REF, OPTION_PATH, OPTION_FORMAT, OPTION_OUT, OPTION_FAIL_ON, OPTION_EXIT_ZERO, OPTION_LIMIT),
     .run = plan_command},
    {.name = "apply", .usage = "[PATH|URL|PLANFILE]", .summary = "Makes the changes of the plan, in order and at the fleet's rate",
     .help = "A saved plan is applied only while git and the live state are as they were when it was made.\n"
             "Exit codes: 0 applied, 1 error or a step failed, 3 a guard blocks steps or the saved plan no longer holds, 4 partial.",
     .most_names = 1, .connects = true,
     .options = OPTIONS(OPTION_REF, OPTION_PATH, OPTION_YES, OPTION_WAIT, OPTION_TIMEOUT, OPTION_FORMAT), .run = apply_command},
    {.name = "run", .usage = "[PATH|URL]", .summary = "The controller: keeps everything as git declares it",
     .help = "Looks again at every interval and on SIGHUP; ends cleanly on SIGTERM and SIGINT. Serves /healthz, /readyz and /metrics.",
     .most_names = 1, .connects = true,
     .options = OPTIONS(OPTION_REF, OPTION_PATH, OPTION_FLEET, OPTION_INTERVAL, OPTION_LISTEN), .run = run_command},
    {.name = "status", .usage = "[PATH|URL]", .summary = "What is applied, what is under way, what waits and why",
     .help = "Exit codes: 0 all is as declared, 2 something is under way or waits, 1 error, 3 blocked, 4 partial.", .most_names = 1,
     .connects = true, .options = OPTIONS(OPTION_REF, OPTION_PATH, OPTION_WATCH, OPTION_FORMAT), .run = status_command},
    {.name = "explain", .usage = "[KIND[.FIELD]]", .summary = "Documents a kind or a field", .most_names = 1, .run = explain_command},
    {.name = "schema", .usage = "[KIND]", .summary = "Prints the JSON Schema of a kind, or of all kinds as one", .most_names = 1,
     .options = OPTIONS(OPTION_IAM_POLICY), .run = schema_command},
    {.name = "kubeconfig", .usage = "CLUSTER", .summary = "Prints a kubeconfig for an EKS cluster, for kubectl",
     .help = "As `aws eks update-kubeconfig` writes it: kubectl then gets its tokens from `aws eks get-token`.", .most_names = 1,
     .connects = true, .run = kubeconfig_command},
    {.name = "sandbox", .usage = "", .summary = "Serves a simulated AWS and Kubernetes to real clients",
     .help = "Prints the addresses, and the file with its certificate authority: point AWS_ENDPOINT_URL and AWS_CA_BUNDLE at them.\n"
             "Access key " "AKIASANDBOX000000000, secret sandboxsandboxsandboxsandboxsandboxsand0.",
     .options = OPTIONS(OPTION_LISTEN, OPTION_LISTEN_PLAIN, OPTION_STATE, OPTION_SPEED, OPTION_KUBERNETES, OPTION_KUBERNETES_CA),
     .run = sandbox_command},
    {.name = "completion", .usage = "bash|zsh|fish", .summary = "Prints completions for a shell", .most_names = 1, .run = completion_command},
    {.name = "version", .usage = "", .summary = "Prints the version", .run = version_command},
    {.name = "help", .usage = "[COMMAND]", .summary = "Explains a command", .most_names = 1, .run = help_command},
    {0},
};

const struct verb *verbs(void) {
    return table;
}

int command_fail(const struct error *err) {
    fprintf(stderr, "eksact: ");
    if (err->place.file != NULL)
        fprintf(stderr, "%s:%u:%u: ", err->place.file, err->place.line, err->place.column);
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

int version_command(const struct arguments *arguments) {
    (void)arguments;
    printf("eksact %s\n", EKSACT_VERSION);
    return 0;
}

int help_command(const struct arguments *arguments) {
    const char *name = arguments->names[0];
    if (name == NULL) {
        help_print(stdout, NULL);
        return 0;
    }
    struct error err = {0};
    const struct verb *verb = verb_find(name, &err);
    if (verb == NULL)
        return command_fail(&err);
    help_print(stdout, verb);
    return 0;
}

int main(int count, char **words) {
    struct arguments arguments;
    struct error err = {0};
    if (!arguments_parse(count, words, &arguments, &err))
        return command_fail(&err);
    if (arguments.given[OPTION_HELP]) {
        help_print(stdout, arguments.verb);
        return 0;
    }
    return arguments.verb->run(&arguments);
}
