/* The Kubernetes client by itself, for client.sh: one call, and what it came to, a fact a line.
 *
 *   client CONFIG VERB API_VERSION KIND NAMESPACE NAME [UID [VERSION]]
 *
 * CONFIG is a kubeconfig, or "in-cluster". VERB: find list get apply dry-run delete. "-" stands for none. An apply reads its object from
 * standard input, a list takes PAGE_SIZE as NAME and a continue token as UID. */
#include <libgen.h>

#include "base/json.h"
#include "world/http_curl.h"
#include "world/kube.h"

enum { INPUT_MOST_BYTES = 1 << 20 };

struct client {
    struct arena *arena;
    struct http *http;
    struct kube *kube;
    size_t item_count;
};

static const char *word(char **arguments, int count, int at) {
    return at >= count || strcmp(arguments[at], "-") == 0 ? NULL : arguments[at];
}

static int fail(const struct error *err) {
    printf("error %s\ntext %s\n", error_kind_name(err->kind), err->text);
    return 1;
}

static char *file_read(struct client *client, FILE *file, size_t *length) {
    char *bytes = arena_take(client->arena, INPUT_MOST_BYTES);
    *length = file == NULL ? 0 : fread(bytes, 1, INPUT_MOST_BYTES - 1, file);
    return bytes;
}

static bool client_open(struct client *client, const char *config, struct error *err) {
    struct environment environment = environment_process();
    if (strcmp(config, "in-cluster") == 0)
        return kube_new_in_cluster(&environment, clock_system(), &client->kube, err);
    size_t length = 0;
    FILE *file = fopen(config, "r");
    char *bytes = file_read(client, file, &length);
    if (file != NULL)
        fclose(file);
    char *directory = dirname(arena_copy(client->arena, config, strlen(config)));
    return kube_new_from_config(config, bytes, length, directory, NULL, &client->kube, err);
}

static void client_run(struct client *client, struct kube_call *call) {
    struct error err = {0};
    call->arena = client->arena;
    call->manager = "eksact";
    if (!kube_prepare(client->kube, call, &err)) {
        call->error = err;
        return;
    }
    client->http->start(client->http, &call->exchange);
    while (client->http->next(client->http, INT64_MAX) == NULL)
        continue;
    kube_finish(client->kube, call);
}

static bool client_discover(struct client *client, struct error *err) {
    struct kube_call core = {.verb = KUBE_DISCOVER, .path = "/api"}, groups = {.verb = KUBE_DISCOVER, .path = "/apis"};
    client_run(client, &core);
    client_run(client, &groups);
    if (core.error.kind != ERROR_NONE || groups.error.kind != ERROR_NONE) {
        *err = core.error.kind != ERROR_NONE ? core.error : groups.error;
        return false;
    }
    return kube_discovered(client->kube, &core, &groups, err);
}

static bool on_item(void *context, const struct kube_item *item, struct error *err) {
    struct client *client = context;
    (void)err;
    client->item_count++;
    printf("item %s/%s entries=%u version=%s deleting=%d fields=%s\n", item->namespace == NULL ? "" : item->namespace, item->name,
           item->our_entry_count, item->our_fields_version == NULL ? "-" : item->our_fields_version, item->deleting,
           item->our_fields == NULL ? "-" : item->our_fields);
    return true;
}

/* All pages; one that has expired is asked for once more. */
static void client_list(struct client *client, struct kube_call *call) {
    unsigned pages = 0, expired = 0;
    do {
        client_run(client, call);
        pages++;
        if (call->error.kind == ERROR_BUSY && expired == 0) {
            printf("expired %s\n", call->error.text);
            expired++;
            continue;
        }
        call->page = call->next_page;
    } while (call->error.kind == ERROR_BUSY ? expired == 1 && pages < 3 : call->page != NULL);
    printf("items %zu\npages %u\nstreamed %s\n", client->item_count, pages, call->answer.type == VALUE_NULL ? "yes" : "no");
}

static int call_print(const struct kube_call *call) {
    printf("status %d\nreason %s\nimmutable %d\n", call->exchange.status, call->reason == NULL ? "-" : call->reason, call->immutable);
    const char *uid = value_text_at(&call->answer, "metadata.uid"), *version = value_text_at(&call->answer, "metadata.resourceVersion");
    if (uid != NULL)
        printf("uid %s\nversion %s\n", uid, version);
    return call->error.kind == ERROR_NONE ? 0 : fail(&call->error);
}

static int client_call(struct client *client, char **arguments, int count) {
    static const struct {
        const char *name;
        enum kube_verb verb;
    } verbs[] = {
        {"list", KUBE_LIST_METADATA}, {"get", KUBE_GET}, {"apply", KUBE_APPLY}, {"dry-run", KUBE_DRY_RUN}, {"delete", KUBE_DELETE}};
    struct kube_call call = {
        .namespace = word(arguments, count, 5), .name = word(arguments, count, 6), .on_item = on_item, .context = client};
    struct value body = value_of_map();
    struct error err = {0};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, arguments[2]) == 0)
            call.verb = verbs[i].verb;
    }
    call.resource = kube_find(client->kube, arguments[3], arguments[4]);
    if (call.resource == NULL)
        return printf("error missing\ntext not served\n"), 1;
    printf("plural %s\nnamespaced %d\npreferred %d\n", call.resource->plural, call.resource->namespaced, call.resource->preferred);
    if (strcmp(arguments[2], "find") == 0)
        return 0;
    if (call.verb == KUBE_LIST_METADATA) {
        call.page_size = call.name == NULL ? 0 : (unsigned)strtoul(call.name, NULL, 10);
        call.page = word(arguments, count, 7);
        call.name = NULL;
        client_list(client, &call);
        return call_print(&call);
    }
    call.uid = word(arguments, count, 7);
    call.resource_version = word(arguments, count, 8);
    if (call.verb == KUBE_APPLY || call.verb == KUBE_DRY_RUN) {
        size_t length = 0;
        char *bytes = file_read(client, stdin, &length);
        if (!json_parse(client->arena, "standard input", bytes, length, &body, &err))
            return fail(&err);
        call.body = &body;
    }
    client_run(client, &call);
    return call_print(&call);
}

int main(int count, char **arguments) {
    struct client client = {.arena = arena_new()};
    struct error err = {0};
    if (count < 5)
        return 2;
    client.http = http_curl_new(&(struct http_curl_options){.clock = clock_system(), .user_agent = "eksact-test"}, &err);
    bool ready = client.http != NULL && client_open(&client, arguments[1], &err) && client_discover(&client, &err);
    int code = ready ? client_call(&client, arguments, count) : fail(&err);
    if (client.http != NULL)
        client.http->free(client.http);
    kube_free(client.kube);
    arena_free(client.arena);
    return code;
}
