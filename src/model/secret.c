// SPDX-License-Identifier: Apache-2.0
#include "model/secret.h"
#include <string.h>
#include "base/mem.h"

static void forget(struct ref *ref) {
    struct secret *s = container_of(ref, struct secret, ref);
    if (s->key_pem.len) /* the text is in the resource's own arena: nobody else reads it any more */
        explicit_bzero((char *)s->key_pem.ptr, s->key_pem.len);
}

struct secret *secret_new(void) {
    return ref_new(sizeof(struct secret), forget);
}

struct secret *secret_copy(const struct secret *s) {
    struct secret *to = secret_new();
    struct arena *a = &to->ref.mem;
    to->name = arena_dup(a, s->name);
    to->cert_pem = arena_dup(a, s->cert_pem);
    to->key_pem = arena_dup(a, s->key_pem);
    to->ca_pem = arena_dup(a, s->ca_pem);
    to->cert_text = s->cert_text;
    to->key_text = s->key_text;
    to->ca_text = s->ca_text;
    to->cert_file = arena_dup(a, s->cert_file);
    to->key_file = arena_dup(a, s->key_file);
    to->ca_file = arena_dup(a, s->ca_file);
    to->watched = arena_dup(a, s->watched);
    return to;
}
