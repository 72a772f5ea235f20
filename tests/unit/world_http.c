/* The http seam over libcurl against real sockets: a small misbehaving server in a child process, and nginx for TLS and HTTP/2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "world/http_curl.h"

/* ---- the server: what it does is the path ---- */

static void send_text(int peer, const char *text) {
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t sent = send(peer, text, length, MSG_NOSIGNAL);
        if (sent <= 0)
            _exit(0);
        text += sent;
        length -= (size_t)sent;
    }
}

static void send_sized(int peer, size_t length) {
    char answer[2048];
    int head = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", length);
    memset(answer + head, 'x', length);
    answer[(size_t)head + length] = '\0';
    send_text(peer, answer);
}

static void send_trickle(int peer) {
    send_text(peer, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    for (size_t i = 0; i < 1000; i++) {
        send_text(peer, "x");
        (void)usleep(50000);
    }
}

static void send_header_flood(int peer) {
    send_text(peer, "HTTP/1.1 200 OK\r\n");
    for (size_t i = 0; i < 300; i++)
        send_text(peer, "X-More: of the same\r\n");
    send_text(peer, "Content-Length: 0\r\n\r\n");
}

static void send_echo(int peer, const char *request) {
    char head[128];
    (void)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(request));
    send_text(peer, head);
    send_text(peer, request);
}

static void send_who(int peer) {
    char body[32];
    (void)snprintf(body, sizeof body, "%d", (int)getpid());
    send_echo(peer, body);
}

static const struct {
    const char *path;
    const char *answer; /* sent as it is; then the connection is closed if `close` */
    bool close;
} canned[] = {
    {"/ok", "HTTP/1.1 200 OK\r\nX-Mixed-Case:  a b \r\nContent-Length: 5\r\n\r\nhello", false},
    {"/early", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", false},
    {"/missing", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", false},
    {"/none", "HTTP/1.1 204 No Content\r\n\r\n", false},
    {"/elsewhere", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", false},
    {"/chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", false},
    {"/error", "HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nbad", false},
    {"/cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", true},
    {"/garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n", true},
    {"/nothing", "", true},
    {"far.invalid:443", "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", true},
    {"/encoded", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain", false},
};

/* Each connection has a process of its own, so that one that stalls holds up no other. */
static void serve_request(int peer, const char *request) {
    char path[64] = "";
    (void)sscanf(request, "%*s %63[^ ?]", path);
    for (size_t i = 0; i < sizeof canned / sizeof *canned; i++) {
        if (strcmp(canned[i].path, path) != 0)
            continue;
        send_text(peer, canned[i].answer);
        if (canned[i].close)
            _exit(0);
        return;
    }
    if (strcmp(path, "/echo") == 0)
        send_echo(peer, request);
    else if (strcmp(path, "/who") == 0)
        send_who(peer);
    else if (strcmp(path, "/1000") == 0)
        send_sized(peer, 1000);
    else if (strcmp(path, "/trickle") == 0)
        send_trickle(peer);
    else if (strcmp(path, "/flood") == 0)
        send_header_flood(peer);
    else if (strcmp(path, "/stall") == 0)
        send_text(peer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
}

static bool request_is_whole(const char *request) {
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "content-length: ");
    return end != NULL && strlen(end + 4) >= (length == NULL ? 0 : strtoul(length + 16, NULL, 10));
}

static void serve_connection(int peer) {
    char request[8192] = "";
    size_t length = 0;
    (void)alarm(30);
    for (ssize_t got; (got = recv(peer, request + length, sizeof request - 1 - length, 0)) > 0;) {
        length += (size_t)got;
        request[length] = '\0';
        if (!request_is_whole(request))
            continue;
        serve_request(peer, request);
        length = 0;
        request[0] = '\0';
    }
    _exit(0);
}

static int listener_open(unsigned *out_port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 128), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    *out_port = ntohs(address.sin_port);
    return listener;
}

static pid_t server_start(unsigned *out_port) {
    int listener = listener_open(out_port);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0) {
        (void)close(listener);
        (void)setpgid(child, child);
        return child;
    }
    (void)setpgid(0, 0);
    (void)signal(SIGCHLD, SIG_IGN);
    for (int peer; (peer = accept(listener, NULL, NULL)) >= 0; (void)close(peer))
        if (fork() == 0)
            serve_connection(peer);
    _exit(0);
}

static unsigned free_port(void) {
    unsigned port = 0;
    (void)close(listener_open(&port));
    return port;
}

/* ---- fixture ---- */

struct fixture {
    struct arena *arena;
    struct http *http;
    pid_t server;
    unsigned port;
    pid_t nginx;
    unsigned tls_port;
    char folder[64];
    const char *ca_pem, *other_pem, *client_pem, *client_key_pem;
};

static struct http *http_open(unsigned connections, const char *ca_file) {
    struct http_curl_options options = {
        .clock = clock_system(), .user_agent = "eksact/test", .connections_per_host = connections, .ca_file = ca_file};
    struct error err = {0};
    struct http *http = http_curl_new(&options, &err);
    assert_non_null(http);
    return http;
}

static int begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->arena = arena_new();
    fixture->http = http_open(0, NULL);
    fixture->server = server_start(&fixture->port);
    *state = fixture;
    return 0;
}

static int end(void **state) {
    struct fixture *fixture = *state;
    fixture->http->free(fixture->http);
    (void)kill(-fixture->server, SIGKILL);
    (void)waitpid(fixture->server, NULL, 0);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static struct http_exchange ask_of(struct fixture *fixture, const char *method, const char *path) {
    return (struct http_exchange){
        .method = method, .url = arena_text(fixture->arena, "http://127.0.0.1:%u%s", fixture->port, path), .arena = fixture->arena};
}

static struct http_exchange get(struct fixture *fixture, const char *path) {
    struct http_exchange exchange = ask_of(fixture, "GET", path);
    http_run(fixture->http, &exchange, 1, 1);
    assert_non_null(exchange.answer);
    return exchange;
}

static void expect_error(const struct http_exchange *exchange, enum error_kind kind, const char *says) {
    if (exchange->error.kind != kind || strstr(exchange->error.text, says) == NULL)
        fail_msg("%s: \"%s\" is not %s: \"%s\"", error_kind_name(exchange->error.kind), exchange->error.text, error_kind_name(kind), says);
}

/* ---- answers ---- */

static void answer_comes_whole(void **state) {
    struct http_exchange exchange = get(*state, "/ok");
    assert_int_equal(exchange.error.kind, ERROR_NONE);
    assert_int_equal(exchange.status, 200);
    assert_string_equal(exchange.answer, "hello");
    assert_int_equal(exchange.answer_length, 5);
    assert_string_equal(http_answer_header(&exchange, "x-mixed-case"), "a b");
    assert_null(exchange.transport);
}

static void statuses_are_answers(void **state) {
    static const struct {
        const char *path;
        int status;
        const char *body;
    } cases[] = {{"/missing", 404, "none"}, {"/none", 204, ""},     {"/elsewhere", 302, ""},
                 {"/chunks", 200, "abcde"}, {"/error", 500, "bad"}, {"/early", 200, "a"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_exchange exchange = get(*state, cases[i].path);
        assert_string_equal(exchange.error.text, "");
        assert_int_equal(exchange.status, cases[i].status);
        assert_string_equal(exchange.answer, cases[i].body);
        assert_null(http_answer_header(&exchange, "link"));
    }
}

static void request_is_sent_as_given(void **state) {
    struct fixture *fixture = *state;
    struct http_header headers[] = {{"X-One", "1"}, {"x-empty", ""}};
    struct http_exchange exchange = ask_of(fixture, "PATCH", "/echo?b=%2F&a");
    exchange.headers = headers;
    exchange.header_count = 2;
    exchange.body = "body";
    exchange.body_length = 4;
    http_run(fixture->http, &exchange, 1, 1);
    assert_true(text_starts(exchange.answer, "PATCH /echo?b=%2F&a HTTP/1.1\r\n"));
    assert_true(text_ends(exchange.answer, "\r\n\r\nbody"));
    static const char *const lines[] = {"\r\nX-One: 1\r\n", "\r\nx-empty:\r\n", "\r\nContent-Length: 4\r\n",
                                        "\r\nUser-Agent: eksact/test\r\n", "\r\nAccept-Encoding: gzip\r\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_non_null(strstr(exchange.answer, lines[i]));
    assert_null(strcasestr(exchange.answer, "content-type"));
    assert_null(strcasestr(exchange.answer, "expect"));
}

static void write_without_a_body_says_so(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *method;
        bool length;
    } cases[] = {{"POST", true}, {"PUT", true}, {"GET", false}, {"DELETE", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_exchange exchange = ask_of(fixture, cases[i].method, "/echo");
        http_run(fixture->http, &exchange, 1, 1);
        assert_true(text_starts(exchange.answer, cases[i].method));
        assert_int_equal(strstr(exchange.answer, "Content-Length: 0\r\n") != NULL, cases[i].length);
    }
}

static void connection_is_kept(void **state) {
    struct http_exchange one = get(*state, "/who"), two = get(*state, "/who");
    assert_true(one.answer_length > 0);
    assert_string_equal(one.answer, two.answer);
}

static void many_are_in_flight(void **state) {
    struct fixture *fixture = *state;
    enum { COUNT = 300 };
    struct http_exchange *exchanges = ARENA_ARRAY(fixture->arena, struct http_exchange, COUNT);
    struct http *few = http_open(4, NULL);
    for (size_t i = 0; i < COUNT; i++)
        exchanges[i] = ask_of(fixture, "GET", "/1000");
    http_run(few, exchanges, COUNT, 64);
    for (size_t i = 0; i < COUNT; i++) {
        assert_string_equal(exchanges[i].error.text, "");
        assert_int_equal(exchanges[i].answer_length, 1000);
    }
    few->free(few);
}

/* ---- limits and trouble ---- */

static void size_is_limited(void **state) {
    struct fixture *fixture = *state;
    struct http_exchange fits = ask_of(fixture, "GET", "/1000"), over = fits;
    fits.limit_bytes = 1000;
    over.limit_bytes = 999;
    http_run(fixture->http, &fits, 1, 1);
    http_run(fixture->http, &over, 1, 1);
    assert_int_equal(fits.error.kind, ERROR_NONE);
    expect_error(&over, ERROR_BROKEN, "larger than the limit of 999 bytes");
}

static void header_count_is_limited(void **state) {
    struct http_exchange exchange = get(*state, "/flood");
    expect_error(&exchange, ERROR_BROKEN, "headers are over the limit");
}

static void stall_ends_the_exchange(void **state) {
    struct fixture *fixture = *state;
    struct http_exchange exchange = ask_of(fixture, "GET", "/stall?token=secret");
    exchange.stall_ms = 300;
    int64_t before_ms = clock_steady_ms(clock_system());
    http_run(fixture->http, &exchange, 1, 1);
    int64_t took_ms = clock_steady_ms(clock_system()) - before_ms;
    expect_error(&exchange, ERROR_BUSY, "/stall: the server sent nothing within 0.3 s");
    assert_true(took_ms >= 300 && took_ms < 3000);
    assert_int_equal(exchange.status, 200);
    assert_string_equal(exchange.answer, "");
}

static void time_is_limited_though_bytes_come(void **state) {
    struct fixture *fixture = *state;
    struct http_exchange exchange = ask_of(fixture, "GET", "/trickle");
    exchange.limit_ms = 500;
    http_run(fixture->http, &exchange, 1, 1);
    expect_error(&exchange, ERROR_BUSY, "no whole answer within 0.5 s");
}

static void trouble_is_named(void **state) {
    static const struct {
        const char *path;
        enum error_kind kind;
        const char *says;
    } cases[] = {
        {"/cut", ERROR_BUSY, "lost before the whole answer"},
        {"/nothing", ERROR_BUSY, "lost before the whole answer"},
        {"/garbage", ERROR_BROKEN, "does not speak HTTP"},
        {"/encoded", ERROR_BROKEN, "compression"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_exchange exchange = get(*state, cases[i].path);
        expect_error(&exchange, cases[i].kind, cases[i].says);
        assert_int_equal(exchange.answer_length, 0);
    }
}

static void refused_connection_is_named(void **state) {
    struct fixture *fixture = *state;
    struct http_exchange exchange = ask_of(fixture, "GET", "/");
    exchange.url = arena_text(fixture->arena, "http://127.0.0.1:%u/p?q=secret", free_port());
    http_run(fixture->http, &exchange, 1, 1);
    expect_error(&exchange, ERROR_BUSY, "/p: cannot connect: Connection refused; check the address");
    assert_null(strstr(exchange.error.text, "secret"));
}

static void unknown_host_is_named(void **state) {
    struct fixture *fixture = *state;
    struct http_exchange exchange = ask_of(fixture, "GET", "/");
    exchange.url = "http://no-such-host.invalid/";
    http_run(fixture->http, &exchange, 1, 1);
    expect_error(&exchange, ERROR_BUSY, "host name cannot be resolved");
}

static void tls_to_a_plain_server_is_named(void **state) {
    struct fixture *fixture = *state;
    struct http_exchange exchange = ask_of(fixture, "GET", "/");
    exchange.url = arena_text(fixture->arena, "https://127.0.0.1:%u/", fixture->port);
    exchange.stall_ms = 1000;
    http_run(fixture->http, &exchange, 1, 1);
    assert_int_equal(exchange.error.kind, ERROR_BUSY);
}

static void bad_urls_and_headers_are_not_sent(void **state) {
    struct fixture *fixture = *state;
    static const char *const urls[] = {
        "", "ftp://h/", "file:///etc/passwd", "https://", "http://u:secret@h/", "http://h/#f", "http://h/a b", "http://h/\r\nx: y"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct http_exchange exchange = ask_of(fixture, "GET", "/");
        exchange.url = urls[i];
        http_run(fixture->http, &exchange, 1, 1);
        assert_int_equal(exchange.error.kind, ERROR_INVALID);
    }
    static const struct http_header headers[] = {{"x-a", "1\r\nx-b: 2"}, {"x\r\n", "1"}, {"", "1"}, {"x:y", "1"}};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct http_exchange exchange = ask_of(fixture, "GET", "/echo");
        exchange.headers = &headers[i];
        exchange.header_count = 1;
        http_run(fixture->http, &exchange, 1, 1);
        assert_int_equal(exchange.error.kind, ERROR_BROKEN);
    }
}

static void loopback_goes_round_the_proxy(void **state) {
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    struct http_exchange exchange = get(*state, "/ok");
    (void)unsetenv("http_proxy");
    assert_int_equal(exchange.status, 200);
}

static void refusing_proxy_is_named(void **state) {
    struct fixture *fixture = *state;
    struct http_exchange exchange = ask_of(fixture, "GET", "/");
    (void)setenv("https_proxy", arena_text(fixture->arena, "http://user:secret@127.0.0.1:%u", fixture->port), 1);
    exchange.url = "https://far.invalid/p";
    http_run(fixture->http, &exchange, 1, 1);
    (void)unsetenv("https_proxy");
    expect_error(&exchange, ERROR_DENIED, "the proxy refused to connect to it: HTTP 407");
    assert_null(strstr(exchange.error.text, "secret"));
    assert_int_equal(exchange.status, 0);
}

/* ---- streaming ---- */

struct reader {
    char bytes[64];
    size_t length;
    bool refuses;
};

static bool reader_take(void *context, const char *bytes, size_t length, struct error *err) {
    struct reader *reader = context;
    if (reader->refuses)
        return error_set(err, ERROR_INVALID, "not this");
    memcpy(reader->bytes + reader->length, bytes, length);
    reader->length += length;
    return true;
}

static struct http_exchange stream(struct fixture *fixture, const char *path, struct reader *reader) {
    struct http_exchange exchange = ask_of(fixture, "GET", path);
    exchange.on_bytes = reader_take;
    exchange.reader = reader;
    http_run(fixture->http, &exchange, 1, 1);
    return exchange;
}

static void body_streams_to_its_reader(void **state) {
    struct reader reader = {0};
    struct http_exchange exchange = stream(*state, "/chunks", &reader);
    assert_int_equal(exchange.status, 200);
    assert_string_equal(reader.bytes, "abcde");
    assert_int_equal(exchange.answer_length, 0);
}

static void error_body_does_not_stream(void **state) {
    struct reader reader = {0};
    struct http_exchange exchange = stream(*state, "/error", &reader);
    assert_int_equal(reader.length, 0);
    assert_string_equal(exchange.answer, "bad");
}

static void reader_may_end_the_exchange(void **state) {
    struct reader reader = {.refuses = true};
    struct http_exchange exchange = stream(*state, "/chunks", &reader);
    assert_int_equal(exchange.error.kind, ERROR_INVALID);
    assert_string_equal(exchange.error.text, "not this");
}

/* ---- waiting ---- */

static void cancelled_exchange_does_not_come_out(void **state) {
    struct fixture *fixture = *state;
    struct http_exchange cancelled = ask_of(fixture, "GET", "/stall"), waiting = ask_of(fixture, "GET", "/stall");
    int64_t now_ms = clock_steady_ms(clock_system());
    fixture->http->start(fixture->http, &cancelled);
    fixture->http->start(fixture->http, &waiting);
    assert_null(fixture->http->next(fixture->http, now_ms + 200));
    fixture->http->cancel(fixture->http, &cancelled);
    assert_null(cancelled.transport);
    fixture->http->cancel(fixture->http, &cancelled); /* again: nothing */
    assert_null(fixture->http->next(fixture->http, clock_steady_ms(clock_system()) + 100));
    fixture->http->cancel(fixture->http, &waiting);
    struct http_exchange after = get(fixture, "/ok");
    assert_int_equal(after.status, 200);
}

static void exchange_may_be_cancelled_before_and_after_its_time(void **state) {
    struct fixture *fixture = *state;
    struct http_exchange early = ask_of(fixture, "GET", "/ok"), one = early, two = early;
    fixture->http->start(fixture->http, &early);
    fixture->http->cancel(fixture->http, &early);
    fixture->http->start(fixture->http, &one);
    fixture->http->start(fixture->http, &two);
    struct http_exchange *first = fixture->http->next(fixture->http, INT64_MAX);
    struct http_exchange *other = first == &one ? &two : &one;
    (void)usleep(100000);
    fixture->http->cancel(fixture->http, other);
    assert_null(fixture->http->next(fixture->http, clock_steady_ms(clock_system()) + 100));
}

static void freeing_ends_what_is_under_way(void **state) {
    struct fixture *fixture = *state;
    struct http *http = http_open(0, NULL);
    struct http_exchange exchange = ask_of(fixture, "GET", "/stall");
    http->start(http, &exchange);
    assert_null(http->next(http, clock_steady_ms(clock_system()) + 100));
    http->free(http);
    assert_null(exchange.transport);
}

static void nothing_under_way_is_sleeping(void **state) {
    struct fixture *fixture = *state;
    int64_t before_ms = clock_steady_ms(clock_system());
    assert_null(fixture->http->next(fixture->http, before_ms + 150));
    int64_t took_ms = clock_steady_ms(clock_system()) - before_ms;
    assert_true(took_ms >= 150 && took_ms < 1500);
}

static void another_one_beside_meets_only_its_own(void **state) {
    struct fixture *fixture = *state;
    struct http_exchange theirs = ask_of(fixture, "GET", "/ok"), ours = theirs;
    struct http foreign = {0};
    struct http *beside = http_curl_beside(fixture->http);
    assert_non_null(beside);
    assert_null(http_curl_beside(&foreign));
    fixture->http->start(fixture->http, &theirs);
    http_run(beside, &ours, 1, 1);
    assert_int_equal(ours.status, 200);
    assert_ptr_equal(fixture->http->next(fixture->http, INT64_MAX), &theirs);
    beside->free(beside);
}

struct attention {
    int descriptor;
    unsigned count;
    bool returns;
};

static bool attention_take(void *context) {
    struct attention *attention = context;
    char byte = 0;
    assert_int_equal(read(attention->descriptor, &byte, 1), 1);
    attention->count++;
    return attention->returns;
}

static void attended_descriptor_is_looked_at(void **state) {
    struct fixture *fixture = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct attention attention = {.descriptor = ends[0]};
    fixture->http->attend(fixture->http, ends[0], attention_take, &attention);
    assert_int_equal(write(ends[1], "ab", 2), 2);
    assert_null(fixture->http->next(fixture->http, clock_steady_ms(clock_system()) + 100));
    assert_int_equal(attention.count, 2);

    attention.returns = true;
    assert_int_equal(write(ends[1], "c", 1), 1);
    int64_t before_ms = clock_steady_ms(clock_system());
    assert_null(fixture->http->next(fixture->http, before_ms + 10000));
    assert_true(clock_steady_ms(clock_system()) - before_ms < 5000);

    fixture->http->attend(fixture->http, ends[0], NULL, NULL);
    assert_int_equal(write(ends[1], "d", 1), 1);
    assert_null(fixture->http->next(fixture->http, clock_steady_ms(clock_system()) + 50));
    assert_int_equal(attention.count, 3);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* ---- TLS and HTTP/2 (nginx) ---- */

static int program_run(char *const arguments[]) {
    pid_t child = fork();
    int status = 0;
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        (void)execvp(arguments[0], arguments);
        _exit(127);
    }
    (void)waitpid(child, &status, 0);
    return status;
}

static const char *file_read(struct fixture *fixture, const char *name) {
    char *bytes = arena_take(fixture->arena, 16384);
    FILE *file = fopen(arena_text(fixture->arena, "%s/%s", fixture->folder, name), "rb");
    assert_non_null(file);
    assert_true(fread(bytes, 1, 16383, file) > 0);
    (void)fclose(file);
    return bytes;
}

static bool certificate_make(struct fixture *fixture, const char *name, const char *extension) {
    char *key = arena_text(fixture->arena, "%s/%s.key", fixture->folder, name);
    char *certificate = arena_text(fixture->arena, "%s/%s.pem", fixture->folder, name);
    char *subject = arena_text(fixture->arena, "/CN=%s", name);
    char *alternative = arena_text(fixture->arena, "subjectAltName=%s", extension);
    return program_run((char *[]){"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                                  "-keyout", key, "-out", certificate, "-days", "2", "-subj", subject, "-addext", alternative, NULL}) == 0;
}

static void nginx_configure(struct fixture *fixture) {
    FILE *file = fopen(arena_text(fixture->arena, "%s/nginx.conf", fixture->folder), "wb");
    assert_non_null(file);
    assert_true(
        fprintf(file,
                "daemon off; master_process off; pid %s/pid; error_log %s/error.log;\n"
                "events {}\n"
                "http { access_log off; default_type text/plain; client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s;\n"
                "uwsgi_temp_path %s; scgi_temp_path %s; keepalive_requests 100000;\n"
                "server { listen 127.0.0.1:%u ssl http2; ssl_certificate %s/server.pem; ssl_certificate_key %s/server.key;\n"
                "ssl_verify_client optional_no_ca; gzip on; gzip_types *; gzip_min_length 1; root %s;\n"
                "location = /who { return 200 \"$connection|$server_protocol|$ssl_client_s_dn|$http_host|$ssl_server_name\"; }\n"
                "location = /zeros { } } }\n",
                fixture->folder, fixture->folder, fixture->folder, fixture->folder, fixture->folder, fixture->folder, fixture->folder,
                fixture->tls_port, fixture->folder, fixture->folder, fixture->folder) > 0);
    (void)fclose(file);
    file = fopen(arena_text(fixture->arena, "%s/zeros", fixture->folder), "wb");
    assert_non_null(file);
    for (size_t i = 0; i < 1024 * 1024; i++)
        (void)fputc(0, file);
    (void)fclose(file);
}

static bool port_answers(unsigned port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    for (unsigned i = 0; i < 200; i++) {
        int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool connected = connect(peer, (struct sockaddr *)&address, sizeof address) == 0;
        (void)close(peer);
        if (connected)
            return true;
        (void)usleep(20000);
    }
    return false;
}

static bool nginx_start(struct fixture *fixture) {
    (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/eksact-http-XXXXXX");
    if (mkdtemp(fixture->folder) == NULL || !certificate_make(fixture, "server", "IP:127.0.0.1,DNS:kubernetes.test") ||
        !certificate_make(fixture, "other", "IP:127.0.0.1") || !certificate_make(fixture, "client", "DNS:client"))
        return false;
    fixture->tls_port = free_port();
    nginx_configure(fixture);
    fixture->ca_pem = file_read(fixture, "server.pem");
    fixture->other_pem = file_read(fixture, "other.pem");
    fixture->client_pem = file_read(fixture, "client.pem");
    fixture->client_key_pem = file_read(fixture, "client.key");
    char *configuration = arena_text(fixture->arena, "%s/nginx.conf", fixture->folder);
    char *prefix = arena_text(fixture->arena, "%s/", fixture->folder);
    fixture->nginx = fork();
    if (fixture->nginx == 0) {
        (void)execvp("nginx", (char *[]){"nginx", "-p", prefix, "-c", configuration, NULL});
        (void)execvp("/usr/sbin/nginx", (char *[]){"nginx", "-p", prefix, "-c", configuration, NULL});
        _exit(127);
    }
    return port_answers(fixture->tls_port);
}

static int begin_tls(void **state) {
    begin(state);
    struct fixture *fixture = *state;
    if (!nginx_start(fixture))
        print_message("nginx and openssl are needed for TLS: not there\n");
    return 0;
}

static int end_tls(void **state) {
    struct fixture *fixture = *state;
    if (fixture->nginx > 0) {
        (void)kill(fixture->nginx, SIGKILL);
        (void)waitpid(fixture->nginx, NULL, 0);
    }
    if (fixture->folder[0] != '\0')
        (void)program_run((char *[]){"rm", "-r", fixture->folder, NULL});
    return end(state);
}

static struct http_exchange ask_tls(struct fixture *fixture, const char *path, const struct http_trust *trust) {
    return (struct http_exchange){.method = "GET",
                                  .url = arena_text(fixture->arena, "https://127.0.0.1:%u%s", fixture->tls_port, path),
                                  .trust = trust,
                                  .arena = fixture->arena};
}

static struct http_exchange get_tls(struct fixture *fixture, const char *path, const struct http_trust *trust) {
    struct http_exchange exchange = ask_tls(fixture, path, trust);
    http_run(fixture->http, &exchange, 1, 1);
    return exchange;
}

static void tls_shares_one_connection(void **state) {
    struct fixture *fixture = *state;
    enum { COUNT = 60 };
    struct http_trust trust = {.ca_pem = fixture->ca_pem};
    struct http_exchange *exchanges = ARENA_ARRAY(fixture->arena, struct http_exchange, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        exchanges[i] = ask_tls(fixture, "/who", &trust);
    for (size_t i = 0; i < COUNT; i++)
        exchanges[i].method = "POST"; /* reads do not share with every version of libcurl */
    http_run(fixture->http, exchanges, COUNT, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_string_equal(exchanges[i].error.text, "");
        assert_string_equal(exchanges[i].answer, exchanges[0].answer);
    }
    assert_non_null(strstr(exchanges[0].answer, "|HTTP/2.0|"));
}

static void unknown_authority_is_refused_and_named(void **state) {
    struct fixture *fixture = *state;
    struct http_exchange exchange = get_tls(fixture, "/who?x=secret", NULL);
    expect_error(&exchange, ERROR_DENIED, "not accepted by the system's authorities");
    assert_non_null(strstr(exchange.error.text, "AWS_CA_BUNDLE"));
    assert_null(strstr(exchange.error.text, "secret"));
}

static void connection_of_another_trust_is_not_taken(void **state) {
    struct fixture *fixture = *state;
    struct http_trust right = {.ca_pem = fixture->ca_pem}, wrong = {.ca_pem = fixture->other_pem};
    struct http_exchange one = get_tls(fixture, "/who", &right), two = get_tls(fixture, "/who", &wrong);
    struct http_exchange three = get_tls(fixture, "/who", NULL), four = get_tls(fixture, "/who", &right);
    assert_int_equal(one.status, 200);
    expect_error(&two, ERROR_DENIED, "not accepted by the CA given for it");
    expect_error(&three, ERROR_DENIED, "not accepted by the system's authorities");
    assert_string_equal(four.answer, one.answer);
}

static void connection_of_another_client_is_not_taken(void **state) {
    struct fixture *fixture = *state;
    struct http_trust client = {.ca_pem = fixture->ca_pem, .client_pem = fixture->client_pem, .client_key_pem = fixture->client_key_pem};
    struct http_trust nobody = {.ca_pem = fixture->ca_pem};
    struct http_exchange one = get_tls(fixture, "/who", &client), two = get_tls(fixture, "/who", &nobody);
    struct http_exchange three = get_tls(fixture, "/who", &client);
    assert_non_null(strstr(one.answer, "|CN=client|"));
    assert_null(strstr(two.answer, "CN=client"));
    assert_string_equal(three.answer, one.answer);
}

static void server_name_is_verified_instead_of_the_host(void **state) {
    struct fixture *fixture = *state;
    struct http_trust named = {.ca_pem = fixture->ca_pem, .server_name = "kubernetes.test"};
    struct http_trust misnamed = {.ca_pem = fixture->ca_pem, .server_name = "other.test"};
    struct http_exchange one = get_tls(fixture, "/who", &named), two = get_tls(fixture, "/who", &misnamed);
    assert_string_equal(one.error.text, "");
    assert_true(text_ends(one.answer, arena_text(fixture->arena, "|127.0.0.1:%u|kubernetes.test", fixture->tls_port)));
    expect_error(&two, ERROR_DENIED, "other.test");
}

static void wrong_host_name_is_refused(void **state) {
    struct fixture *fixture = *state;
    struct http_trust trust = {.ca_pem = fixture->ca_pem};
    struct http_exchange exchange = ask_tls(fixture, "/who", &trust);
    exchange.url = arena_text(fixture->arena, "https://localhost:%u/who", fixture->tls_port);
    http_run(fixture->http, &exchange, 1, 1);
    expect_error(&exchange, ERROR_DENIED, "localhost");
}

static void unreadable_trust_is_named(void **state) {
    struct fixture *fixture = *state;
    struct http_trust bad_ca = {.ca_pem = "no PEM"};
    struct http_trust bad_client = {.ca_pem = fixture->ca_pem, .client_pem = "no PEM", .client_key_pem = "SECRETKEY"};
    struct http_exchange one = get_tls(fixture, "/who", &bad_ca), two = get_tls(fixture, "/who", &bad_client);
    expect_error(&one, ERROR_INVALID, "CA");
    expect_error(&two, ERROR_INVALID, "client certificate");
    assert_null(strstr(two.error.text, "SECRETKEY"));
}

static void ca_file_replaces_the_system(void **state) {
    struct fixture *fixture = *state;
    struct http *http = http_open(0, arena_text(fixture->arena, "%s/server.pem", fixture->folder));
    struct http_exchange exchange = ask_tls(fixture, "/who", NULL);
    http_run(http, &exchange, 1, 1);
    assert_string_equal(exchange.error.text, "");
    http->free(http);
}

static void compressed_answer_is_limited_by_its_real_size(void **state) {
    struct fixture *fixture = *state;
    struct http_trust trust = {.ca_pem = fixture->ca_pem};
    struct http_exchange fits = get_tls(fixture, "/zeros", &trust), over = ask_tls(fixture, "/zeros", &trust);
    assert_int_equal(fits.answer_length, 1024 * 1024);
    assert_string_equal(http_answer_header(&fits, "content-encoding"), "gzip");
    over.limit_bytes = 100000;
    http_run(fixture->http, &over, 1, 1);
    expect_error(&over, ERROR_BROKEN, "larger than the limit of 100000 bytes");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)

int main(void) {
    (void)unsetenv("http_proxy");
    (void)unsetenv("https_proxy");
    (void)unsetenv("HTTPS_PROXY");
    const struct CMUnitTest plain[] = {
        TEST(answer_comes_whole),
        TEST(statuses_are_answers),
        TEST(request_is_sent_as_given),
        TEST(write_without_a_body_says_so),
        TEST(connection_is_kept),
        TEST(many_are_in_flight),
        TEST(size_is_limited),
        TEST(header_count_is_limited),
        TEST(stall_ends_the_exchange),
        TEST(time_is_limited_though_bytes_come),
        TEST(trouble_is_named),
        TEST(refused_connection_is_named),
        TEST(unknown_host_is_named),
        TEST(tls_to_a_plain_server_is_named),
        TEST(bad_urls_and_headers_are_not_sent),
        TEST(loopback_goes_round_the_proxy),
        TEST(refusing_proxy_is_named),
        TEST(body_streams_to_its_reader),
        TEST(error_body_does_not_stream),
        TEST(reader_may_end_the_exchange),
        TEST(cancelled_exchange_does_not_come_out),
        TEST(exchange_may_be_cancelled_before_and_after_its_time),
        TEST(freeing_ends_what_is_under_way),
        TEST(nothing_under_way_is_sleeping),
        TEST(attended_descriptor_is_looked_at),
        TEST(another_one_beside_meets_only_its_own),
    };
    const struct CMUnitTest tls[] = {
        cmocka_unit_test(tls_shares_one_connection),
        cmocka_unit_test(unknown_authority_is_refused_and_named),
        cmocka_unit_test(connection_of_another_trust_is_not_taken),
        cmocka_unit_test(connection_of_another_client_is_not_taken),
        cmocka_unit_test(server_name_is_verified_instead_of_the_host),
        cmocka_unit_test(wrong_host_name_is_refused),
        cmocka_unit_test(unreadable_trust_is_named),
        cmocka_unit_test(ca_file_replaces_the_system),
        cmocka_unit_test(compressed_answer_is_limited_by_its_real_size),
    };
    int failed = cmocka_run_group_tests(plain, NULL, NULL);
    return failed + cmocka_run_group_tests(tls, begin_tls, end_tls);
}
