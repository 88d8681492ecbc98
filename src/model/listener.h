// SPDX-License-Identifier: Apache-2.0
#pragma once
/* listener: where connections come in, and what happens to them (envoy.config.listener.v3.Listener, HttpConnectionManager). */
#include "model/rbac.h"
#include "model/ref.h"
#include "model/secret.h"
struct route_table;

enum listener_direction { LISTENER_UNSPECIFIED, LISTENER_INBOUND, LISTENER_OUTBOUND };
enum xfcc_mode { XFCC_SANITIZE, XFCC_FORWARD_ONLY, XFCC_APPEND_FORWARD, XFCC_SANITIZE_SET, XFCC_ALWAYS_FORWARD_ONLY };

struct hcm { /* HTTP connection manager */
    struct str stat_prefix;
    enum { HCM_AUTO, HCM_HTTP1, HCM_HTTP2 } codec;
    struct str rds_name; /* route table by name; "*" (weft's outbound): the table named after the target service, asked for on
                            first use */
    struct route_table *routes; /* inline; a reference, released by fini; else NULL */
    struct rbac *rbac;          /* NULL: everything passes */
    bool use_remote_address;    /* edge: the peer's forwarding headers are not believed */
    bool generate_request_id;
    enum xfcc_mode xfcc;
    bool access_log; /* JSON to stdout, Istio's keys */
    bool tracing;
    uint32_t trace_sampling;   /* of new traces, in millionths */
    bool metrics;              /* observability.metrics_enabled: Istio's metrics are kept */
    bool trust_source_headers; /* weft: plaintext callers are whom X-Source-* says */
    uint64_t idle_timeout_us;  /* 0: default */
    uint32_t max_head;         /* octets; 0: default */
    struct str server_name;
};

struct filter_chain {
    struct str name;
    enum { CHAIN_ANY, CHAIN_TLS, CHAIN_RAW } transport; /* FilterChainMatch.transport_protocol: "", "tls", "raw_buffer" */
    struct tls_context *tls;                            /* terminates TLS; NULL: none */
    struct hcm hcm;
};

struct listener { /* a resource (LDS) */
    struct ref ref;
    struct str name;
    struct str address; /* IP literal or "unix:PATH"; a sidecar binds where its flags say instead */
    uint16_t port;
    enum listener_direction direction;
    struct filter_chain *chains;
    size_t n_chains;
};
struct listener *listener_new(void);
