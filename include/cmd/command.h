/* cmd/command.h: verbs and their options, as tables that the parser, the help and the completions read. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

enum option_name {
    OPTION_REF,
    OPTION_PATH,
    OPTION_FORMAT,
    OPTION_OUT,
    OPTION_FAIL_ON,
    OPTION_EXIT_ZERO,
    OPTION_IAM_POLICY,
    OPTION_LIMIT,
    OPTION_YES,
    OPTION_WAIT,
    OPTION_TIMEOUT,
    OPTION_INTERVAL,
    OPTION_LISTEN,
    OPTION_LISTEN_PLAIN,
    OPTION_WATCH,
    OPTION_SPEED,
    OPTION_KUBERNETES,
    OPTION_KUBERNETES_CA,
    OPTION_FLEET,
    OPTION_FLEET_NAME,
    OPTION_STATE,
    OPTION_SANDBOX,
    OPTION_CACHE,
    OPTION_GIT_USER,
    OPTION_GIT_PASSWORD_FILE,
    OPTION_GIT_CA_FILE,
    OPTION_ENDPOINT_URL,
    OPTION_ACCOUNT,
    OPTION_REGION,
    OPTION_KUBECONFIG,
    OPTION_CONTEXT,
    OPTION_LOG_FORMAT,
    OPTION_COLOR,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_HELP,
    OPTION_COUNT
};

struct option_row {
    const char *name;  /* "ref" */
    char letter;       /* 'q'; 0: none */
    const char *value; /* "REF"; NULL: a switch */
    const char *help;
};
const struct option_row *option_row(enum option_name option);

struct arguments {
    const struct verb *verb;
    bool given[OPTION_COUNT];
    const char *values[OPTION_COUNT]; /* NULL for switches */
    const char *names[4];             /* positional; NULL-ended */
    int name_count;
};

struct verb {
    const char *name;
    const char *usage; /* "[PATH|URL]" */
    const char *summary;
    const char *help; /* a paragraph, with exit codes where they say more than 0 and 1; NULL */
    int most_names;
    const enum option_name *options; /* beside the common ones; ends with OPTION_COUNT */
    bool connects;                   /* takes the options of a session: where state, credentials and clusters are */
    int (*run)(const struct arguments *arguments);
};
/* Ends with name NULL. */
const struct verb *verbs(void);
/* NULL when there is none: *err names the nearest. */
const struct verb *verb_find(const char *name, struct error *err);

/* False: *err says what is wrong, and what would be right. */
bool arguments_parse(int count, char **words, struct arguments *out, struct error *err);
void help_print(FILE *out, const struct verb *verb); /* NULL: of the program */

/* Prints "eksact: TEXT" to standard error; returns the exit code of an error. */
int command_fail(const struct error *err);

int validate_command(const struct arguments *arguments);
int plan_command(const struct arguments *arguments);
int apply_command(const struct arguments *arguments);
int run_command(const struct arguments *arguments);
int status_command(const struct arguments *arguments);
int explain_command(const struct arguments *arguments);
int schema_command(const struct arguments *arguments);
int kubeconfig_command(const struct arguments *arguments);
int sandbox_command(const struct arguments *arguments);
int completion_command(const struct arguments *arguments);
int version_command(const struct arguments *arguments);
int help_command(const struct arguments *arguments);
