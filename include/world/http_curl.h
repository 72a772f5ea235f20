/* world/http_curl.h: the http seam over libcurl's multi interface, on one thread. */
#pragma once

#include "base/clock.h"
#include "base/http.h"

struct http_curl_options {
    struct clock *clock;
    const char *user_agent;
    unsigned connections_per_host; /* 0: 8. HTTP/2 multiplexes over one */
    const char *ca_file;           /* replaces the system's authorities where an exchange has no trust of its own; NULL */
};
struct http *http_curl_new(const struct http_curl_options *options, struct error *err);

/* Another one with the same options and nothing under way, for who must wait for an answer of his own (credentials) in the midst of others'
 * exchanges. NULL when `http` is not of this kind. Attended descriptors do not come along. */
struct http *http_curl_beside(const struct http *http);
