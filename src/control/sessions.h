// SPDX-License-Identifier: Apache-2.0
#pragma once
/* sessions: what proxies tell (weft.v1.Node/Session) and their certificate requests.
 * Counters go to control/sums.h. Threads: the control loop. Tests: tests/unit/control/sessions.c, control.c */
#include "control/push.h"
#include "control/reg.h"
#include "control/sums.h"
#include "xds/ads_server.h"
#include "xds/node_server.h"

struct peer; /* one proxy that is here */
struct sessions {
    struct mesh *mesh;
    struct reg *reg;
    struct sums sums;         /* opened by the owner, when they are to be kept */
    struct map names;         /* "NS/SERVICE/ID" -> struct name (private): who is here */
    unsigned open;            /* their sessions */
    unsigned proxies;         /* starts of proxies that have a session */
    uint64_t issued, refused; /* certificates */
    char ca_hash[65];         /* private: of the CA's certificate; empty until a proxy has to be told */
};
void sessions_init(struct sessions *s, struct mesh *m, struct reg *r);
void sessions_fini(struct sessions *s); /* after the server has been stopped */
struct session_cb sessions_cb(struct sessions *s);
/* The same for proxies that have no Session: Envoy and gRPC are here as long as their ADS stream is; then their grace begins. */
struct push_peers sessions_peers(struct sessions *s);
struct sign_service sessions_sign(struct sessions *s);
