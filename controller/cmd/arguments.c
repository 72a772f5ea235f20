#include "cmd/command.h"

#include <getopt.h>

#include "base/text.h"

static const struct option_row rows[OPTION_COUNT] = {
    [OPTION_REF] = {"ref", 0, "REF", "branch, tag or commit to read, instead of the files as they stand"},
    [OPTION_PATH] = {"path", 0, "DIR", "only what is below this directory of the tree"},
    [OPTION_FORMAT] = {"format", 'f', "FORMAT", "text, json, markdown or mermaid [text]"},
    [OPTION_OUT] = {"out", 'o', "FILE", "save the plan, for `eksact apply FILE`"},
    [OPTION_FAIL_ON] = {"fail-on", 0, "WHAT", "exit 3 when the plan has a step of that kind: delete or replace"},
    [OPTION_EXIT_ZERO] = {"exit-zero", 0, NULL, "exit 0, not 2, when there are changes"},
    [OPTION_IAM_POLICY] = {"iam-policy", 0, NULL, "instead: the IAM policy that the controller needs"},
    [OPTION_LIMIT] = {"limit", 0, "CHARACTERS", "length that a markdown plan is folded to [65536]"},
    [OPTION_YES] = {"yes", 'y', NULL, "do not ask before applying"},
    [OPTION_WAIT] = {"wait", 'w', NULL, "go on until everything is as declared and healthy"},
    [OPTION_TIMEOUT] = {"timeout", 0, "DURATION", "with --wait: give up after this long [2h]"},
    [OPTION_INTERVAL] = {"interval", 0, "DURATION", "how often git is asked [the Fleet's, else 1m]"},
    [OPTION_LISTEN] = {"listen", 0, "ADDRESS", "address and port to serve on; port 0 takes a free one"},
    [OPTION_LISTEN_PLAIN] = {"listen-plain", 0, "ADDRESS", "serve the AWS APIs without TLS here as well"},
    [OPTION_WATCH] = {"watch", 0, NULL, "print again every few seconds until everything is done"},
    [OPTION_SPEED] = {"speed", 0, "N", "simulated seconds in a second [1]"},
    [OPTION_KUBERNETES] = {"kubernetes", 0, "URL", "a real API server as the endpoint of every simulated cluster"},
    [OPTION_KUBERNETES_CA] = {"kubernetes-ca", 0, "FILE", "its certificate authority, PEM"},
    [OPTION_FLEET] = {"fleet", 0, "FILE", "a Fleet manifest: where git is, and limits that git may only tighten"},
    [OPTION_FLEET_NAME] = {"fleet-name", 0, "NAME", "name of the fleet when no Fleet manifest says it [default]"},
    [OPTION_STATE] = {"state", 0, "FILE", "the ledger: update ids in flight, token buckets, halts"},
    [OPTION_SANDBOX] = {"sandbox", 0, "FILE", "use a simulated AWS and Kubernetes, kept in FILE"},
    [OPTION_CACHE] = {"cache", 0, "DIR", "keeps fetched repositories [$XDG_CACHE_HOME/eksact]"},
    [OPTION_GIT_USER] = {"git-user", 0, "NAME", "user name for git over HTTP [git]"},
    [OPTION_GIT_PASSWORD_FILE] = {"git-password-file", 0, "FILE", "file with the password or token for git over HTTP"},
    [OPTION_GIT_CA_FILE] = {"git-ca-file", 0, "FILE", "certificate authority of the git server, PEM"},
    [OPTION_ENDPOINT_URL] = {"aws-endpoint-url", 0, "URL", "send AWS calls there"},
    [OPTION_ACCOUNT] = {"account", 0, "ID", "AWS account that the manifests are for"},
    [OPTION_REGION] = {"region", 0, "REGION", "AWS region of manifests that name none"},
    [OPTION_KUBECONFIG] = {"kubeconfig", 0, "FILE", "for ExternalCluster, instead of the one it names"},
    [OPTION_CONTEXT] = {"context", 0, "NAME", "context of that kubeconfig"},
    [OPTION_LOG_FORMAT] = {"log-format", 0, "FORMAT", "json or text [text; json for run]"},
    [OPTION_COLOR] = {"color", 0, "WHEN", "always, never or auto [auto]"},
    [OPTION_QUIET] = {"quiet", 'q', NULL, "only results, no progress"},
    [OPTION_VERBOSE] = {"verbose", 'v', NULL, "also what is unchanged, and the reasons of the order"},
    [OPTION_HELP] = {"help", 'h', NULL, "this text"},
};

static const enum option_name common[] = {OPTION_COLOR, OPTION_QUIET, OPTION_VERBOSE, OPTION_HELP, OPTION_COUNT};
static const enum option_name connecting[] = {
    OPTION_STATE,       OPTION_SANDBOX,      OPTION_FLEET_NAME, OPTION_CACHE,  OPTION_GIT_USER,   OPTION_GIT_PASSWORD_FILE,
    OPTION_GIT_CA_FILE, OPTION_ENDPOINT_URL, OPTION_ACCOUNT,    OPTION_REGION, OPTION_KUBECONFIG, OPTION_CONTEXT,
    OPTION_LOG_FORMAT,  OPTION_COUNT};

const struct option_row *option_row(enum option_name option) {
    return &rows[option];
}

/* Fills the flags of what a verb takes. */
static void verb_takes(const struct verb *verb, bool *takes) {
    for (const enum option_name *option = common; *option != OPTION_COUNT; option++)
        takes[*option] = true;
    for (const enum option_name *option = verb->options; option != NULL && *option != OPTION_COUNT; option++)
        takes[*option] = true;
    for (const enum option_name *option = connecting; verb->connects && *option != OPTION_COUNT; option++)
        takes[*option] = true;
}

static const struct verb *verb_of(const char *name) {
    for (const struct verb *verb = verbs(); verb->name != NULL; verb++) {
        if (text_equal(verb->name, name))
            return verb;
    }
    return NULL;
}

static bool verb_unknown(const char *word, struct error *err) {
    const char *names[32] = {0};
    size_t count = 0;
    for (const struct verb *verb = verbs(); verb->name != NULL && count < 31; verb++)
        names[count++] = verb->name;
    const char *nearest = text_nearest(word, names);
    if (nearest != NULL)
        return error_set(err, ERROR_INVALID, "unknown command \"%s\": did you mean \"%s\"?", word, nearest);
    return error_set(err, ERROR_INVALID, "unknown command \"%s\": see `eksact help`", word);
}

const struct verb *verb_find(const char *name, struct error *err) {
    const struct verb *verb = verb_of(name);
    if (verb == NULL)
        verb_unknown(name, err);
    return verb;
}

static bool option_unknown(const struct verb *verb, const bool *takes, const char *word, struct error *err) {
    const char *names[OPTION_COUNT + 1] = {0};
    size_t count = 0;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (takes[i])
            names[count++] = rows[i].name;
    }
    while (*word == '-')
        word++;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (!takes[i] && text_equal(rows[i].name, word))
            return error_set(err, ERROR_INVALID, "`eksact %s` takes no --%s: see `eksact help %s`", verb->name, word, verb->name);
    }
    const char *nearest = text_nearest(word, names);
    if (nearest != NULL)
        return error_set(err, ERROR_INVALID, "unknown option --%s: did you mean --%s?", word, nearest);
    return error_set(err, ERROR_INVALID, "unknown option --%s: see `eksact help %s`", word, verb->name);
}

/* getopt's own table and letters, from the rows. */
static void options_table(const bool *takes, struct option *table, char *letters) {
    size_t count = 0;
    *letters++ = ':';
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (!takes[i])
            continue;
        table[count++] = (struct option){rows[i].name, rows[i].value == NULL ? no_argument : required_argument, NULL, i + 256};
        if (rows[i].letter == 0)
            continue;
        *letters++ = rows[i].letter;
        if (rows[i].value != NULL)
            *letters++ = ':';
    }
    *letters = '\0';
}

static int option_of_letter(int letter) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (rows[i].letter == letter)
            return i;
    }
    return OPTION_COUNT;
}

bool arguments_parse(int count, char **words, struct arguments *out, struct error *err) {
    *out = (struct arguments){0};
    const char *name = count < 2 ? "help" : words[1];
    if (text_equal(name, "--help") || text_equal(name, "-h"))
        name = "help";
    if (text_equal(name, "--version"))
        name = "version";
    out->verb = verb_find(name, err);
    if (out->verb == NULL)
        return false;
    bool takes[OPTION_COUNT] = {0};
    verb_takes(out->verb, takes);
    struct option table[OPTION_COUNT + 1] = {0};
    char letters[2 * OPTION_COUNT + 2];
    options_table(takes, table, letters);
    opterr = 0;
    optind = 1;
    int letter;
    while (count > 1 && (letter = getopt_long(count - 1, words + 1, letters, table, NULL)) != -1) {
        const char *word = words[optind];
        if (letter == ':')
            return error_set(err, ERROR_INVALID, "%s needs a value: see `eksact help %s`", word, out->verb->name);
        if (letter == '?')
            return option_unknown(out->verb, takes, word, err);
        int option = letter >= 256 ? letter - 256 : option_of_letter(letter);
        out->given[option] = true;
        out->values[option] = rows[option].value == NULL ? NULL : optarg;
    }
    for (int i = optind; i + 1 < count; i++) {
        if (out->name_count == out->verb->most_names)
            return error_set(err, ERROR_INVALID, "`eksact %s` does not take \"%s\": see `eksact help %s`", out->verb->name, words[i + 1],
                             out->verb->name);
        out->names[out->name_count++] = words[i + 1];
    }
    return true;
}

static void options_print(FILE *out, const bool *takes) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (!takes[i])
            continue;
        char left[64];
        snprintf(left, sizeof left, "%s--%s%s%s", rows[i].letter == 0 ? "    " : (char[]){'-', rows[i].letter, ',', ' ', '\0'},
                 rows[i].name, rows[i].value == NULL ? "" : " ", rows[i].value == NULL ? "" : rows[i].value);
        fprintf(out, "  %-32s %s\n", left, rows[i].help);
    }
}

void help_print(FILE *out, const struct verb *verb) {
    if (verb != NULL) {
        fprintf(out, "eksact %s%s%s\n\n%s.\n", verb->name, verb->usage[0] == '\0' ? "" : " ", verb->usage, verb->summary);
        if (verb->help != NULL)
            fprintf(out, "\n%s\n", verb->help);
        bool takes[OPTION_COUNT] = {0};
        verb_takes(verb, takes);
        fprintf(out, "\nOptions:\n");
        options_print(out, takes);
        return;
    }
    fprintf(out, "eksact: EKS and Kubernetes as a git repository declares them.\n\nUsage: eksact COMMAND [OPTIONS]\n\nCommands:\n");
    for (const struct verb *row = verbs(); row->name != NULL; row++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", row->name, row->usage);
        fprintf(out, "  %-32s %s\n", left, row->summary);
    }
    fprintf(out, "\n`eksact help COMMAND` says more. To try it with no account and no cluster:\n"
                 "  eksact plan --sandbox world.json examples/production\n");
}
