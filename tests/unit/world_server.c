/* The server on a seam that only attends descriptors; clients are sockets of this process, and curl where TLS is spoken. */
#include "world/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"

/* The seam. */

struct attending {
    struct http http;
    int file_descriptor;
    bool (*ready)(void *context);
    void *context;
    unsigned wakes;
};

static void attending_attend(struct http *http, int file_descriptor, bool (*ready)(void *context), void *context) {
    struct attending *attending = (struct attending *)http;
    attending->file_descriptor = ready ? file_descriptor : -1;
    attending->ready = ready;
    attending->context = context;
}

static struct http_exchange *attending_next(struct http *http, int64_t deadline_steady_ms) {
    struct attending *attending = (struct attending *)http;
    for (;;) {
        int64_t left_ms = deadline_steady_ms - clock_steady_ms(clock_system());
        if (left_ms < 0)
            return NULL;
        struct pollfd descriptor = {.fd = attending->file_descriptor, .events = POLLIN};
        if (poll(&descriptor, 1, (int)left_ms) <= 0)
            return NULL;
        attending->wakes++;
        if (attending->ready(attending->context))
            return NULL;
    }
}

static void run_for(struct attending *attending, int64_t duration_ms) {
    int64_t end_ms = clock_steady_ms(clock_system()) + duration_ms;
    while (clock_steady_ms(clock_system()) < end_ms)
        attending->http.next(&attending->http, end_ms);
}

/* The application. */

struct feed {
    const char *pending; /* what the next read of the stream gives */
    bool at_end, breaks_off;
    unsigned reads, done;
};

struct application {
    struct attending attending;
    struct server *server;
    struct feed feed;
    char seen[512]; /* the last request, as one line */
    unsigned answers;
};

static long feed_read(void *context, char *bytes, size_t room) {
    struct feed *feed = context;
    feed->reads++;
    if (!feed->pending)
        return feed->breaks_off ? -2 : feed->at_end ? -1 : 0;
    size_t length = strlen(feed->pending);
    assert_true(length <= room);
    memcpy(bytes, feed->pending, length);
    feed->pending = NULL;
    return (long)length;
}

static void feed_done(void *context) {
    ((struct feed *)context)->done++;
}

static void application_answer(void *context, const struct server_request *request, struct server_answer *answer) {
    static struct http_header type[] = {{"Content-Type", "application/json"}, {"Content-Length", "77"}};
    static struct http_header split[] = {{"X-Bad", "one\r\nSet-Cookie: two"}};
    struct application *application = context;
    application->answers++;
    const char *probe = "";
    for (size_t i = 0; i < request->header_count; i++)
        if (text_equal(request->headers[i].name, "x-probe"))
            probe = request->headers[i].value;
    snprintf(application->seen, sizeof application->seen, "%s|%s|%s|%s|%zu|%.40s", request->method, request->path, request->query, probe,
             request->body_length, request->body);
    answer->drop = text_equal(request->path, "/drop");
    answer->status = text_equal(request->path, "/none") ? 0 : text_equal(request->path, "/missing") ? 404 : 200;
    answer->headers = text_equal(request->path, "/split") ? split : type;
    answer->header_count = text_equal(request->path, "/split") ? 1 : 2;
    if (text_equal(request->path, "/watch")) {
        answer->stream = feed_read;
        answer->stream_done = feed_done;
        answer->context = &application->feed;
        return;
    }
    answer->body = arena_text(request->arena, "{\"path\":\"%s\"}", request->path);
    answer->body_length = strlen(answer->body);
}

static void application_start(struct application *application, struct server_options options) {
    struct error err = {0};
    *application = (struct application){.attending = {.http = {.next = attending_next, .attend = attending_attend}, .file_descriptor = -1}};
    options.address = options.address ? options.address : "127.0.0.1:0";
    options.answer = application_answer;
    options.context = application;
    if (!server_start(&options, &application->attending.http, &application->server, &err))
        fail_msg("%s", err.text);
}

static void application_stop(struct application *application) {
    server_stop(application->server);
    assert_null(application->attending.ready);
}

/* Clients. */

static int client_open(const struct application *application) {
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)server_port(application->server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    fcntl(client, F_SETFL, O_NONBLOCK);
    return client;
}

static void client_send(int client, const char *bytes) {
    assert_int_equal(send(client, bytes, strlen(bytes), MSG_NOSIGNAL), (ssize_t)strlen(bytes));
}

enum received { RECEIVED, ENDED, SILENT };

/* Adds what comes to `text` until it holds `until` (which may be NULL), the connection ends, or 3 s have gone. */
static enum received client_receive(struct application *application, int client, struct text *text, const char *until) {
    for (int tries = 0; tries < 300; tries++) {
        char bytes[4096];
        ssize_t count = recv(client, bytes, sizeof bytes, 0);
        if (count == 0 || (count < 0 && errno == ECONNRESET))
            return ENDED;
        if (count > 0)
            text_add_bytes(text, bytes, (size_t)count);
        else
            run_for(&application->attending, 10);
        if (until && text->data && strstr(text->data, until))
            return RECEIVED;
    }
    return SILENT;
}

static bool client_ask(struct application *application, const char *request, struct text *text) {
    int client = client_open(application);
    client_send(client, request);
    bool ended = client_receive(application, client, text, NULL) == ENDED;
    close(client);
    return ended;
}

static void test_request_and_answer(void **state) {
    (void)state;
    static const struct {
        const char *request, *seen, *answer;
    } rows[] = {
        {"GET /a%2Fb/c%20d?x=%41&y HTTP/1.1\r\nHost: h\r\nX-Probe: One\r\nConnection: close\r\n\r\n", "GET|/a%2Fb/c%20d|x=%41&y|One|0|",
         "{\"path\":\"/a%2Fb/c%20d\"}"},
        {"POST /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", "POST|/p|||5|hello", " 200 "},
        {"POST /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
         "POST|/p|||5|abcde", " 200 "},
        {"GET http://h:80/abs?q HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET|/abs|q||0|", " 200 "},
        {"DELETE /missing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "DELETE|/missing|||0|", " 404 "},
        {"GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET|/none|||0|", " 500 "},
        {"GET /split HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET|/split|||0|", " 500 "},
    };
    struct application application;
    application_start(&application, (struct server_options){0});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TEXT_AUTO text;
        text_init(&text, 1 << 16);
        assert_true(client_ask(&application, rows[i].request, &text));
        assert_string_equal(application.seen, rows[i].seen);
        assert_non_null(strstr(text.data, rows[i].answer));
        assert_null(strstr(text.data, "Set-Cookie"));
    }
    application_stop(&application);
}

static void test_headers_of_answer(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){0});
    TEXT_AUTO text;
    text_init(&text, 1 << 16);
    client_ask(&application, "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &text);
    assert_non_null(strstr(text.data, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(text.data, "Content-Length: 13\r\n"));
    assert_null(strstr(text.data, "77"));
    application_stop(&application);
}

static void test_keep_alive(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){0});
    int client = client_open(&application);
    for (unsigned i = 1; i <= 3; i++) {
        TEXT_AUTO text;
        text_init(&text, 1 << 16);
        client_send(client, "GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_int_equal(client_receive(&application, client, &text, "{\"path\":\"/again\"}"), RECEIVED);
        assert_int_equal(application.answers, i);
    }
    close(client);
    application_stop(&application);
}

static void test_bad_requests_never_reach_the_application(void **state) {
    (void)state;
    static const struct {
        const char *request, *answer;
    } rows[] = {
        {"nonsense\r\n\r\n", NULL},
        {"GET / HTTP/1.1\r\nno colon\r\n\r\n", " 400 "},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", " 4"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n", " 413 "},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", " 413 "},
        {"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
         "50\r\n00000000001111111111222222222233333333334444444444555555555566666666667777777777\r\n"
         "50\r\n00000000001111111111222222222233333333334444444444555555555566666666667777777777\r\n0\r\n\r\n",
         " 413 "},
    };
    struct application application;
    application_start(&application, (struct server_options){.body_limit_bytes = 100});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TEXT_AUTO text;
        text_init(&text, 1 << 16);
        assert_true(client_ask(&application, rows[i].request, &text));
        if (rows[i].answer)
            assert_non_null(strstr(text.data ? text.data : "", rows[i].answer));
    }
    assert_int_equal(application.answers, 0);
    application_stop(&application);
}

static void test_body_of_exactly_the_limit(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){.body_limit_bytes = 5});
    TEXT_AUTO text;
    text_init(&text, 1 << 16);
    client_ask(&application, "POST /p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", &text);
    assert_string_equal(application.seen, "POST|/p|||5|hello");
    application_stop(&application);
}

static void test_large_headers(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){0});
    TEXT_AUTO request;
    text_init(&request, 1 << 20);
    text_add(&request, "GET / HTTP/1.1\r\nHost: h\r\nX-Large: ");
    for (int i = 0; i < 9000; i++)
        text_add_string(&request, "0123456789");
    text_add_string(&request, "\r\n\r\n");
    TEXT_AUTO text;
    text_init(&text, 1 << 16);
    int client = client_open(&application);
    for (size_t sent = 0; sent < request.length;) {
        ssize_t count = send(client, request.data + sent, request.length - sent, MSG_NOSIGNAL);
        if (count > 0)
            sent += (size_t)count;
        else if (errno == EAGAIN)
            run_for(&application.attending, 5);
        else
            break;
    }
    client_receive(&application, client, &text, NULL);
    close(client);
    assert_int_equal(application.answers, 0);
    assert_true(!text.data || strstr(text.data, " 431 "));
    application_stop(&application);
}

static void test_stream(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){0});
    int client = client_open(&application);
    TEXT_AUTO text;
    text_init(&text, 1 << 16);
    client_send(client, "GET /watch HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(client_receive(&application, client, &text, "\r\n\r\n"), RECEIVED); /* headers come before the first event */
    application.feed.pending = "{\"type\":\"ADDED\"}\n";
    server_poll(application.server);
    assert_int_equal(client_receive(&application, client, &text, "ADDED"), RECEIVED);
    application.feed.pending = "{\"type\":\"DELETED\"}\n";
    server_poll(application.server);
    assert_int_equal(client_receive(&application, client, &text, "DELETED"), RECEIVED);
    assert_int_equal(application.feed.done, 0);
    application.feed.at_end = true;
    server_poll(application.server);
    assert_int_equal(client_receive(&application, client, &text, "\r\n0\r\n"), RECEIVED);
    run_for(&application.attending, 20);
    assert_int_equal(application.feed.done, 1);
    close(client);
    application_stop(&application);
}

static void test_stream_that_breaks_off(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){0});
    application.feed.pending = "half";
    application.feed.breaks_off = true;
    TEXT_AUTO text;
    text_init(&text, 1 << 16);
    assert_true(client_ask(&application, "GET /watch HTTP/1.1\r\nHost: h\r\n\r\n", &text));
    assert_non_null(strstr(text.data, "half"));
    assert_null(strstr(text.data, "\r\n0\r\n")); /* so that the client knows */
    assert_int_equal(application.feed.done, 1);
    application_stop(&application);
}

static void test_dropped_connection(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){0});
    TEXT_AUTO text;
    text_init(&text, 1 << 16);
    assert_true(client_ask(&application, "GET /drop HTTP/1.1\r\nHost: h\r\n\r\n", &text));
    assert_int_equal(application.answers, 1);
    assert_int_equal(text.length, 0);
    application_stop(&application);
}

static int64_t cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void test_idle_streams_cost_nothing(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){0});
    int clients[50];
    for (size_t i = 0; i < 50; i++) {
        clients[i] = client_open(&application);
        client_send(clients[i], "GET /watch HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    run_for(&application.attending, 200);
    assert_int_equal(application.answers, 50);
    unsigned reads = application.feed.reads, wakes = application.attending.wakes;
    int64_t before_us = cpu_us();
    run_for(&application.attending, 500);
    assert_int_equal(application.feed.reads, reads);
    assert_int_equal(application.attending.wakes, wakes);
    assert_true(cpu_us() - before_us < 50000);
    for (size_t i = 0; i < 50; i++)
        close(clients[i]);
    application_stop(&application);
    assert_int_equal(application.feed.done, 50);
}

static void test_stream_whose_client_is_gone_ends(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){0});
    int client = client_open(&application);
    client_send(client, "GET /watch HTTP/1.1\r\nHost: h\r\n\r\n");
    run_for(&application.attending, 100);
    assert_int_equal(application.answers, 1);
    close(client);
    run_for(&application.attending, 100);
    assert_int_equal(application.feed.done, 1);
    application_stop(&application);
}

static void test_stop_ends_streams(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){0});
    int client = client_open(&application);
    client_send(client, "GET /watch HTTP/1.1\r\nHost: h\r\n\r\n");
    run_for(&application.attending, 100);
    application_stop(&application);
    assert_int_equal(application.feed.done, 1);
    TEXT_AUTO text;
    text_init(&text, 1 << 16);
    char bytes[1024];
    for (ssize_t count; (count = recv(client, bytes, sizeof bytes, 0)) > 0;)
        text_add_bytes(&text, bytes, (size_t)count);
    assert_non_null(strstr(text.data, "\r\n0\r\n")); /* a clean end, not a cut */
    close(client);
}

/* Each byte keeps a connection from being idle: what ends it is the limit of the whole request. */
static void test_request_that_drips_in(void **state) {
    (void)state;
    static const char *const slow[] = {"GET /x HTTP/1.1\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                       "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    struct application application;
    application_start(&application, (struct server_options){.receive_limit_ms = 300});
    for (size_t i = 0; i < 2; i++) {
        int client = client_open(&application);
        int64_t start_ms = clock_steady_ms(clock_system()), took_ms = 0;
        for (const char *byte = slow[i]; *byte; byte++) {
            char answer;
            (void)!send(client, byte, 1, MSG_NOSIGNAL);
            run_for(&application.attending, byte - slow[i] < 30 ? 1 : 20);
            if (recv(client, &answer, 1, 0) == 0 || errno == ECONNRESET) {
                took_ms = clock_steady_ms(clock_system()) - start_ms;
                break;
            }
        }
        assert_in_range(took_ms, 250, 500);
        close(client);
    }
    assert_int_equal(application.answers, 0);

    /* A stream is not held to it. */
    int client = client_open(&application);
    TEXT_AUTO text;
    text_init(&text, 1 << 16);
    client_send(client, "GET /watch HTTP/1.1\r\nHost: h\r\n\r\n");
    run_for(&application.attending, 500);
    application.feed.pending = "still here\n";
    server_poll(application.server);
    assert_int_equal(client_receive(&application, client, &text, "still here"), RECEIVED);
    close(client);
    application_stop(&application);
}

static void test_connection_limit(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){.connection_limit = 2});
    int held[2] = {client_open(&application), client_open(&application)};
    run_for(&application.attending, 50);
    int third = client_open(&application);
    send(third, "GET /third HTTP/1.1\r\nHost: h\r\n\r\n", 33, MSG_NOSIGNAL);
    run_for(&application.attending, 100);
    assert_int_equal(application.answers, 0);
    close(held[0]);
    close(held[1]);
    close(third);
    run_for(&application.attending, 50);
    TEXT_AUTO text;
    text_init(&text, 1 << 16);
    client_ask(&application, "GET /later HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", &text);
    assert_string_equal(application.seen, "GET|/later|||0|");
    application_stop(&application);
}

static void test_next_returns_when_something_was_answered(void **state) {
    (void)state;
    struct application application;
    application_start(&application, (struct server_options){0});
    int client = client_open(&application);
    client_send(client, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    int64_t start_ms = clock_steady_ms(clock_system());
    assert_null(application.attending.http.next(&application.attending.http, start_ms + 5000));
    assert_true(clock_steady_ms(clock_system()) - start_ms < 4000);
    assert_int_equal(application.answers, 1);
    close(client);
    application_stop(&application);
}

static void test_second_seam(void **state) {
    (void)state;
    struct application application;
    struct attending second = {.http = {.next = attending_next, .attend = attending_attend}, .file_descriptor = -1};
    application_start(&application, (struct server_options){0});
    server_attend(application.server, &second.http);
    int client = client_open(&application);
    client_send(client, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    run_for(&second, 50);
    assert_int_equal(application.answers, 1);
    close(client);
    application_stop(&application);
    assert_null(second.ready);
}

static void test_addresses(void **state) {
    (void)state;
    struct application taken;
    application_start(&taken, (struct server_options){0});
    char in_use[64];
    snprintf(in_use, sizeof in_use, "127.0.0.1:%u", server_port(taken.server));
    const struct {
        const char *address, *text;
    } rows[] = {
        {"127.0.0.1", "give ADDRESS:PORT"},  {"", "give ADDRESS:PORT"},          {NULL, "give ADDRESS:PORT"},
        {"127.0.0.1:70000", "give ADDRESS"}, {"127.0.0.1:x", "give ADDRESS"},    {"::1:80", "in brackets"},
        {"not a host:80", "listen on"},      {in_use, "Address already in use"}, {"192.0.2.1:0", "assign requested address"},
    };
    struct attending attending = {.http = {.next = attending_next, .attend = attending_attend}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct server *server = NULL;
        struct error err = {0};
        struct server_options options = {.address = rows[i].address, .answer = application_answer, .context = &taken};
        assert_false(server_start(&options, &attending.http, &server, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.text, rows[i].text));
    }
    application_stop(&taken);

    const char *good[] = {":0", "localhost:0", "[::1]:0"};
    for (size_t i = 0; i < 3; i++) {
        struct application application;
        application_start(&application, (struct server_options){.address = good[i]});
        assert_true(server_port(application.server) > 0);
        application_stop(&application);
    }
    server_stop(NULL);
}

/* TLS. */

static pid_t spawn(const char *const *arguments, int output) {
    pid_t child = fork();
    if (child == 0) {
        if (output >= 0)
            dup2(output, STDOUT_FILENO);
        execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    return child;
}

static void run_tool(const char *const *arguments) {
    int status;
    pid_t child = spawn(arguments, -1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static const char *file_content(struct arena *arena, const char *path) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char bytes[16384];
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return arena_copy(arena, bytes, length);
}

static void test_tls(void **state) {
    (void)state;
    ARENA_AUTO *arena = arena_new();
    char folder[] = "/tmp/world_server.XXXXXX";
    assert_non_null(mkdtemp(folder));
    const char *certificate = arena_text(arena, "%s/cert.pem", folder), *key = arena_text(arena, "%s/key.pem", folder);
    const char *out = arena_text(arena, "%s/out", folder);
    run_tool((const char *[]){"openssl",
                              "req",
                              "-x509",
                              "-newkey",
                              "ec",
                              "-pkeyopt",
                              "ec_paramgen_curve:P-256",
                              "-nodes",
                              "-batch",
                              "-days",
                              "2",
                              "-subj",
                              "/CN=localhost",
                              "-addext",
                              "subjectAltName=IP:127.0.0.1",
                              "-keyout",
                              key,
                              "-out",
                              certificate,
                              NULL});
    struct application application;
    application_start(&application,
                      (struct server_options){.certificate_pem = file_content(arena, certificate), .key_pem = file_content(arena, key)});
    pid_t child = spawn((const char *[]){"curl", "-sS", "--max-time", "10", "--cacert", certificate, "-o", out,
                                         arena_text(arena, "https://127.0.0.1:%u/secure", server_port(application.server)), NULL},
                        -1);
    int status = -1;
    for (int tries = 0; tries < 500 && waitpid(child, &status, WNOHANG) == 0; tries++)
        run_for(&application.attending, 20);
    assert_int_equal(status, 0);
    assert_string_equal(file_content(arena, out), "{\"path\":\"/secure\"}");
    application_stop(&application);

    struct attending attending = {.http = {.next = attending_next, .attend = attending_attend}};
    struct server *server = NULL;
    struct server_options bad = {
        .address = "127.0.0.1:0", .certificate_pem = "not PEM", .key_pem = "not PEM", .answer = application_answer};
    struct error err = {0};
    assert_false(server_start(&bad, &attending.http, &server, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    bad.key_pem = NULL;
    err = (struct error){0};
    assert_false(server_start(&bad, &attending.http, &server, &err));
    assert_non_null(strstr(err.text, "only one is given"));
    unlink(certificate);
    unlink(key);
    unlink(out);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_and_answer),
        cmocka_unit_test(test_headers_of_answer),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_bad_requests_never_reach_the_application),
        cmocka_unit_test(test_body_of_exactly_the_limit),
        cmocka_unit_test(test_large_headers),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_stream_that_breaks_off),
        cmocka_unit_test(test_dropped_connection),
        cmocka_unit_test(test_idle_streams_cost_nothing),
        cmocka_unit_test(test_stream_whose_client_is_gone_ends),
        cmocka_unit_test(test_stop_ends_streams),
        cmocka_unit_test(test_request_that_drips_in),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test(test_next_returns_when_something_was_answered),
        cmocka_unit_test(test_second_seam),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
