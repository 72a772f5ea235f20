/* kubeconfig files: what is taken, what is refused by name, and what is written for kubectl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/yaml.h"
#include "world/kube_parts.h"

#define PEM "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
#define PEM64 "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCngKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
#define CONFIG(cluster, user)                                                                                                              \
    "apiVersion: v1\nkind: Config\ncurrent-context: main\ncontexts:\n- name: main\n  context: {cluster: c, user: u}\n"                     \
    "- name: other\n  context: {cluster: c, user: v}\nclusters:\n- name: c\n  cluster:\n" cluster "users:\n- name: u\n  user:\n" user      \
    "- name: v\n  user: {token: other}\n"
#define SERVER "    server: https://a.example:6443\n"
#define TOKEN "    token: tok\n"

struct folder {
    char path[64];
    struct arena *arena;
};

static void folder_put(const struct folder *folder, const char *name, const char *content) {
    FILE *file = fopen(arena_text(folder->arena, "%s/%s", folder->path, name), "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static int folder_begin(void **state) {
    struct folder *folder = calloc(1, sizeof *folder);
    folder->arena = arena_new();
    snprintf(folder->path, sizeof folder->path, "%s", "/tmp/eksact-kubeconfig-XXXXXX");
    *state = folder;
    return mkdtemp(folder->path) == NULL;
}

static int folder_end(void **state) {
    struct folder *folder = *state;
    static const char *const names[] = {"ca.pem", "token", "client.pem", "key.pem"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(arena_text(folder->arena, "%s/%s", folder->path, names[i]));
    rmdir(folder->path);
    arena_free(folder->arena);
    free(folder);
    return 0;
}

static bool config_read(struct folder *folder, const char *text, const char *context, struct kube_config *out, struct error *err) {
    *err = (struct error){0};
    *out = (struct kube_config){0};
    return kube_config_read(folder->arena, "my.yaml", text, strlen(text), folder->path, context, out, err);
}

static void assert_has(const char *text, const char *piece) {
    if (strstr(text, piece) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", piece, text);
}

static void token_and_authority_are_taken(void **state) {
    struct kube_config config;
    struct error err;
    assert_true(config_read(*state, CONFIG(SERVER "    certificate-authority-data: " PEM64 "\n    tls-server-name: kubernetes\n", TOKEN),
                            NULL, &config, &err));
    assert_string_equal(config.server, "https://a.example:6443");
    assert_string_equal(config.server_name, "kubernetes");
    assert_string_equal(config.ca_pem, PEM);
    assert_string_equal(config.token, "tok");
    assert_string_equal(config.user, "u");
    assert_string_equal(config.context, "main");
}

static void context_by_name_beats_the_current_one(void **state) {
    struct kube_config config;
    struct error err;
    assert_true(config_read(*state, CONFIG(SERVER, TOKEN), "other", &config, &err));
    assert_string_equal(config.token, "other");
}

static void client_certificate_is_taken_from_data_or_files(void **state) {
    struct folder *folder = *state;
    struct kube_config config;
    struct error err;
    assert_true(config_read(folder, CONFIG(SERVER, "    client-certificate-data: " PEM64 "\n    client-key-data: " PEM64 "\n"), NULL,
                            &config, &err));
    assert_string_equal(config.client_pem, PEM);
    assert_string_equal(config.client_key_pem, PEM);
    folder_put(folder, "client.pem", PEM "1");
    folder_put(folder, "key.pem", PEM "2");
    folder_put(folder, "ca.pem", PEM "3");
    assert_true(config_read(
        folder, CONFIG(SERVER "    certificate-authority: ca.pem\n", "    client-certificate: client.pem\n    client-key: key.pem\n"), NULL,
        &config, &err));
    assert_string_equal(config.client_pem, PEM "1");
    assert_string_equal(config.client_key_pem, PEM "2");
    assert_string_equal(config.ca_pem, PEM "3");
}

static void refusals_name_what_and_where(void **state) {
    static const struct {
        const char *text, *said;
    } rows[] = {
        {CONFIG(SERVER, "    exec: {command: aws}\n"), "kubeconfig my.yaml: line 16: user.exec is refused"},
        {CONFIG(SERVER, "    auth-provider: {name: oidc}\n"), "user.auth-provider is refused"},
        {CONFIG(SERVER, "    username: a\n    password: hunter2\n"), "user.username is refused"},
        {CONFIG(SERVER, TOKEN "    as: somebody\n"), "user.as is refused: impersonation"},
        {CONFIG(SERVER "    insecure-skip-tls-verify: true\n", TOKEN), "cluster.insecure-skip-tls-verify is refused"},
        {CONFIG(SERVER "    proxy-url: http://p\n", TOKEN), "cluster.proxy-url is refused: set HTTPS_PROXY"},
        {CONFIG(SERVER "    proxy-url: http://p\n    insecure-skip-tls-verify: true\n", TOKEN), "cluster.insecure-skip-tls-verify"},
        {CONFIG("    x: y\n", TOKEN), "the cluster has no server"},
        {CONFIG(SERVER, "    x: y\n"), "user \"u\" has neither token, tokenFile nor client certificate"},
        {CONFIG(SERVER, "    client-certificate-data: " PEM64 "\n"), "a client certificate needs its key"},
        {CONFIG(SERVER, "    token: 17\n"), "token must be a string, not a integer"},
        {CONFIG(SERVER "    certificate-authority-data: '!'\n", TOKEN), "certificate-authority-data is not PEM in base64"},
        {CONFIG(SERVER "    certificate-authority-data: aGk=\n", TOKEN), "certificate-authority-data is not PEM in base64"},
        {CONFIG(SERVER "    certificate-authority: nowhere.pem\n", TOKEN), "certificate-authority: "},
        {"current-context: x\n", "it has no context \"x\" (it has none)"},
        {"contexts: [{name: one}, {name: two}]\n", "it has no current-context: name one (it has \"one\", \"two\")"},
        {"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n", "names no cluster that is there"},
        {"current-context: x\ncontexts: 4\n", "it has no context \"x\""},
        {"- 1\n", "one YAML document"},
        {"", "one YAML document"},
        {"a: 1\na: 2\n", "my.yaml: line 2:"},
        {"a: [", "my.yaml: line"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kube_config config;
        struct error err;
        assert_false(config_read(*state, rows[i].text, NULL, &config, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_has(err.text, rows[i].said);
        assert_null(strstr(err.text, "hunter2"));
        assert_null(config.server);
    }
}

static void all_findings_are_told(void **state) {
    struct kube_config config;
    struct error err;
    assert_false(config_read(*state, CONFIG("    insecure-skip-tls-verify: true\n", "    exec: {}\n"), NULL, &config, &err));
    assert_has(err.text, "insecure-skip-tls-verify");
    assert_has(err.text, "no server");
    assert_has(err.text, "user.exec");
}

static void only_the_chosen_user_counts(void **state) {
    struct kube_config config;
    struct error err;
    assert_true(
        config_read(*state, CONFIG(SERVER "    insecure-skip-tls-verify: false\n", "    exec: {command: aws}\n"), "other", &config, &err));
}

static void files_need_a_directory(void **state) {
    struct folder *folder = *state;
    struct kube_config config = {0};
    struct error err = {0};
    static const char text[] = CONFIG(SERVER "    certificate-authority: /etc/passwd\n", "    tokenFile: token\n");
    assert_false(kube_config_read(folder->arena, "secret", text, sizeof text - 1, NULL, NULL, &config, &err));
    assert_has(err.text, "certificate-authority names a file");
    assert_has(err.text, "tokenFile names a file");
}

static const char *token_of(struct kube *kube, struct arena *arena, struct error *err) {
    struct secret secret = {0};
    *err = (struct error){0};
    const char *token = NULL;
    if (kube_credentials_token(&kube->credentials, &secret, err))
        token = arena_copy(arena, secret.reveal, secret.length);
    secret_done(&secret);
    return token;
}

static int64_t clock_now;

static int64_t clock_read(struct clock *clock) {
    (void)clock;
    return clock_now;
}

static void token_file_is_read_each_minute(void **state) {
    struct folder *folder = *state;
    struct clock clock = {.wall_ms = clock_read, .steady_ms = clock_read};
    struct kube *kube = NULL;
    struct error err = {0};
    static const char text[] = CONFIG(SERVER, "    token: unused\n    tokenFile: token\n");
    clock_now = 1000;
    folder_put(folder, "token", "first\n");
    assert_true(kube_new_from_config("my.yaml", text, sizeof text - 1, folder->path, NULL, &kube, &err));
    kube->credentials.clock = &clock;
    assert_string_equal(token_of(kube, folder->arena, &err), "first");
    folder_put(folder, "token", "second");
    clock_now += 59999;
    assert_string_equal(token_of(kube, folder->arena, &err), "first");
    clock_now += 1;
    assert_string_equal(token_of(kube, folder->arena, &err), "second");
    folder_put(folder, "token", "");
    clock_now += 60000;
    assert_string_equal(token_of(kube, folder->arena, &err), "second");
    kube_free(kube);
}

static void token_file_that_holds_none_is_named(void **state) {
    struct folder *folder = *state;
    static const char text[] = CONFIG(SERVER, "    tokenFile: token\n");
    static const char *const contents[] = {NULL, "", "\n", "two words", "caf\xc3\xa9"};
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct kube *kube = NULL;
        struct error err = {0};
        if (contents[i] != NULL)
            folder_put(folder, "token", contents[i]);
        assert_true(kube_new_from_config("my.yaml", text, sizeof text - 1, folder->path, NULL, &kube, &err));
        assert_null(token_of(kube, folder->arena, &err));
        assert_int_equal(err.kind, ERROR_DENIED);
        assert_has(err.text, "token");
        assert_null(strstr(err.text, "words"));
        kube_free(kube);
    }
}

static void whose_token_is_told(void **state) {
    struct folder *folder = *state;
    struct kube *kube = NULL;
    struct error err = {0};
    static const char text[] = CONFIG(SERVER, TOKEN);
    static const struct kube_resource resource = {
        .group = "", .version = "v1", .kind = "ConfigMap", .plural = "configmaps", .namespaced = true};
    assert_true(kube_new_from_config("my.yaml", text, sizeof text - 1, NULL, NULL, &kube, &err));
    struct kube_call call = {.verb = KUBE_GET, .resource = &resource, .namespace = "a", .name = "x", .arena = folder->arena};
    assert_true(kube_prepare(kube, &call, &err));
    call.exchange.status = 401;
    call.exchange.answer = arena_copy(folder->arena, "", 0);
    kube_finish(kube, &call);
    assert_has(call.error.text, "the token of user \"u\" in my.yaml is not accepted: it may have expired");
    kube_free(kube);
}

static void bad_server_names_file_and_context(void **state) {
    struct kube *kube = NULL;
    struct error err = {0};
    static const char text[] = CONFIG("    server: http://a.example\n", TOKEN);
    (void)state;
    assert_false(kube_new_from_config("my.yaml", text, sizeof text - 1, NULL, NULL, &kube, &err));
    assert_has(err.text, "my.yaml, context \"main\": ");
}

static void kubectl_gets_what_aws_writes(void **state) {
    (void)state;
    static const char expected[] =
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: QUI=\n    server: https://x.eks.amazonaws.com\n"
        "  name: arn:aws:eks:eu-west-1:111122223333:cluster/demo\ncontexts:\n- context:\n    cluster: "
        "arn:aws:eks:eu-west-1:111122223333:cluster/demo\n"
        "    user: arn:aws:eks:eu-west-1:111122223333:cluster/demo\n  name: arn:aws:eks:eu-west-1:111122223333:cluster/demo\n"
        "current-context: arn:aws:eks:eu-west-1:111122223333:cluster/demo\nkind: Config\npreferences: {}\nusers:\n"
        "- name: arn:aws:eks:eu-west-1:111122223333:cluster/demo\n  user:\n    exec:\n      apiVersion: "
        "client.authentication.k8s.io/v1beta1\n"
        "      args:\n      - --region\n      - eu-west-1\n      - eks\n      - get-token\n      - --cluster-name\n      - demo\n      - "
        "--output\n"
        "      - json\n      - --role\n      - arn:aws:iam::111122223333:role/r\n      command: aws\n";
    TEXT_AUTO text;
    text_init(&text, 65536);
    kube_config_render("demo", "arn:aws:eks:eu-west-1:111122223333:cluster/demo", "eu-west-1", "https://x.eks.amazonaws.com",
                       "QUI=", "arn:aws:iam::111122223333:role/r", &text);
    assert_string_equal(text.data, expected);
}

static void names_that_look_like_numbers_are_quoted(void **state) {
    (void)state;
    TEXT_AUTO text;
    text_init(&text, 65536);
    kube_config_render("017", "on", "eu-west-1", "https://x", "QUI=", NULL, &text);
    assert_has(text.data, "      - '017'\n");
    assert_has(text.data, "current-context: 'on'\n");
    assert_null(strstr(text.data, "--role"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_begin, folder_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(token_and_authority_are_taken),
        TEST(context_by_name_beats_the_current_one),
        TEST(client_certificate_is_taken_from_data_or_files),
        TEST(refusals_name_what_and_where),
        TEST(all_findings_are_told),
        TEST(only_the_chosen_user_counts),
        TEST(files_need_a_directory),
        TEST(token_file_is_read_each_minute),
        TEST(token_file_that_holds_none_is_named),
        TEST(whose_token_is_told),
        TEST(bad_server_names_file_and_context),
        TEST(kubectl_gets_what_aws_writes),
        TEST(names_that_look_like_numbers_are_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
