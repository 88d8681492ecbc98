// SPDX-License-Identifier: Apache-2.0
#pragma once
/* link: the proxy's one HTTP/2 connection to its control plane: dials, reconnects with exponential back-off and jitter (0.5 s,
 * x1.6, at most 5 s; reset once an ADS response came), and carries three things: ADS (delta; to a control plane that is
 * not weft's also state of the world), certificate requests, the Session.
 * Losing it never loses configuration.
 *
 * ADS client: subscriptions are remembered over reconnects; on a new stream the versions still held are announced, so that delta
 * resends nothing. Every response is answered by exactly one ACK or NACK; a NACK names the resource and reason, the valid
 * resources of that response are kept (xds.md §1.3). Threads: its loop only (the proxy's main thread). Tests:
 * tests/unit/xds/link.c, link_sotw.c, tests/interop/i040_control_plane_go.py */
#include "io/addr.h"
#include "io/loop.h"
#include "xds/xds.h"
struct tls_ctx;

/* The methods on a link; of the first two, one. */
#define LINK_ADS_PATH "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
#define LINK_SOTW_PATH "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
#define LINK_SESSION_PATH "/weft.v1.Node/Session"
#define LINK_SIGN_PATH "/istio.v1.auth.IstioCertificateService/CreateCertificate"

struct node {               /* who the proxy says it is */
    struct str id;          /* "weft~IP~ID.NAMESPACE~TRUST-DOMAIN" */
    struct str service, ns; /* Node.cluster = service; Node.metadata: NAMESPACE, SERVICE, WEFT_VERSION */
};

/* What a sidecar tells about itself when the session begins (weft.v1.Hello); slices copied. */
struct hello {
    struct str id, service, ns;
    struct str app_ip;
    uint16_t app_port; /* port 0: calls only, no endpoint */
    struct str protocol, health_check_path;
    struct str inbound_ip;
    uint16_t inbound_port;    /* what peers are told; 0: none */
    const struct str *labels; /* "k=v" */
    size_t n_labels;
    uint64_t boot_id; /* random per process start: counters are absolute within it */
    bool takes_over;  /* it serves in place of an older process, which has the same id (proxy/takeover.h) */
    struct str version;
};
struct session_stats { /* absolute since the proxy started: weft.v1.Stats; also what GET /api/v1/metrics sums */
    uint64_t inbound_requests, outbound_requests, request_errors;
    uint64_t requests_routed, routing_failures, backend_failures;
};

#define LINK_FAILURES_MAX 64u
struct host_failures { /* weft.v1.Failures: of one host, since it was last told of */
    struct str cluster, ip;
    uint16_t port;
    uint64_t failures;
};

struct link;
struct link_cb {
    /* A resource came and was decoded; take a reference to keep it. < 0 and *e: it is NACKed (the last good one stays). */
    int (*on_resource)(void *ctx, enum xds_type type, struct str name, void *resource, struct err *e);
    void (*on_removed)(void *ctx, enum xds_type type, struct str name); /* removed, or asked for and not there */
    void (*on_response)(void *ctx);                    /* a whole ADS response has been told: time to build a snapshot */
    void (*on_up)(void *ctx);                          /* connected: streams are open */
    void (*on_down)(void *ctx, const struct err *why); /* also after each attempt that failed */
    void (*on_drain)(void *ctx);                       /* the control plane asks us to drain */
    void (*on_answer)(void *ctx, enum xds_type type);  /* a response about that type, before on_response; may be NULL */
    /* The control plane has no such resource, or none for us now (resource_errors); may be NULL. Where it is said to be not found
     * on_removed has come before; else what was held stays. */
    void (*on_missing)(void *ctx, enum xds_type type, struct str name, const struct err *why);
    /* The hello was taken, on each connection after on_up. ca_hash: lower-case hex SHA-256 of the certificate that leaves are
     * signed by there; empty: an older control plane, which does not say. May be NULL. */
    void (*on_welcome)(void *ctx, struct str ca_hash);
};
struct link_cfg {
    struct addr control;
    struct tls_ctx *tls;          /* NULL: plain (--dev) */
    const struct tls_context *as; /* whose sni is said and of whose SANs the server must have one; borrowed; NULL: none */
    struct node node;             /* copied */
    struct str foreign; /* a packed envoy.config.core.v3.Node (copied): the control plane is not weft's, so there is only ADS,
                         * and this is who we say we are. ptr NULL: it is */
    bool sotw;          /* state of the world is spoken, not delta: for a control plane that is not weft's */
    struct hello hello; /* copied; sent at every connect */
    struct link_cb cb;
    void *ctx;
};
struct link *link_start(struct loop *l, const struct link_cfg *cfg);
/* Says Leaving and ends streams when connected; then closes, for which the loop must go on running (1 s at most). No callback
 * comes any more. */
void link_stop(struct link **l);
void link_leave(struct link *l); /* Leaving now (drain begins): out of the registry at once; the connection stays */
/* Another process has our place in the registry: no Leaving is said at the end, and no Hello after a reconnect. */
void link_keep_place(struct link *l);
bool link_is_up(const struct link *l);
void link_subscribe(struct link *l, enum xds_type type, struct str name); /* remembered; nothing when subscribed already */
void link_unsubscribe(struct link *l, enum xds_type type, struct str name);
/* What is held from a kept configuration: announced in initial_resource_versions. */
void link_held(struct link *l, enum xds_type type, struct str name, struct str version);
void link_stats(struct link *l, const struct session_stats *s); /* sent when it changed */
void link_health(struct link *l, bool healthy);                 /* of the local app; remembered and sent */
/* Passive health, at most LINK_FAILURES_MAX hosts. Nothing is remembered: false when there is no session to tell it to. */
bool link_failures(struct link *l, const struct host_failures *of, size_t n);
/* A certificate for our key (istio.v1.auth.IstioCertificateService/CreateCertificate). chain_pem: leaf and intermediates; ca_pem:
 * the root. Fails with WEFT_E_UNAVAILABLE when not connected, with WEFT_E_TIMEOUT after 10 s. One at a time; valid in the
 * callback, which never comes before link_sign returns. */
typedef void link_cert_f(void *ctx, int code, struct str chain_pem, struct str ca_pem, const struct err *e);
void link_sign(struct link *l, struct str csr_pem, link_cert_f *done, void *ctx);
