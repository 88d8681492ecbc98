// SPDX-License-Identifier: Apache-2.0
#pragma once
/* target: which service a call of the app is for (contract §3, Outbound): X-Target-Service and X-Target-Namespace, else the
 * authority in one of its mesh forms. Pure. Threads: any. Tests: tests/unit/proxy/target.c */
#include "codec/msg.h"

enum target_verdict {
    TARGET_FOUND,
    TARGET_NONE,    /* nothing names a service: 400 */
    TARGET_BAD,     /* named twice, or not by a name: 400; *why says */
    TARGET_UNKNOWN, /* a name that no service of a mesh can have: 404 */
};
struct target {
    struct str service, ns; /* in the arena, or the caller's default */
    const char *why;        /* TARGET_BAD */
};
/* By a name alone, as an SNI gives it: TARGET_FOUND or _UNKNOWN. */
enum target_verdict target_of_name(struct target *t, struct str host, struct str own_ns);
enum target_verdict target_resolve(struct target *t, const struct msg *m, struct str own_ns, struct arena *a);
