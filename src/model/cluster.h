// SPDX-License-Identifier: Apache-2.0
#pragma once
/* cluster: a group of endpoints that serve the same thing, and how to reach them (envoy.config.cluster.v3.Cluster). */
#include "model/h2_options.h"
#include "model/rbac.h"
#include "model/ref.h"
#include "model/secret.h"

enum cluster_type { CLUSTER_STATIC, CLUSTER_EDS, CLUSTER_STRICT_DNS, CLUSTER_ORIGINAL_DST };
/* ROUND_ROBIN: plain when all weights are equal, smooth weighted otherwise (the control plane leaves weights out for
 * `round_robin`). */
enum lb_policy { LB_ROUND_ROBIN, LB_LEAST_CONN, LB_RANDOM, LB_MAGLEV, LB_RING_HASH, LB_EWMA };
enum cluster_dns { CLUSTER_DNS_AUTO, CLUSTER_DNS_V4, CLUSTER_DNS_V6, CLUSTER_DNS_V4_PREFERRED, CLUSTER_DNS_ALL };
enum cluster_proto { CLUSTER_HTTP1, CLUSTER_HTTP2, CLUSTER_AUTO /* as ALPN says */ };

enum check_kind { CHECK_HTTP, CHECK_GRPC, CHECK_TCP };
struct check_range { /* from <= status < to */
    uint16_t from, to;
};
struct health_check { /* envoy.config.core.v3.HealthCheck */
    bool enabled;
    enum check_kind kind;
    bool h2;         /* CHECK_HTTP: over HTTP/2 */
    struct str path; /* CHECK_HTTP; CHECK_GRPC: the service that is asked about, may be empty */
    struct str host; /* its authority; empty: the cluster's name */
    struct check_range *expect;
    size_t n_expect; /* statuses that are healthy; n 0: 200 */
    struct str send; /* CHECK_TCP */
    struct str *receive;
    size_t n_receive;
    uint64_t interval_us, timeout_us;
    uint64_t jitter_us; /* a random part of it is added to each interval; 0: intervals vary by 10 % */
    uint32_t healthy_threshold, unhealthy_threshold;
};

struct cluster_limits { /* envoy CircuitBreakers.Thresholds, and weft's three-state breaker beside it */
    uint32_t max_connections, max_pending, max_requests; /* 0: none stated */
    uint32_t failure_threshold, success_threshold;       /* 0: no breaker */
    uint64_t recovery_us;
};

struct endpoints;

struct cluster { /* a resource (CDS) */
    struct ref ref;
    struct str name;
    enum cluster_type type;
    struct str eds_name;                /* CLUSTER_EDS: whose endpoints; empty: name */
    uint64_t eds_fetch_us;              /* as secret_ref.fetch_us */
    struct endpoints *inline_endpoints; /* STATIC, STRICT_DNS; a reference, released by fini */
    /* STRICT_DNS: the addresses of each endpoint's name */
    enum cluster_dns dns_family;
    uint64_t dns_refresh_us; /* how often a name is asked for; 0: 5 s */
    bool dns_ttl;            /* as often as its TTL says */
    bool dns_logical;        /* LOGICAL_DNS: only the first address of its name */
    enum lb_policy lb;
    uint32_t panic; /* percent of healthy endpoints below which all are used, and 1; 0: not stated (policy/priority.h) */
    enum cluster_proto proto;
    uint64_t connect_timeout_us; /* 0: 5 s */
    struct h2_options h2;
    /* HTTP/2 connections: PING after so much silence, and how long the answer may take; 0: the proxy's defaults */
    uint64_t keepalive_us, keepalive_timeout_us;
    struct tls_context *tls; /* for endpoints with mtls (mesh), or for all (tls_always); NULL: plain */
    bool tls_always;       /* bootstrap: every endpoint; false: those whose endpoint says mtls (Envoy: transport_socket_matches on
                              tlsMode) */
    struct {               /* CLUSTER_ORIGINAL_DST: beside where the connection was going to */
        struct str header; /* lower case: whose value, IP:PORT, says it instead; empty: none */
        uint16_t port;     /* over the one that was found; 0: none */
    } original;
    unsigned proxy_protocol; /* version of the PROXY protocol that connections begin with; 0: none */
    struct rbac *plain_rbac; /* mesh: what the caller's sidecar enforces for its own identity on endpoints without a sidecar;
                              * NULL: nothing. On the wire: Cluster.metadata.typed_filter_metadata["weft.rbac"] =
                              * Any(envoy.config.rbac.v3.RBAC) */
    uint64_t stream_us;      /* of an upstream stream, as long as it may take; 0: any time */
    uint32_t max_requests;   /* of a connection; 0: any number */
    struct health_check check;
    struct cluster_limits limits;
};
struct cluster *cluster_new(void);
