/* Reads 20,000 Deployments: libyaml's bare event loop against yaml_parse, in turn, on the same bytes. Prints one line. */
#include <stdlib.h>
#include <yaml.h>

#include "base/clock.h"
#include "base/yaml.h"

enum { FILES = 100, DOCUMENTS = 200, ROUNDS = 5 };

static void document_add(struct text *text, unsigned file, unsigned number) {
    text_add(
        text,
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: service-%u-%u\n  namespace: team-%u\n  labels:\n    app: service-%u\n"
        "    version: \"1.%u\"\nspec:\n  replicas: %u\n  selector:\n    matchLabels:\n      app: service-%u\n  template:\n    metadata:\n"
        "      labels:\n        app: service-%u\n    spec:\n      serviceAccountName: default\n      containers:\n        - name: main\n"
        "          image: registry.example/service:%u\n          ports:\n            - containerPort: 8080\n              name: http\n"
        "          env:\n            - name: LOG_LEVEL\n              value: info\n            - name: REGION\n              value: "
        "eu-west-1\n"
        "          resources:\n            requests:\n              cpu: 100m\n              memory: 128Mi\n            limits:\n"
        "              memory: 256Mi\n          readinessProbe:\n            httpGet:\n              path: /ready\n              port: "
        "http\n---\n",
        file, number, file, number, number, number % 5, number, number, number);
}

static size_t floor_read(const struct text *text) {
    yaml_parser_t parser;
    yaml_event_t event;
    size_t events = 0;
    bool more = yaml_parser_initialize(&parser) != 0;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text->data, text->length);
    while (more && yaml_parser_parse(&parser, &event) != 0) {
        events++;
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return events;
}

static size_t ours_read(const struct text *text) {
    ARENA_AUTO *arena = arena_new();
    struct yaml_documents documents = {0};
    struct findings findings = {0};
    yaml_parse(arena, "bench.yaml", text->data, text->length, &documents, &findings);
    return documents.count;
}

static int smaller(const void *one, const void *other) {
    int64_t difference = *(const int64_t *)one - *(const int64_t *)other;
    return difference < 0 ? -1 : difference > 0;
}

int main(void) {
    static struct text files[FILES];
    size_t bytes = 0, events = 0, documents = 0;
    for (unsigned f = 0; f < FILES; f++) {
        text_init(&files[f], 1 << 20);
        for (unsigned d = 0; d < DOCUMENTS; d++)
            document_add(&files[f], f, d);
        bytes += files[f].length;
    }
    struct clock *clock = clock_system();
    int64_t floors[ROUNDS], ours[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        int64_t began = clock_steady_ms(clock);
        for (unsigned f = 0; f < FILES; f++)
            events += floor_read(&files[f]);
        int64_t middle = clock_steady_ms(clock);
        for (unsigned f = 0; f < FILES; f++)
            documents += ours_read(&files[f]);
        floors[round] = middle - began;
        ours[round] = clock_steady_ms(clock) - middle;
    }
    qsort(floors, ROUNDS, sizeof floors[0], smaller);
    qsort(ours, ROUNDS, sizeof ours[0], smaller);
    printf("yaml_read ours=%lldms floor=%lldms ratio=%.2f goal=1.30 (%zu documents, %.1f MB, %zu events, median of %d)\n",
           (long long)ours[ROUNDS / 2], (long long)floors[ROUNDS / 2], (double)ours[ROUNDS / 2] / (double)floors[ROUNDS / 2],
           documents / ROUNDS, (double)bytes / 1e6, events / ROUNDS, ROUNDS);
    for (unsigned f = 0; f < FILES; f++)
        text_done(&files[f]);
    return 0;
}
