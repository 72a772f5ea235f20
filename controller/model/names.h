/* names.h: the forms that names have in Kubernetes (RFC 1123, and apimachinery's rules around it). Pure questions on texts. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

extern const char name_dns_label_rule[];

bool name_is_dns_label(const char *name);     /* at most 63 characters */
bool name_is_dns_subdomain(const char *name); /* at most 253 */
bool name_is_label_key(const char *key);
bool name_is_label_value(const char *value);
bool name_is_api_version(const char *api_version); /* NULL is none */
bool name_is_kind(const char *kind);               /* NULL is none */

/* The rule that a Kubernetes object's name breaks, in a person's words; NULL when it breaks none. */
const char *name_rule_broken(const char *api_version, const char *kind, const char *name);

/* "Kind/name" or "Kind/namespace/name". */
const char *name_id(struct arena *arena, const char *kind, const char *namespace, const char *name);

/* The part of an apiVersion before "/", "" for the core group. In the arena. */
const char *name_group(struct arena *arena, const char *api_version);
