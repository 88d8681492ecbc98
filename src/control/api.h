// SPDX-License-Identifier: Apache-2.0
#pragma once
/* api: the REST API (contract §2): requests come in whole, are judged by the schema, and are answered at once, or when the
 * store has what they wrote. One table of calls makes the routing, 404 and 405.
 * Threads: the control loop. Tests: tests/unit/control/control.c, tests/scenario/ */
#include "control/feed.h"
#include "control/push.h"
#include "control/reg.h"
#include "control/sessions.h"
#include "http/server.h"
#include "io/timer.h"

#define API_BODY (1024u * 1024u) /* octets of a request's body */

struct api {
    struct mesh *mesh;
    struct reg *reg;
    struct push *push;
    struct sessions *sessions;
    struct feed *feed;
    const struct limit_counts *met_rest, *met_xds; /* of the servers */
    uint64_t passed, failed;                       /* private: bodies that were judged */
    uint64_t started;                              /* the loop's clock, microseconds */
    struct list keys;       /* private: requests that wait for an RSA key, one of which is made in each turn of the loop */
    struct timer key_timer; /* private */
};
void api_init(struct api *api); /* after its public fields have been set */
void api_fini(struct api *api); /* after its server has been stopped */
/* Of the server whose `user` is the api. */
void api_on_stream(struct server *s, struct stream *st);
void api_on_bad(struct server *s, struct stream *st, const struct err *why);
