// SPDX-License-Identifier: Apache-2.0
#pragma once
/* link_int: what link.c (connection, session, certificates) and link_ads.c (the ADS client) share. */
#include "base/map.h"
#include "http/call.h"
#include "xds/link.h"

struct link_name {   /* a resource that is wanted, or held */
    struct list due; /* in link_ads.due: its subscription changed since the last request */
    bool wanted;
    bool asked;         /* the stream's server knows that it is wanted */
    struct str version; /* held; empty: none. Owned */
    struct str name;
};

struct link_ads {     /* the client of one type */
    struct map names; /* -> struct link_name */
    struct list due;
    bool started; /* a request of this type has been sent on this stream */
};

struct link {
    struct loop *loop;
    struct link_cfg cfg; /* slices in `mem` */
    struct arena mem;
    struct conn *conn;
    struct call *ads, *session, *sign;
    struct timer retry, sign_timer, stop_timer;
    struct task requests; /* sends what is due at the end of the turn */
    struct task sign_failed;
    uint64_t backoff; /* microseconds before the next attempt */
    bool up, stopping, leaving;
    bool displaced; /* by a newer process of our own: see link_keep_place */
    struct err why; /* of the connection's end */

    struct link_ads of[XDS_TYPES];
    bool node_sent;

    struct session_stats stats;
    bool have_stats, have_health, healthy;

    link_cert_f *sign_done;
    void *sign_ctx;
};

void link__ads_start(struct link *l); /* the stream is new */
void link__ads_message(struct call *c, struct str msg);
void link__ads_fini(struct link *l);
void link__broken(struct link *l, int code, const char *what, struct str message); /* ends the connection: it is dialled again */
