// SPDX-License-Identifier: Apache-2.0
#pragma once
/* probe: a health check on a schedule, by the protocol of who is checked: HTTP (GET path, over HTTP/1.1 or HTTP/2), gRPC
 * (grpc.health.v1.Health/Check), or TCP (a connection; octets sent and awaited where so configured, http/probe_tcp.h). First
 * check one jittered interval after the start, unless it is to be at once, then every interval +- 10 %. The control plane checks
 * endpoints without a sidecar with it, a sidecar its own app, a static proxy the hosts of its clusters. Results go to the owner;
 * thresholds are policy/check.h's. Probes of one gate share a bound of checks under way; whoever is due above it waits its turn.
 * Threads: its loop. Tests: tests/unit/http/probe.c */
#include "http/fetch.h"
#include "http/probe_tcp.h"

enum probe_kind { PROBE_HTTP, PROBE_GRPC, PROBE_TCP };
enum probe_result {
    PROBE_SILENT,  /* no answer, or none that can be understood */
    PROBE_REFUSED, /* an answer that says no */
    PROBE_HEALTHY
};

struct probe_gate {
    struct loop *loop;
    unsigned max, under_way;
    struct list waiting; /* private: probes that are due, the first to come first */
    struct task task;    /* private */
};
void probe_gate_init(struct probe_gate *g, struct loop *l, unsigned max);
void probe_gate_fini(struct probe_gate *g); /* after its probes */

struct probe;
typedef void probe_f(void *ctx, enum probe_result r); /* may stop the probe */
struct probe_statuses {                               /* of HTTP, that are healthy: from <= status < to */
    unsigned from, to;
};
struct probe_cfg {
    enum probe_kind kind;
    enum conn_proto proto; /* HTTP: CONN_AUTO or CONN_H1: HTTP/1.1 (unless ALPN says h2); CONN_H2. gRPC: always HTTP/2 */
    struct addr addr;
    /* How it is reached, where that is more than the address: a transport that has not told TR_OPEN. NULL: sock_dial. */
    struct transport *(*dial)(void *ctx, struct loop *l, uint64_t timeout_us);
    bool tls;                            /* what `dial` dials is encrypted */
    struct str authority, path;          /* copied. gRPC: path is the service that is asked about; may be empty */
    bool grpc_optional;                  /* gRPC: who answers, but has no health service, is healthy */
    const struct probe_statuses *expect; /* borrowed as long as the probe; n 0: 2xx */
    size_t n_expect;
    const struct probe_octets *octets; /* NULL: none */
    bool at_once;                      /* the first check */
    bool spread; /* else: the first check, and the next after another pace, comes half an interval early or late, so that
                  * many that begin together are not checked together */
    struct probe_gate *gate; /* borrowed; NULL: none */
    uint64_t interval_us, timeout_us;
    uint64_t more_us; /* 0: intervals vary by 10 %; else a random part of this is added to each */
};
struct probe *probe_start(struct loop *l, const struct probe_cfg *cfg, probe_f *on_result, void *ctx);
/* Another address, path, protocol or schedule; a check under way is dropped when it would now be another one. */
void probe_set(struct probe *p, const struct probe_cfg *cfg);
/* There is reason to doubt what the last check said: the next comes within a tenth of the interval, 1 s at most, but not before a
 * quarter of the interval is over since the last began, so that whoever tells of doubts cannot make us ask without end. */
void probe_hurry(struct probe *p);
void probe_stop(struct probe **p);
