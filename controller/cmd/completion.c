#include "base/text.h"
#include "cmd/command.h"

/* Options a verb names itself, and those that all commands that connect take, as words. */
static void options_words(const struct verb *verb, const char *prefix) {
    for (const enum option_name *option = verb->options; option != NULL && *option != OPTION_COUNT; option++)
        printf(" %s%s", prefix, option_row(*option)->name);
    for (int i = OPTION_FLEET_NAME; i < OPTION_COUNT && verb->connects; i++)
        printf(" %s%s", prefix, option_row((enum option_name)i)->name);
}

static void verbs_words(void) {
    for (const struct verb *verb = verbs(); verb->name != NULL; verb++)
        printf("%s%s", verb == verbs() ? "" : " ", verb->name);
}

static void bash_print(void) {
    printf("_eksact() {\n    local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \"");
    verbs_words();
    printf("\" -- \"$word\")); return; fi\n    case $verb in\n");
    for (const struct verb *verb = verbs(); verb->name != NULL; verb++) {
        printf("    %s) [[ $word == -* ]] && COMPREPLY=($(compgen -W \"", verb->name);
        options_words(verb, "--");
        printf("\" -- \"$word\")) ;;\n");
    }
    printf("    esac\n}\ncomplete -o default -F _eksact eksact\n");
}

static void zsh_print(void) {
    printf("#compdef eksact\n_eksact() {\n    local -a verbs=(");
    for (const struct verb *verb = verbs(); verb->name != NULL; verb++)
        printf("\n        '%s:%s'", verb->name, verb->summary);
    printf(")\n    if (( CURRENT == 2 )); then _describe command verbs; return; fi\n    case $words[2] in\n");
    for (const struct verb *verb = verbs(); verb->name != NULL; verb++) {
        printf("    %s) compadd --", verb->name);
        options_words(verb, "--");
        printf("; _files ;;\n");
    }
    printf("    esac\n}\n_eksact \"$@\"\n");
}

static void fish_print(void) {
    printf("complete -c eksact -n __fish_use_subcommand -f\n");
    for (const struct verb *verb = verbs(); verb->name != NULL; verb++) {
        printf("complete -c eksact -n __fish_use_subcommand -a %s -d '%s'\n", verb->name, verb->summary);
        for (const enum option_name *option = verb->options; option != NULL && *option != OPTION_COUNT; option++)
            printf("complete -c eksact -n '__fish_seen_subcommand_from %s' -l %s -d '%s'\n", verb->name, option_row(*option)->name,
                   option_row(*option)->help);
    }
}

int completion_command(const struct arguments *arguments) {
    const char *shell = arguments->names[0];
    struct error err = {0};
    if (text_equal(shell, "bash"))
        bash_print();
    else if (text_equal(shell, "zsh"))
        zsh_print();
    else if (text_equal(shell, "fish"))
        fish_print();
    else {
        error_set(&err, ERROR_INVALID, "completions for which shell? `eksact completion bash`, zsh or fish");
        return command_fail(&err);
    }
    return 0;
}
