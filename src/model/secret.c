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
