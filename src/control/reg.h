// SPDX-License-Identifier: Apache-2.0
#pragma once
/* reg: the registry: the endpoints of every service, from registrations and from connected sidecars, merged as contract §3 says.
 *
 * A sidecar is an endpoint from when its hello is durable (mesh: STORE_SIDECAR) until it says that it leaves, or its session has
 * been lost for REG_GRACE. A registration with its address is the same endpoint, so it leaves with it too, and comes back with it
 * or when it is registered anew: traffic never falls back to plain text by itself. After a restart the sidecars that the store
 * knows begin in their grace. While several were lost and no proxy at all is heard, it is rather we who are cut off: the grace
 * then begins anew, until somebody is back (decision 0042). Who flaps is held out (control/flaps.h), unless nothing else of the
 * service is healthy. Threads: the control loop. Time comes from the loop's clock. Tests: tests/unit/control/reg.c */
#include "base/map.h"
#include "control/flaps.h"
#include "control/mesh.h"
#include "control/owners.h"
#include "io/timer.h"

#define REG_RETRY (1 * 1000000ull)  /* until a hello that is not durable yet is written again */
#define REG_GRACE (15 * 1000000ull) /* microseconds */

struct reg;
struct sidecar {
    struct reg *reg;
    char *key, *service_key; /* "NS/NAME/ID", "NS/NAME" */
    json_t *hello;           /* as sidecar_json makes it; NULL: not yet durable */
    /* slices of hello */
    struct str id, app_ip, protocol, health_path, inbound_ip;
    uint16_t app_port, inbound_port;
    json_t *labels;
    uint64_t order;
    void *session;      /* who holds it now; NULL: lost, or not back since our restart */
    bool leaving;       /* out of rotation; forgotten once the store says so */
    bool forgotten;     /* its deletion is under way: a new hello must be written again */
    bool healthy;       /* of its app */
    bool doubtful;      /* found in the store at the start, and nothing has been learnt of its health since */
    uint64_t failures;  /* of attempts, as proxies tell */
    double seen;        /* Unix seconds: before its present health or session began; see reg_seen */
    struct timer grace; /* with a session: until its hello is written again */
    json_t *wanted;     /* the hello of its session, where that is news */
};

struct reg_endpoint { /* the merged view; slices as long as the view */
    struct str id, ip, protocol, health_path;
    uint16_t port;
    uint32_t weight;
    json_t *labels; /* a reference of the view's */
    const json_t *ttl;
    struct registration *registration; /* NULL: a sidecar of its own */
    struct sidecar *sidecar;           /* NULL: reached directly */
    bool healthy;
    uint64_t order;
};
struct reg_view { /* of one service, in order of addition */
    struct reg_endpoint *at;
    size_t n, n_healthy;
};

struct reg_cfg {
    void (*touched)(void *ctx, struct str service); /* its endpoints may have changed; reg_view is current */
    /* The health of a registration (STORE_ENDPOINT) or a sidecar has changed; key: "NS/NAME/ID". May be NULL. */
    void (*health)(void *ctx, enum store_kind kind, struct str key);
    /* Proxies say that attempts at it fail, and we check it ourselves: now would be the time. May be NULL. */
    void (*suspect)(void *ctx, const struct registration *g);
    /* Another service owns the address now (see reg_owner), or none. May be NULL. */
    void (*moved)(void *ctx, struct str address);
    void *ctx;
};
struct reg {
    struct mesh *mesh;
    struct reg_cfg cfg;
    struct map sidecars; /* key -> struct sidecar */
    struct map services; /* key -> struct reg_service (private): those with a sidecar or a view */
    struct flaps flaps;
    struct owners owners; /* of addresses; kept from the first question on */
    struct map unsettled; /* services whose addresses `owners` does not have yet */
    bool asked;           /* for an owner, ever */
    unsigned here;        /* sidecars with a session */
    bool deaf;            /* there were several, and none is here any more */
};
void reg_init(struct reg *r, struct mesh *m, const struct reg_cfg *cfg);
void reg_fini(struct reg *r);

/* From the mesh's `changed`: an endpoint or sidecar was put or deleted. */
void reg_applied(struct reg *r, const struct mesh_change *ch);
void reg_touch(struct reg *r, struct str service);
void reg_health(struct reg *r, struct registration *g, bool healthy); /* what a check says */

/* Passive health: a proxy's attempts failed at that address of a cluster ("NS/NAME" or a subset of it). It is counted, and the
 * next check comes sooner; it takes nobody out of rotation (decision 0042). What is not known is passed over. */
void reg_failures(struct reg *r, struct str cluster, struct str ip, uint16_t port, uint64_t n);

/* ---- sessions ---- */
/* A proxy has said hello: `hello` (taken over) is written to the store when it is news. A later session of the same key wins. */
struct sidecar *reg_hello(struct reg *r, struct str key, json_t *hello, void *session);
struct sidecar *reg_sidecar(const struct reg *r, struct str key);
void reg_leaving(struct sidecar *s);                         /* at once */
void reg_lost(struct reg *r, struct str key, void *session); /* the session has ended: grace, unless another holds it */
void reg_sidecar_health(struct sidecar *s, bool healthy);

/* ---- reading ---- */
const struct reg_view *reg_view(struct reg *r, struct str service); /* never NULL; valid until the next change */
/* An absent label has no value, not an empty one. */
bool reg_has_label(const struct reg_endpoint *ep, struct str name, struct str value);
/* Unix seconds of the last registration, hello or successful check; those of a sidecar that is here are going on. */
double reg_seen(const struct reg_endpoint *ep);
bool reg_has(struct reg *r, struct str service); /* has an endpoint, healthy or not */
/* Whose "IP:PORT" (as addr_text writes it) is: the service of the endpoint there, or whose sidecar tells peers that IP and has
 * its app at that port; of several the endpoint that was there first. Empty: nobody's. A loopback address is one only where the
 * endpoint is reached by loopback: docs/decisions/0043. Lives until the next change. */
struct str reg_owner(struct reg *r, struct str address);
void reg_settle_owners(struct reg *r); /* tells what has moved since the last change; nothing before the first question */
/* Every service with an endpoint: names to `each`. */
void reg_each(struct reg *r, void (*each)(void *ctx, struct str service), void *ctx);
