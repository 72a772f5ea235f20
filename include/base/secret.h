/* base/secret.h: a text that no renderer takes and that is wiped when it is done with. */
#pragma once

#include <stddef.h>

struct secret {
    char *reveal; /* the only way to the text; NULL when empty. Named so that every use can be found. */
    size_t length;
};

void secret_set(struct secret *secret, const char *bytes, size_t length); /* a copy; wipes what was there */
void secret_done(struct secret *secret);
void secret_wipe(void *bytes, size_t length); /* memory that held a secret, before it is given back */
