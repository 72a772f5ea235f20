/* sandbox/certificate.h: certificates for the simulated world's own servers. Keys are P-256 and new at each call: these are the only things
 * of the simulated world that chance makes. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/secret.h"

struct certificate {
    char *pem;         /* in the arena */
    struct secret key; /* PEM (PKCS #8); the caller's to wipe with secret_done */
};

/* A certificate authority that signs servers. Valid between the two wall times, as whole seconds. */
bool certificate_authority_make(struct arena *arena, const char *common_name, int64_t from_ms, int64_t until_ms, struct certificate *out,
                                struct error *err);

/* A server's certificate, signed by the authority, for localhost, 127.0.0.1, ::1 and `names` (DNS names and IP addresses; ends with NULL,
 * may be NULL). */
bool certificate_server_make(struct arena *arena, const struct certificate *authority, const char *const *names, int64_t from_ms,
                             int64_t until_ms, struct certificate *out, struct error *err);
