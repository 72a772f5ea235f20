/* world/http_curl.c: the http seam over libcurl's multi interface. The only file that knows libcurl.
 *
 * One connection pool serves all. libcurl reuses a connection only for an exchange with the same authority, client certificate, and
 * verified name (it compares the PEM texts), so exchanges that trust differently never share one. libcurl itself sends a request once more
 * when a kept connection turns out to have been closed before any byte of an answer. */
#include "world/http_curl.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "base/text.h"

#define LIMIT_MS_DEFAULT 30000
#define STALL_MS_DEFAULT 15000
#define CONNECT_MS_MOST 15000 /* a watch may be silent for long, but its connection is made quickly or not at all */
#define LIMIT_BYTES_DEFAULT ((size_t)16 * 1024 * 1024)
#define HEADER_BYTES_MOST ((size_t)128 * 1024)
#define HEADER_COUNT_MOST 256
#define CONNECTIONS_PER_HOST_DEFAULT 8
#define WAIT_MS_MOST 3600000
#define POOL_MOST 64
#define RECEIVE_BYTES 65536L /* a LIST has megabytes; libcurl's own 16 KiB would mean many more calls */

struct transfer {
    struct http_curl *http;
    struct http_exchange *exchange;
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    struct text body;
    struct text head; /* of the answer: NAME \0 VALUE \0 … */
    size_t header_count;
    size_t received;
    size_t limit_bytes;
    int64_t limit_at_ms;
    int64_t stall_ms;
    int64_t moved_at_ms; /* when the last byte came or went; 0: has no connection yet */
    curl_off_t moved_bytes;
    struct transfer *next;
    char problem[CURL_ERROR_SIZE];
};

struct attended {
    int file_descriptor;
    bool (*ready)(void *context);
    void *context;
};

struct http_curl {
    struct http seam; /* first: a struct http * is a struct http_curl * */
    CURLM *multi;
    struct clock *clock;
    unsigned connections_per_host;
    char *user_agent;
    char *ca_file;
    struct transfer *starting; /* newest last */
    struct transfer *active;
    struct transfer *done; /* oldest first */
    struct attended *attended;
    size_t attended_count;
    CURL *pool[POOL_MOST]; /* easy handles at rest */
    size_t pool_count;
};

static void list_append(struct transfer **list, struct transfer *transfer) {
    while (*list != NULL)
        list = &(*list)->next;
    transfer->next = NULL;
    *list = transfer;
}

static bool list_remove(struct transfer **list, const struct transfer *transfer) {
    for (; *list != NULL; list = &(*list)->next) {
        if (*list == transfer) {
            *list = transfer->next;
            return true;
        }
    }
    return false;
}

static void *memory_or_abort(void *memory) {
    if (memory == NULL)
        abort();
    return memory;
}

/* ---- what a person reads ---- */

static int shown_length(const char *url) {
    return (int)strcspn(url, "?#");
}

static bool fail(struct http_exchange *exchange, enum error_kind kind, const char *what) {
    return error_set(&exchange->error, kind, "%s %.*s: %s", exchange->method, shown_length(exchange->url), exchange->url, what);
}

static void fail_limit(struct transfer *transfer, const char *what, int64_t limit_ms) {
    struct http_exchange *exchange = transfer->exchange;
    error_set(&exchange->error, ERROR_BUSY, "%s %.*s: %s within %lld.%lld s", exchange->method, shown_length(exchange->url), exchange->url,
              what, (long long)(limit_ms / 1000), (long long)(limit_ms % 1000 / 100));
}

static void fail_connect(struct transfer *transfer) {
    struct http_exchange *exchange = transfer->exchange;
    long number = 0;
    char reason[128] = "no connection";
    curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
    const char *said = number == 0 ? reason : strerror_r((int)number, reason, sizeof reason);
    error_set(&exchange->error, ERROR_BUSY,
              "%s %.*s: cannot connect: %s; check the address, that the server runs, and the network path to it", exchange->method,
              shown_length(exchange->url), exchange->url, said);
}

static void fail_trust(struct transfer *transfer) {
    struct http_exchange *exchange = transfer->exchange;
    bool own = exchange->trust != NULL && exchange->trust->ca_pem != NULL;
    error_set(&exchange->error, ERROR_DENIED,
              "%s %.*s: the server's certificate is not accepted by %s: %.160s; give the CA that signed it "
              "(AWS_CA_BUNDLE for AWS, certificate-authority-data for Kubernetes, a CA file for others)",
              exchange->method, shown_length(exchange->url), exchange->url, own ? "the CA given for it" : "the system's authorities",
              transfer->problem);
}

static void fail_detail(struct transfer *transfer, enum error_kind kind, const char *what) {
    struct http_exchange *exchange = transfer->exchange;
    error_set(&exchange->error, kind, "%s %.*s: %s%s%.160s", exchange->method, shown_length(exchange->url), exchange->url, what,
              transfer->problem[0] == '\0' ? "" : ": ", transfer->problem);
}

/* True when it was the proxy that said no. */
static bool fail_proxy(struct transfer *transfer) {
    struct http_exchange *exchange = transfer->exchange;
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    if (status < 300)
        return false;
    error_set(&exchange->error, status >= 500 ? ERROR_BUSY : ERROR_DENIED,
              "%s %.*s: the proxy refused to connect to it: HTTP %ld; check https_proxy and no_proxy", exchange->method,
              shown_length(exchange->url), exchange->url, status);
    return true;
}

static void fail_with(struct transfer *transfer, CURLcode code) {
    struct http_exchange *exchange = transfer->exchange;
    if (fail_proxy(transfer))
        return;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        fail(exchange, ERROR_BUSY, "the host name cannot be resolved; check its spelling and DNS");
        return;
    case CURLE_COULDNT_RESOLVE_PROXY:
        fail(exchange, ERROR_BUSY, "the proxy's host name cannot be resolved; check https_proxy and no_proxy");
        return;
    case CURLE_COULDNT_CONNECT:
        fail_connect(transfer);
        return;
    case CURLE_OPERATION_TIMEDOUT:
        fail(exchange, ERROR_BUSY, "no connection in time; check the address and the network path to it");
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        fail_trust(transfer);
        return;
    case CURLE_SSL_CACERT_BADFILE:
        fail(exchange, ERROR_INVALID, "the CA given for it is not a readable PEM certificate");
        return;
    case CURLE_SSL_CERTPROBLEM:
        fail(exchange, ERROR_INVALID, "the client certificate and its key are not a readable PEM pair");
        return;
    case CURLE_SSL_CONNECT_ERROR:
        fail_detail(transfer, ERROR_BUSY, "the TLS handshake failed");
        return;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        fail(exchange, ERROR_BROKEN, "what answers there does not speak HTTP");
        return;
    case CURLE_BAD_CONTENT_ENCODING:
        fail(exchange, ERROR_BROKEN, "the answer's compression cannot be read");
        return;
    case CURLE_URL_MALFORMAT:
        fail(exchange, ERROR_INVALID, "the URL cannot be read");
        return;
    default:
        fail_detail(transfer, ERROR_BUSY, "the connection was lost before the whole answer had come");
        return;
    }
}

/* ---- the answer as it comes ---- */

static int status_of(const struct transfer *transfer) {
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static void fail_size(struct transfer *transfer) {
    struct http_exchange *exchange = transfer->exchange;
    error_set(&exchange->error, ERROR_BROKEN, "%s %.*s: the answer is larger than the limit of %zu bytes", exchange->method,
              shown_length(exchange->url), exchange->url, transfer->limit_bytes);
}

static size_t on_body(char *bytes, size_t one, size_t length, void *context) {
    struct transfer *transfer = context;
    struct http_exchange *exchange = transfer->exchange;
    (void)one;

    if (length > transfer->limit_bytes - transfer->received) {
        fail_size(transfer);
        return 0;
    }
    transfer->received += length;
    int status = status_of(transfer);
    if (exchange->on_bytes == NULL || status < 200 || status > 299) {
        text_add_bytes(&transfer->body, bytes, length);
        return length;
    }
    if (length == 0 || exchange->on_bytes(exchange->reader, bytes, length, &exchange->error))
        return length;
    if (exchange->error.kind == ERROR_NONE)
        fail(exchange, ERROR_BROKEN, "the reader ended the exchange");
    return CURL_WRITEFUNC_ERROR;
}

static size_t trimmed_length(const char *bytes, size_t length) {
    while (length > 0 && (bytes[length - 1] == ' ' || bytes[length - 1] == '\t' || bytes[length - 1] == '\r' || bytes[length - 1] == '\n'))
        length--;
    return length;
}

static void header_keep(struct transfer *transfer, const char *line, size_t length) {
    const char *colon = memchr(line, ':', length);
    if (colon == NULL || colon == line || memchr(line, '\0', length) != NULL)
        return;
    for (const char *at = line; at < colon; at++) {
        char lower = *at >= 'A' && *at <= 'Z' ? (char)(*at + ('a' - 'A')) : *at;
        text_add_bytes(&transfer->head, &lower, 1);
    }
    const char *value = colon + 1;
    const char *end = line + length;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    text_add_bytes(&transfer->head, "", 1);
    text_add_bytes(&transfer->head, value, trimmed_length(value, (size_t)(end - value)));
    text_add_bytes(&transfer->head, "", 1);
    transfer->header_count++;
}

static size_t on_header(char *line, size_t one, size_t length, void *context) {
    struct transfer *transfer = context;
    (void)one;

    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* a new head: what came before was a 1xx */
        text_clear(&transfer->head);
        transfer->header_count = 0;
        return length;
    }
    header_keep(transfer, line, length);
    if (!transfer->head.full && transfer->header_count <= HEADER_COUNT_MOST)
        return length;
    fail(transfer->exchange, ERROR_BROKEN, "the answer's headers are over the limit (256 headers, 128 KiB)");
    return 0;
}

/* Called by libcurl only once the exchange has a connection: queueing is no stall. */
static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up) {
    struct transfer *transfer = context;
    (void)down_total;
    (void)up_total;
    if (transfer->moved_at_ms == 0 || down + up != transfer->moved_bytes) {
        transfer->moved_bytes = down + up;
        transfer->moved_at_ms = clock_steady_ms(transfer->http->clock);
    }
    return 0;
}

/* ---- the request ---- */

static bool url_is_usable(const char *url) {
    bool secure = text_starts(url, "https://");
    if (!secure && !text_starts(url, "http://"))
        return false;
    const char *authority = url + (secure ? 8 : 7);
    size_t length = strcspn(authority, "/?#");
    if (length == 0 || memchr(authority, '@', length) != NULL || strchr(authority, '#') != NULL)
        return false;
    for (const char *at = url; *at != '\0'; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return false;
    return true;
}

/* Loopback, and the link-local addresses where credentials are served, are never behind a proxy: a proxy would see the credentials. */
static bool is_near(const char *url) {
    static const char *const prefixes[] = {"localhost", "127.", "[::1]", "169.254.", "[fd00:ec2:", "[fe80:"};
    const char *host = strstr(url, "://") + 3;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncasecmp(host, prefixes[i], strlen(prefixes[i])) == 0)
            return strcmp(prefixes[i], "localhost") != 0 || strcspn(host, ":/?") == strlen("localhost");
    return false;
}

static void header_send(struct transfer *transfer, const char *name, const char *value) {
    TEXT_AUTO line;
    text_init(&line, (size_t)1024 * 1024);
    text_add(&line, "%s%s%s", name, value[0] == '\0' ? ";" : ": ", value); /* libcurl: "Name;" sends it empty, "Name:" would drop it */
    transfer->headers = memory_or_abort(curl_slist_append(transfer->headers, line.data));
    secret_wipe(line.data, line.length);
}

static const char *header_given(const struct http_exchange *exchange, const char *name) {
    for (size_t i = 0; i < exchange->header_count; i++)
        if (strcasecmp(exchange->headers[i].name, name) == 0)
            return exchange->headers[i].value;
    return NULL;
}

static bool headers_set(struct transfer *transfer) {
    const struct http_exchange *exchange = transfer->exchange;
    for (size_t i = 0; i < exchange->header_count; i++) {
        const struct http_header *header = &exchange->headers[i];
        if (header->name[0] == '\0' || strpbrk(header->name, ":\r\n ") != NULL || strpbrk(header->value, "\r\n") != NULL)
            return fail(transfer->exchange, ERROR_BROKEN, "a header to send has a line break or a bad name");
        if (strcasecmp(header->name, "accept-encoding") != 0)
            header_send(transfer, header->name, header->value);
    }
    /* libcurl would add these on its own. */
    transfer->headers = memory_or_abort(curl_slist_append(transfer->headers, "Expect:"));
    if (header_given(exchange, "content-type") == NULL)
        transfer->headers = memory_or_abort(curl_slist_append(transfer->headers, "Content-Type:"));
    return true;
}

/* kubeconfig's tls-server-name: connect to the URL's host and name it in the request, but verify and ask for another (RFC 6066 §3). */
static const char *url_renamed(struct transfer *transfer, struct text *url) {
    struct http_exchange *exchange = transfer->exchange;
    const char *host = exchange->url + strlen("https://");
    size_t authority_length = strcspn(host, "/?");
    size_t name_length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?");
    int port_length = (int)(authority_length - name_length);

    text_add(url, "https://%s%.*s%s", exchange->trust->server_name, port_length, host + name_length, host + authority_length);
    TEXT_AUTO connect;
    text_init(&connect, 4096);
    text_add(&connect, "::%.*s%s", (int)authority_length, host, port_length == 0 ? ":443" : "");
    transfer->connect_to = memory_or_abort(curl_slist_append(NULL, connect.data));
    curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
    if (header_given(exchange, "host") == NULL) {
        text_clear(&connect);
        text_add(&connect, "%.*s", (int)authority_length, host);
        header_send(transfer, "Host", connect.data);
    }
    return url->data;
}

static void url_set(struct transfer *transfer) {
    const struct http_exchange *exchange = transfer->exchange;
    bool renamed = exchange->trust != NULL && exchange->trust->server_name != NULL && text_starts(exchange->url, "https://");
    TEXT_AUTO url;
    text_init(&url, (size_t)64 * 1024);
    curl_easy_setopt(transfer->easy, CURLOPT_URL, renamed ? url_renamed(transfer, &url) : exchange->url);
    curl_easy_setopt(transfer->easy, CURLOPT_PATH_AS_IS, 1L); /* what was signed is what is sent */
    curl_easy_setopt(transfer->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (is_near(exchange->url))
        curl_easy_setopt(transfer->easy, CURLOPT_PROXY, "");
}

static void method_set(struct transfer *transfer) {
    const struct http_exchange *exchange = transfer->exchange;
    bool reads = strcmp(exchange->method, "GET") == 0 || strcmp(exchange->method, "HEAD") == 0 || strcmp(exchange->method, "DELETE") == 0;

    if (exchange->body != NULL || !reads) { /* a write without a body says so: "Content-Length: 0" */
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body_length);
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, exchange->body == NULL ? "" : exchange->body);
    } else if (strcmp(exchange->method, "HEAD") == 0) {
        curl_easy_setopt(transfer->easy, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST, exchange->method);
}

static void blob_set(CURL *easy, CURLoption option, const char *pem) {
    struct curl_blob blob = {.data = (void *)(uintptr_t)pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, option, &blob);
}

static void trust_set(struct transfer *transfer) {
    const struct http_trust *trust = transfer->exchange->trust;
    CURL *easy = transfer->easy;

    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (trust != NULL && trust->ca_pem != NULL) {
        blob_set(easy, CURLOPT_CAINFO_BLOB, trust->ca_pem);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* else the system's directory is believed as well */
    } else if (transfer->http->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, transfer->http->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (trust == NULL || trust->client_pem == NULL)
        return;
    blob_set(easy, CURLOPT_SSLCERT_BLOB, trust->client_pem);
    curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
    if (trust->client_key_pem != NULL) {
        blob_set(easy, CURLOPT_SSLKEY_BLOB, trust->client_key_pem);
        curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
    }
}

/* Before 8.1, libcurl may leave a large HTTP/2 answer lying in its own buffers when other streams of the connection are served in between:
 * poll has nothing to report, and the answer hangs until its stall limit (seen with concurrent LISTs of kube-apiserver and libcurl 7.88).
 * There, reads go over several HTTP/1.1 connections; writes, whose answers are small, share one HTTP/2 connection as ever. */
static bool exchange_shares(const struct http_exchange *exchange) {
    if (!text_starts(exchange->url, "https://"))
        return false;
    return !text_equal(exchange->method, "GET") || curl_version_info(CURLVERSION_NOW)->version_num >= 0x080100;
}

static void connection_set(struct transfer *transfer) {
    CURL *easy = transfer->easy;
    int64_t connect_ms = transfer->stall_ms < CONNECT_MS_MOST ? transfer->stall_ms : CONNECT_MS_MOST;
    const char *encoding = header_given(transfer->exchange, "accept-encoding");

    bool shares = exchange_shares(transfer->exchange);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)(shares ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    /* Rather wait for the first connection and share it than open many (HTTP/2 is only known after the handshake). */
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, shares ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 60L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 20L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, transfer->http->user_agent);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, encoding == NULL ? "gzip" : encoding);
}

static void callbacks_set(struct transfer *transfer) {
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->problem);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
}

/* ---- a transfer's life ---- */

static CURL *easy_take(struct http_curl *http) {
    if (http->pool_count > 0)
        return http->pool[--http->pool_count];
    return memory_or_abort(curl_easy_init());
}

static void easy_give(struct http_curl *http, CURL *easy) {
    if (http->pool_count == POOL_MOST) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    http->pool[http->pool_count++] = easy;
}

static void transfer_free(struct transfer *transfer) {
    for (struct curl_slist *at = transfer->headers; at != NULL; at = at->next)
        secret_wipe(at->data, strlen(at->data)); /* bearer tokens */
    if (transfer->easy != NULL)
        easy_give(transfer->http, transfer->easy);
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->connect_to);
    if (transfer->body.data != NULL)
        secret_wipe(transfer->body.data, transfer->body.length);
    text_done(&transfer->body);
    text_done(&transfer->head);
    free(transfer);
}

static void answer_headers_fill(struct transfer *transfer) {
    struct http_exchange *exchange = transfer->exchange;
    if (transfer->header_count == 0 || transfer->head.full)
        return;
    char *at = arena_copy(exchange->arena, transfer->head.data, transfer->head.length);
    exchange->answer_headers = ARENA_ARRAY(exchange->arena, struct http_header, transfer->header_count);
    for (size_t i = 0; i < transfer->header_count; i++) {
        exchange->answer_headers[i].name = at;
        at += strlen(at) + 1;
        exchange->answer_headers[i].value = at;
        at += strlen(at) + 1;
    }
    exchange->answer_header_count = transfer->header_count;
}

/* Takes it off the multi handle, writes what came into the exchange, and queues it for `next`. */
static void transfer_end(struct http_curl *http, struct transfer *transfer) {
    struct http_exchange *exchange = transfer->exchange;
    list_remove(&http->active, transfer);
    exchange->status = status_of(transfer);
    answer_headers_fill(transfer);
    if (exchange->error.kind == ERROR_NONE) {
        exchange->answer = arena_copy(exchange->arena, transfer->body.length == 0 ? "" : transfer->body.data, transfer->body.length);
        exchange->answer_length = transfer->body.length;
    }
    curl_multi_remove_handle(http->multi, transfer->easy);
    list_append(&http->done, transfer);
}

static void transfer_begin(struct http_curl *http, struct transfer *transfer) {
    struct http_exchange *exchange = transfer->exchange;
    transfer->easy = easy_take(http);
    if (!url_is_usable(exchange->url)) {
        fail(exchange, ERROR_INVALID, "only http and https URLs without user and fragment can be asked");
        list_append(&http->done, transfer);
        return;
    }
    if (!headers_set(transfer)) {
        list_append(&http->done, transfer);
        return;
    }
    url_set(transfer);
    method_set(transfer);
    trust_set(transfer);
    connection_set(transfer);
    callbacks_set(transfer);
    if (curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK) {
        fail(exchange, ERROR_BROKEN, "the exchange cannot be begun");
        list_append(&http->done, transfer);
        return;
    }
    list_append(&http->active, transfer);
}

static void http_curl_start(struct http *seam, struct http_exchange *exchange) {
    struct http_curl *http = (struct http_curl *)seam;
    struct transfer *transfer = memory_or_abort(calloc(1, sizeof *transfer));

    exchange->status = 0;
    exchange->error = (struct error){0};
    exchange->answer = arena_copy(exchange->arena, "", 0);
    exchange->answer_length = 0;
    exchange->answer_headers = NULL;
    exchange->answer_header_count = 0;
    exchange->transport = transfer;

    transfer->http = http;
    transfer->exchange = exchange;
    transfer->limit_bytes = exchange->limit_bytes == 0 ? LIMIT_BYTES_DEFAULT : exchange->limit_bytes;
    transfer->stall_ms = exchange->stall_ms == 0 ? STALL_MS_DEFAULT : exchange->stall_ms;
    transfer->limit_at_ms = clock_steady_ms(http->clock) + (exchange->limit_ms == 0 ? LIMIT_MS_DEFAULT : exchange->limit_ms);
    text_init(&transfer->body, transfer->limit_bytes + 1);
    text_init(&transfer->head, HEADER_BYTES_MOST);
    list_append(&http->starting, transfer); /* libcurl takes no new handle inside its own callbacks */
}

static void http_curl_cancel(struct http *seam, struct http_exchange *exchange) {
    struct http_curl *http = (struct http_curl *)seam;
    struct transfer *transfer = exchange->transport;
    if (transfer == NULL)
        return;
    if (list_remove(&http->active, transfer))
        curl_multi_remove_handle(http->multi, transfer->easy);
    list_remove(&http->starting, transfer);
    list_remove(&http->done, transfer);
    exchange->transport = NULL;
    transfer_free(transfer);
}

/* ---- waiting ---- */

static struct http_exchange *done_take(struct http_curl *http) {
    struct transfer *transfer = http->done;
    if (transfer == NULL)
        return NULL;
    struct http_exchange *exchange = transfer->exchange;
    http->done = transfer->next;
    exchange->transport = NULL;
    transfer_free(transfer);
    return exchange;
}

static void finished_collect(struct http_curl *http) {
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &left)) != NULL;) {
        char *private = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct transfer *transfer = (struct transfer *)(void *)private;
        if (code != CURLE_OK)
            fail_with(transfer, code); /* the first cause wins: a limit that was met has set its own text */
        transfer_end(http, transfer);
    }
}

/* Ends what is over its time; returns when the next one will be. */
static int64_t overdue_end(struct http_curl *http, int64_t now_ms) {
    int64_t next_ms = INT64_MAX;
    for (struct transfer *transfer = http->active, *after; transfer != NULL; transfer = after) {
        after = transfer->next;
        int64_t stall_at_ms = transfer->moved_at_ms == 0 ? INT64_MAX : transfer->moved_at_ms + transfer->stall_ms;
        int64_t due_ms = stall_at_ms < transfer->limit_at_ms ? stall_at_ms : transfer->limit_at_ms;
        if (now_ms < due_ms) {
            next_ms = due_ms < next_ms ? due_ms : next_ms;
            continue;
        }
        if (stall_at_ms < transfer->limit_at_ms)
            fail_limit(transfer, "the server sent nothing", transfer->stall_ms);
        else
            fail_limit(transfer, "no whole answer", transfer->exchange->limit_ms == 0 ? LIMIT_MS_DEFAULT : transfer->exchange->limit_ms);
        transfer_end(http, transfer);
    }
    return next_ms;
}

static bool attended_run(struct http_curl *http, const struct curl_waitfd *waits, size_t count) {
    bool early = false;
    for (size_t i = 0; i < count; i++) {
        if (waits[i].revents == 0)
            continue;
        /* Looked up anew: a `ready` may take others off. */
        for (size_t k = 0; k < http->attended_count; k++) {
            if (http->attended[k].file_descriptor != (int)waits[i].fd)
                continue;
            early |= http->attended[k].ready(http->attended[k].context);
            break;
        }
    }
    return early;
}

/* Waits for sockets, attended descriptors, or the time. True when an attended descriptor wants `next` to return. */
static bool wait_for(struct http_curl *http, int64_t wait_ms) {
    size_t count = http->attended_count;
    struct curl_waitfd *waits = memory_or_abort(calloc(count + 1, sizeof *waits));
    int ready = 0;
    for (size_t i = 0; i < count; i++)
        waits[i] = (struct curl_waitfd){.fd = http->attended[i].file_descriptor, .events = CURL_WAIT_POLLIN};
    curl_multi_poll(http->multi, waits, (unsigned)count, (int)wait_ms, &ready);
    bool early = attended_run(http, waits, count);
    free(waits);
    return early;
}

static int64_t wait_within(int64_t now_ms, int64_t one_ms, int64_t other_ms) {
    int64_t until_ms = one_ms < other_ms ? one_ms : other_ms;
    if (until_ms <= now_ms)
        return 0;
    return until_ms - now_ms < WAIT_MS_MOST ? until_ms - now_ms : WAIT_MS_MOST;
}

static struct http_exchange *http_curl_next(struct http *seam, int64_t deadline_steady_ms) {
    struct http_curl *http = (struct http_curl *)seam;
    for (;;) {
        if (http->done != NULL)
            return done_take(http);
        while (http->starting != NULL) {
            struct transfer *transfer = http->starting;
            http->starting = transfer->next;
            transfer_begin(http, transfer);
        }
        int running = 0;
        curl_multi_perform(http->multi, &running);
        finished_collect(http);
        int64_t now_ms = clock_steady_ms(http->clock);
        int64_t due_ms = overdue_end(http, now_ms);
        /* Attended descriptors are looked at in every round, however many exchanges are done. */
        bool early = wait_for(http, http->done != NULL ? 0 : wait_within(now_ms, due_ms, deadline_steady_ms));
        if (http->done != NULL)
            return done_take(http);
        if (early || now_ms >= deadline_steady_ms)
            return NULL;
    }
}

static void http_curl_attend(struct http *seam, int file_descriptor, bool (*ready)(void *context), void *context) {
    struct http_curl *http = (struct http_curl *)seam;
    for (size_t i = 0; i < http->attended_count; i++) {
        if (http->attended[i].file_descriptor != file_descriptor)
            continue;
        http->attended[i] = http->attended[--http->attended_count];
        break;
    }
    if (ready == NULL)
        return;
    http->attended = memory_or_abort(realloc(http->attended, (http->attended_count + 1) * sizeof *http->attended));
    http->attended[http->attended_count++] = (struct attended){.file_descriptor = file_descriptor, .ready = ready, .context = context};
}

/* ---- making and ending it ---- */

static void list_free(struct http_curl *http, struct transfer *list, bool is_active) {
    for (struct transfer *transfer = list, *after; transfer != NULL; transfer = after) {
        after = transfer->next;
        if (is_active)
            curl_multi_remove_handle(http->multi, transfer->easy);
        transfer->exchange->transport = NULL;
        transfer_free(transfer);
    }
}

static void http_curl_free(struct http *seam) {
    struct http_curl *http = (struct http_curl *)seam;
    list_free(http, http->active, true);
    list_free(http, http->starting, false);
    list_free(http, http->done, false);
    for (size_t i = 0; i < http->pool_count; i++)
        curl_easy_cleanup(http->pool[i]);
    curl_multi_cleanup(http->multi);
    free(http->attended);
    free(http->user_agent);
    free(http->ca_file);
    free(http);
    curl_global_cleanup();
}

struct http *http_curl_new(const struct http_curl_options *options, struct error *err) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        error_set(err, ERROR_BROKEN, "libcurl cannot be initialised");
        return NULL;
    }
    struct http_curl *http = memory_or_abort(calloc(1, sizeof *http));
    unsigned connections = options->connections_per_host == 0 ? CONNECTIONS_PER_HOST_DEFAULT : options->connections_per_host;
    http->seam = (struct http){
        .start = http_curl_start, .next = http_curl_next, .cancel = http_curl_cancel, .attend = http_curl_attend, .free = http_curl_free};
    http->clock = options->clock;
    http->connections_per_host = connections;
    http->user_agent = memory_or_abort(strdup(options->user_agent == NULL ? "eksact" : options->user_agent));
    http->ca_file = options->ca_file == NULL ? NULL : memory_or_abort(strdup(options->ca_file));
    http->multi = memory_or_abort(curl_multi_init());
    curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)connections * 8);
    return &http->seam;
}

struct http *http_curl_beside(const struct http *seam) {
    if (seam == NULL || seam->start != http_curl_start)
        return NULL;
    const struct http_curl *http = (const struct http_curl *)seam;
    struct http_curl_options options = {
        .clock = http->clock, .user_agent = http->user_agent, .connections_per_host = http->connections_per_host, .ca_file = http->ca_file};
    struct error ignored = {0};
    return http_curl_new(&options, &ignored);
}
