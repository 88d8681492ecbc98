// SPDX-License-Identifier: Apache-2.0
#pragma once
/* reach: where a connection of the app's goes that no request speaks for: to the service that its SNI names (contract §3,
 * Outbound, the same names), or that has the address which it was going to when it was redirected here, by that service's traffic
 * rules. The route table is asked for on first use, as for requests.
 * Threads: the worker's. Tests: tests/scenario/b082_sni_to_service.py, b171_redirected_tcp.py */
#include "proxy/down.h"

enum reach_verdict {
    REACH_FOUND,
    REACH_WAIT,       /* resume() comes, once, from the loop: ask again, by the newest form */
    REACH_NO_TARGET,  /* nothing names a service */
    REACH_NO_SERVICE, /* no such service, or none that takes octets */
    REACH_REQUESTS,   /* of reach_original: of a service that takes no octets */
    REACH_AWAY,       /* it was never used, and the control plane is away */
};
struct reach { /* embed; zeros to begin with */
    struct worker_waiter waiter;
    void (*resume)(struct reach *r); /* the owner's to set */
    struct str name;                 /* of the route table; in the connection's arena */
    bool asked, away;
    /* REACH_FOUND; of the form that was asked */
    struct str cluster;
    uint32_t attempts; /* connects at most */
    bool hashed;       /* `hash` is what a hashing balancer goes by */
    uint64_t hash;
};

enum reach_verdict reach_find(struct reach *r, struct down *d, const struct serve *s);
/* Before anything came, of a connection that was redirected: does the service that has its address take octets (_FOUND)? Names
 * lie in `mem`. */
enum reach_verdict reach_original(struct reach *r, struct down *d, const struct serve *s, struct arena *mem);
void reach_cancel(struct reach *r);
