// SPDX-License-Identifier: Apache-2.0
#pragma once
/* sessions: what proxies tell (weft.v1.Node/Session) and their certificate requests.
 * Counters are absolute within one start of a proxy (boot_id); the sums keep those of proxies that have gone, and count none
 * twice. Threads: the control loop. Tests: tests/unit/control/sessions.c, control.c */
#include "base/map.h"
#include "control/push.h"
#include "control/reg.h"
#include "xds/ads_server.h"
#include "xds/node_server.h"

#define SESSIONS_BOOTS 65536 /* starts of proxies remembered: after as many others one that reconnects is counted anew */

struct peer; /* one proxy that is here */
struct sessions {
    struct mesh *mesh;
    struct reg *reg;
    struct map boots; /* boot_id -> struct boot (private), oldest first */
    struct session_stats sum;
    struct list open;         /* of private peers */
    unsigned proxies;         /* starts of proxies that have a session */
    uint64_t issued, refused; /* certificates */
};
void sessions_init(struct sessions *s, struct mesh *m, struct reg *r);
void sessions_fini(struct sessions *s); /* after the server has been stopped */
struct session_cb sessions_cb(struct sessions *s);
/* The same for proxies that have no Session: Envoy and gRPC are here as long as their ADS stream is; then their grace begins. */
struct push_peers sessions_peers(struct sessions *s);
struct sign_service sessions_sign(struct sessions *s);
