// SPDX-License-Identifier: Apache-2.0
#pragma once
/* link_int: what link.c (connection, session, certificates), link_ads.c (the ADS client) and its two variants, link_delta.c and
 * link_sotw.c, share. */
#include "base/buf.h"
#include "base/map.h"
#include "discovery.pb-c.h"
#include "http/call.h"
#include "xds/link.h"

struct link_name {   /* a resource that is wanted, or held */
    struct list due; /* in link_ads.due: its subscription changed since the last request */
    bool wanted;
    bool asked;         /* the stream's server knows that it is wanted */
    unsigned gone_in;   /* link.told, of the response that last said that it is not there, plus 1 */
    struct str version; /* held; empty: none. Owned */
    struct str name;
};

struct link_ads {     /* the client of one type */
    struct map names; /* -> struct link_name */
    struct list due;
    bool started;       /* a request of this type has been sent on this stream */
    struct str version; /* state of the world: of the last response that was accepted. Owned */
    struct str nonce;   /* and of the last response on this stream. Owned */
};

struct link_wire { /* a variant of the protocol */
    const char *path;
    void (*first)(struct link *l, enum xds_type type); /* the first request of a type on a stream */
    void (*changes)(struct link *l, enum xds_type type);
    int (*message)(struct link *l, struct str msg, struct err *e); /* < 0: it cannot be read */
};
extern const struct link_wire link__delta, link__sotw;

struct link {
    const struct link_wire *wire;
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
    unsigned told; /* responses of ADS */

    struct session_stats stats;
    bool have_stats, have_health, healthy;

    link_cert_f *sign_done;
    void *sign_ctx;
};

struct link_reasons { /* of a NACK */
    struct buf text;
    unsigned n;
};
struct link_resource { /* as it came */
    struct str name, version;
    const Google__Protobuf__Any *any;
};

void link__ads_start(struct link *l); /* the stream is new */
void link__ads_message(struct call *c, struct str msg);
void link__ads_fini(struct link *l);
/* Names: found or made; freed; whether one is wanted, by name or by "*". */
struct link_name *link__name(struct link *l, enum xds_type type, struct str name);
void link__forget(struct link *l, enum xds_type type, struct link_name *n);
bool link__wants(const struct link *l, enum xds_type type, struct str name);
void link__keep(struct str *held, struct str value); /* a copy, in place of the owned text in *held */

/* Requests. The node is NULL but for the first request of a stream. link__send ends the arena. */
Ec__Node *link__node(struct arena *a, struct link *l);
void link__send(struct arena *a, struct link *l, const void *m);

/* Responses. A resource is decoded and handed over when it is wanted, and rejected when it is in `seen` or refused: what was held
 * stays. link__gone: `name` outlives the name's entry. */
int link__type(struct str url, struct link_reasons *bad); /* enum xds_type; < 0: rejected */
void link__take(struct link *l, enum xds_type type, const struct link_resource *r, struct map *seen, struct link_reasons *bad);
void link__gone(struct link *l, enum xds_type type, struct str name);
/* What the control plane could not send, and why (resource_errors). */
void link__missing(struct link *l, enum xds_type type, Ed__ResourceError *const *errors, size_t n);
void link__told(struct link *l, enum xds_type type); /* all in it has been */
void link__reject(struct link_reasons *r, struct str name, const struct err *e);
Rpc__Status *link__reason(struct arena *a, const struct link_reasons *bad); /* NULL: there is none */

void link__broken(struct link *l, int code, const char *what, struct str message); /* ends the connection: it is dialled again */
