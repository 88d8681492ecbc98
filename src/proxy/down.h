// SPDX-License-Identifier: Apache-2.0
#pragma once
/* down: a downstream connection: accepted, handed to the worker with the fewest, taken by a filter chain once enough is known of
 * it, then an HTTP server connection whose streams become exchanges, or a TCP tunnel. Freed with its connection. Threads: its
 * worker's. */
#include "proxy/worker.h"

struct peer { /* who is at the other end, as the certificate proves; empty: plain, or without SPIFFE */
    bool mtls;
    struct str spiffe, ns, service;
    struct str xfcc; /* the x-forwarded-client-cert element that says so */
};
extern const struct peer peer_none;

enum down_text { DOWN_REMOTE, DOWN_REMOTE_IP, DOWN_LOCAL, DOWN_LOCAL_IP, DOWN_DIRECT_IP /* of `direct` */, DOWN_TEXTS };
struct down;
typedef void down_f(struct down *d);

struct detect;
struct tcp;

struct down { /* small: thousands of them are idle */
    struct list node;
    struct worker *w;
    struct port *port;
    unsigned chain;           /* the filter chain that took it: the id of the serve_chain; 0: none yet */
    struct lease *last;       /* the chain is no more: what this connection goes on with; else NULL */
    struct transport *tr;     /* until there is a connection */
    struct conn *conn;        /* HTTP, or */
    struct tcp *tcp;          /* octets as they come */
    struct detect *detect;    /* while the chain is not chosen; else NULL */
    struct down_timer *timer; /* private: of down_after */
    const struct peer *peer;
    char *texts; /* private: those of down_text, in one piece */
    struct {
        uint16_t at, len;
    } text[DOWN_TEXTS];      /* private */
    struct addr_kept remote; /* as the PROXY protocol tells, where it does */
    struct ip direct;        /* who is at the other end of the socket */
    uint16_t local_port;
    uint32_t max_requests;  /* 0: any number */
    bool restored;          /* it was redirected here: its local address is where it was going to */
    bool known;             /* `peer` and the texts have been filled */
    bool bad_logged;        /* the malformed body of its last request has its line in the access log */
    struct str server_name; /* SNI, where it was looked at, and of a peer that proved itself */
    struct arena mem;
};

/* What it is served from: the newest form, unless its listener or chain is no more. */
static inline struct lease *down_lease(const struct down *d) {
    return d->last ? d->last : d->port->last ? d->port->last : d->w->lease;
}
static inline struct serve_listener *down_listener(const struct down *d, const struct lease *l) { /* NULL: none yet */
    return l ? serve_listener_get(l->serve, d->port->id) : NULL;
}
void down_learn(struct down *d, const struct transport *tr); /* who is there: fills peer and the texts; once */
static inline struct str down_text(const struct down *d, enum down_text which) { /* of one that is known; lives as long as it */
    return str_n(d->texts + d->text[which].at, d->text[which].len);
}
/* Calls cb once, after so long, if the connection is still there; in place of an earlier one. */
void down_after(struct down *d, uint64_t us, down_f *cb);
void down_free(struct down *d); /* its transport, connection or tunnel is gone; the worker may stop with it */
