/* world/kube_parts.h: the pieces of a Kubernetes call, joined by kube.c and kube_requests.c, and open to their tests. */
#pragma once

#include "world/kube.h"

/* ---- protobuf, read only (protobuf.dev/programming-guides/encoding) ---- */

enum protobuf_type { PROTOBUF_VARINT = 0, PROTOBUF_FIXED64 = 1, PROTOBUF_BYTES = 2, PROTOBUF_FIXED32 = 5 };

struct protobuf_field {
    unsigned number;
    enum protobuf_type type;
    uint64_t integer;  /* PROTOBUF_VARINT */
    const char *bytes; /* PROTOBUF_BYTES: inside the message, no NUL after it */
    size_t length;
};

struct protobuf {
    const char *at, *end;
    bool broken; /* malformed, or a length that leaves the message */
};

struct protobuf protobuf_of(const char *bytes, size_t length);
/* False at the end of the message, and when it is broken. */
bool protobuf_next(struct protobuf *message, struct protobuf_field *out);
/* A field's tag, and the length or integer that follows it: how many bytes they take. 0: more bytes are needed, or *broken. */
size_t protobuf_head(const char *bytes, size_t length, struct protobuf_field *out, bool *broken);
/* The field's bytes as text; bytes that are not UTF-8 and NULs come out as "?". */
char *protobuf_text(struct arena *arena, const struct protobuf_field *field);
bool protobuf_is(const struct protobuf_field *field, const char *text);

/* The message inside the envelope that Kubernetes puts around protobuf ("k8s" and a NUL, then runtime.Unknown). False when it is none.
 * `kind` may be NULL: any. */
bool protobuf_unwrap(const char *bytes, size_t length, const char *kind, struct protobuf *out);

/* ---- a metadata-only LIST as it comes ---- */

struct kube_list;

struct kube_list *kube_list_new(void);
void kube_list_free(struct kube_list *list); /* NULL is allowed */
/* Forgets what it has read and begins the next answer. Texts are borrowed until its end. */
void kube_list_begin(struct kube_list *list, const char *manager,
                     bool (*on_item)(void *context, const struct kube_item *item, struct error *err), void *context);
/* The next bytes: on_bytes of an http_exchange whose reader is a struct kube_list. Whether they are protobuf or JSON is seen from
 * themselves. */
bool kube_list_read(void *list, const char *bytes, size_t length, struct error *err);
/* No more bytes come: false when the list was not whole. *out_next_page is NULL on the last page. */
bool kube_list_end(struct kube_list *list, struct arena *arena, const char **out_next_page, struct error *err);

/* ---- what a refusal says ---- */

struct kube_cause {
    const char *reason, *message, *field; /* "" when not said */
};

/* meta/v1 Status. Texts are "" when not said. */
struct kube_status {
    const char *message, *reason;
    const char *next_page; /* metadata.continue of an expired list; NULL */
    const char *name, *kind;
    struct kube_cause *causes;
    size_t cause_count;
    int64_t retry_after_seconds; /* 0: not said */
};

/* From JSON or protobuf. False when the answer is no Status. */
bool kube_status_read(struct arena *arena, const char *bytes, size_t length, struct kube_status *out);
/* True when a cause says that a field may never change. */
bool kube_status_is_immutable(const struct kube_status *status);
/* True when an apply that was answered with 500 can only succeed with another manifest. */
bool kube_status_is_manifest_mistake(const struct kube_status *status);
/* One line, bounded. `secret`: nothing that may be a value is in it. */
char *kube_status_text(struct arena *arena, const struct kube_status *status, bool secret);

/* ---- kubeconfig ---- */

/* What one context of a kubeconfig says. PEM texts and the token are in the arena that was read into; the caller wipes it. */
struct kube_config {
    const char *server, *server_name, *ca_pem, *client_pem, *client_key_pem, *token, *token_file;
    const char *user, *context;
};
bool kube_config_read(struct arena *arena, const char *file, const char *bytes, size_t length, const char *directory,
                      const char *context_name, struct kube_config *out, struct error *err);

/* ---- the connection ---- */

struct kube_served; /* kinds; kube_discovery.c */
struct kube_served *kube_served_new(void);
void kube_served_free(struct kube_served *served);

/* How a request gets its bearer token. */
struct kube_credentials {
    kube_token *token; /* asked each time; NULL: the others */
    void *context;
    struct secret fixed; /* empty: none */
    char *file;          /* read again each minute; NULL: none */
    struct clock *clock; /* with `file` */
    struct secret from_file;
    int64_t file_read_ms; /* steady; 0: never */
    char *whose;          /* "the token of user \"admin\" in ~/.kube/config" */
    char *remedy;         /* what to do when it is not accepted */
};

struct kube {
    char *server; /* no "/" at its end */
    struct http_trust trust;
    struct kube_credentials credentials;
    struct kube_served *served;
    struct kube_list **lists; /* all that were made; those at rest are first */
    size_t list_count, list_rest_count;
};

bool kube_credentials_token(struct kube_credentials *credentials, struct secret *out, struct error *err);
struct kube_list *kube_list_borrow(struct kube *kube);
void kube_list_return(struct kube *kube, struct kube_list *list);
