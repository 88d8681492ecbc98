// SPDX-License-Identifier: Apache-2.0
#pragma once
/* listener: where connections come in, which filter chain takes each, and what that does with it: HTTP, or octets as they come
 * (envoy.config.listener.v3.Listener, HttpConnectionManager, TcpProxy). */
#include "codec/compress.h"
#include "codec/ip.h"
#include "model/format.h"
#include "model/h2_options.h"
#include "model/rbac.h"
#include "model/ref.h"
#include "model/secret.h"
struct route_table;

enum listener_direction { LISTENER_UNSPECIFIED, LISTENER_INBOUND, LISTENER_OUTBOUND };
enum xfcc_mode { XFCC_SANITIZE, XFCC_FORWARD_ONLY, XFCC_APPEND_FORWARD, XFCC_SANITIZE_SET, XFCC_ALWAYS_FORWARD_ONLY };

#define COMPRESS_MIN_LENGTH 30u /* of a filter that does not say */

struct compressor_filter { /* envoy.extensions.filters.http.compressor.v3.Compressor: responses only */
    struct str name;       /* of the filter: what a route switches off */
    struct compress_cfg cfg;
    bool off;             /* but for the routes' sake */
    bool choose_first;    /* among codings that the client likes equally */
    bool disable_on_etag; /* a response with an entity tag is left alone; else a strong one is removed, ... */
    bool weaken_etag;     /* ... or made weak */
    bool remove_accept;   /* Accept-Encoding does not go upstream */
    uint32_t min_length;
    struct str *types; /* media types; none: the usual ones (policy/coding.c) */
    size_t n_types;
    uint16_t *spared; /* statuses of responses that are left alone */
    size_t n_spared;
};

enum log_filter_kind { LOG_STATUS, LOG_DURATION, LOG_FLAGS, LOG_REAL /* no health check */, LOG_AND, LOG_OR };
enum log_op { LOG_EQ, LOG_GE, LOG_LE };
struct log_filter { /* which requests are logged (policy/log_filter.h) */
    enum log_filter_kind kind;
    enum log_op op; /* LOG_STATUS, LOG_DURATION: against value, of milliseconds there */
    uint32_t value;
    struct str *flags; /* LOG_FLAGS: one of these; none: any */
    size_t n_flags;
    struct log_filter *subs; /* LOG_AND, LOG_OR */
    size_t n_subs;
};

/* An access log as Envoy has it: a line of text, or an object. */
struct log_key {
    struct str key;
    struct format value;
};
struct access_log {
    struct str path;           /* a file, "/dev/stdout" or "/dev/stderr" */
    struct log_filter *filter; /* NULL: every request */
    struct format text;
    struct log_key *keys;
    size_t n_keys;
    bool omit_empty; /* keys without a value are left out, else null; in a text nothing stands for it, else - */
};
struct access_logs { /* of a chain */
    struct access_log *at;
    size_t n;
    unsigned n_resp; /* operators in all of them that are of the response's head */
};

enum server_header { SERVER_OVERWRITE, SERVER_IF_ABSENT, SERVER_PASS };
enum escaped_slashes { SLASHES_KEEP, SLASHES_REJECT, SLASHES_REDIRECT, SLASHES_FORWARD };
enum strip_port { PORT_KEEP, PORT_STRIP_MATCHING, PORT_STRIP_ANY };
enum underscores { UNDERSCORES_ALLOW, UNDERSCORES_REJECT, UNDERSCORES_DROP };

struct hcm { /* HTTP connection manager */
    struct str stat_prefix;
    enum { HCM_AUTO, HCM_HTTP1, HCM_HTTP2 } codec;
    struct str rds_name;   /* route table by name; "*" (weft's outbound): the table named after the target service, asked for on
                              first use */
    uint64_t rds_fetch_us; /* as secret_ref.fetch_us */
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
    uint64_t connection_us;    /* the life of a connection: then it is drained; 0: without end */
    uint32_t max_requests;     /* of a connection; 0: any number */
    struct h2_options h2;
    uint32_t max_head; /* octets; 0: default */
    struct str server_name;
    struct compressor_filter *compressors; /* in the order of the configuration */
    size_t n_compressors;
    /* What an Envoy's would do beside, in listeners of a bootstrap or a foreign control plane (proxy/edge.h). */
    struct access_logs logs;
    enum server_header server_header;
    struct str via;                                 /* empty: none */
    uint32_t trusted_hops;                          /* xff_num_trusted_hops */
    bool skip_xff_append, forwarded_port;           /* x-forwarded-port is added where it is not there */
    bool preserve_request_id, request_id_in_answer; /* a caller's from outside is kept; it is told in responses */
    bool normalize_path, merge_slashes;
    enum escaped_slashes escaped_slashes;
    enum strip_port strip_port;
    bool strip_dot; /* of the host's name */
    enum underscores underscores;
    bool suppress_envoy;                                     /* the router adds no x-envoy-* */
    uint32_t max_headers;                                    /* fields of a request; 0: default */
    uint64_t stream_idle_us, request_us, head_us, stream_us; /* 0: default, or none */
    struct str *upgrades;                                    /* types that are allowed */
    size_t n_upgrades;
};

struct tcp_cluster {
    struct str cluster;
    uint32_t weight;
};
#define TCP_BY_TARGET                                                                                                            \
    "*"            /* weft's outbound, the only cluster: that of the service which the connection is for (proxy/reach.h)         \
                    */
struct tcp_proxy { /* octets as they come, both ways (envoy.extensions.filters.network.tcp_proxy.v3) */
    struct str stat_prefix;
    struct tcp_cluster *clusters; /* one, or a split by weight */
    size_t n_clusters;
    uint64_t idle_timeout_us;      /* without an octet either way; 0: 1 h; UINT64_MAX: none */
    uint32_t max_connect_attempts; /* 0: 1 */
    bool hash_source_ip;           /* hash_policy: what a hashing balancer goes by */
    bool access_log, metrics;      /* as in struct hcm */
    struct access_logs logs;       /* likewise */
};

enum chain_transport { CHAIN_ANY, CHAIN_TLS, CHAIN_RAW }; /* "", "tls", "raw_buffer" */
enum chain_source { CHAIN_SOURCE_ANY, CHAIN_SOURCE_LOCAL /* the same IP, or loopback */, CHAIN_SOURCE_EXTERNAL };

/* FilterChainMatch: which connections a chain takes; what is empty takes any. Judged in policy/chain.h. */
#define LISTENER_OWN_PAGES "weft.own" /* among `protocols`: a plain request for /health or /metrics */
#define LISTENER_OCTETS                                                                                                          \
    "weft.octets" /* likewise: was redirected here, and is taken by nobody else or spoken to before it speaks */
struct chain_match {
    uint16_t destination_port; /* 0: any */
    enum chain_transport transport;
    enum chain_source source_type;
    struct ip_range *destinations, *direct_sources, *sources;
    size_t n_destinations, n_direct_sources, n_sources;
    struct str *server_names; /* lower case; "*.example.com" stands for all that end in ".example.com" */
    size_t n_server_names;
    struct str *protocols; /* ALPN */
    size_t n_protocols;
    uint16_t *source_ports;
    size_t n_source_ports;
};

struct filter_chain {
    struct str name;
    struct chain_match match;
    struct tls_context *tls; /* terminates TLS; NULL: none */
    enum { CHAIN_HTTP, CHAIN_TCP } kind;
    struct hcm hcm;           /* CHAIN_HTTP */
    struct tcp_proxy tcp;     /* CHAIN_TCP */
    struct rbac *rbac;        /* of the connection, before anything is done with it (network RBAC); NULL: everything passes */
    struct rbac *rbac_shadow; /* what it would say is counted; NULL: none */
    struct str rbac_stats, shadow_stats; /* prefixes of the counters' names */
};

struct listener { /* a resource (LDS) */
    struct ref ref;
    struct str name;
    struct str address; /* IP literal or "unix:PATH"; a sidecar binds where its flags say instead */
    uint16_t port;
    uint32_t mode; /* of a unix socket's file; 0: as the umask has it */
    bool api;      /* gRPC's clients: nothing is bound, the first chain's HTTP routes are the channel's; encoded only */
    enum listener_direction direction;
    struct filter_chain *chains;
    size_t n_chains;
    struct filter_chain *fallback; /* default_filter_chain: where no chain matches; NULL: such a connection is closed */
    struct {                       /* what stands before all else on its connections (listener filter proxy_protocol) */
        bool on;
        bool optional;     /* a connection without it is taken as it is */
        bool no_v1, no_v2; /* versions that are refused */
    } proxy_protocol;
    bool original_dst;          /* where a connection went before it was redirected here (netfilter) is where it goes */
    uint64_t detect_timeout_us; /* listener_filters_timeout: for what must be known before a chain can be chosen; 0: 15 s;
                                   UINT64_MAX: none */
    bool continue_on_timeout;   /* then the chain is chosen with what is known; else the connection is closed */
};
bool tcp_by_target(const struct tcp_proxy *t);
struct listener *listener_new(void);
/* What must be known of a connection before its chain can be chosen. */
enum {
    LISTENER_NEEDS_TLS = 1,   /* is it TLS? */
    LISTENER_NEEDS_HELLO = 2, /* SNI or ALPN of the ClientHello */
    LISTENER_NEEDS_PROXY = 4, /* the PROXY protocol's header */
};
unsigned listener_needs(const struct listener *l);

bool chain_match_is_any(const struct chain_match *m);                          /* has no condition */
bool chain_match_eq(const struct chain_match *a, const struct chain_match *b); /* written the same */
/* Is there a connection that both take, neither being the more specific? Such chains cannot be told apart. */
bool chain_match_clash(const struct chain_match *a, const struct chain_match *b);
