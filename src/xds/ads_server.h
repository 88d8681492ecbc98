// SPDX-License-Identifier: Apache-2.0
#pragma once
/* ads_server: the control plane's end of ADS, delta and state of the world (xds.md §1.3 to §1.6): one ads_stream per client, each
 * type a sub-stream with its own subscription, wildcard state, versions acked and in flight. A state-of-the-world response about
 * listeners or clusters holds all there are for the client; of the other types what has changed, or was asked for. A name that
 * was asked for and is not there is said to be NOT_FOUND (resource_errors), in delta beside its removal. A cluster
 * that has gone stays with a client that has it until it goes by the listeners and routes it was told (§7.6, trap 16). And who
 * takes all clusters is told an update of routes when it has accepted them and been sent the endpoints of new ones (§1.7).
 *
 * Push: the owner marks names dirty; the stream looks the newest resource up in the source when it sends, so a slow client costs
 * a set of names and never a queue of messages: it stops generating while ADS_QUEUE octets wait. A rejected version is not
 * resent (NACK kept: last_nack). Threads: the control loop. Tests: tests/unit/xds/ads_server.c */
#include "http/call.h"
#include "xds/ads_state.h"
#include "xds/xds.h"
struct ads_stream;

/* Octets that wait for a client at most, but for one resource (state of the world: one response). A little below 16 KiB, so that
 * with its frame's head it fits a buffer of that size: a thousand clients wait at once (docs/decisions/0045). */
#define ADS_QUEUE (15u * 1024u)

struct ads_node {               /* who a client says it is: slices valid during the call, ADS_NAME_MAX at most, or empty */
    struct str id, service, ns; /* Node.id, Node.cluster, metadata NAMESPACE */
    struct str agent;           /* Node.user_agent_name */
    /* What only a client that is not weft's tells, in metadata: WEFT_ID; as "IP:PORT" WEFT_APP, WEFT_INBOUND, WEFT_OUTBOUND;
     * WEFT_PROTOCOL; WEFT_CERTIFICATES, the directory of its files. (xds-client of gRPC: the same.) */
    struct str instance, app, inbound, outbound, protocol, certificates;
};

struct ads_source { /* where resources come from: control/compile */
    /* The resource as it is now (borrowed until the loop's next turn), or NULL when there is none. May compile it on demand. */
    struct xds_resource *(*get)(void *ctx, struct ads_stream *s, enum xds_type type, struct str name);
    /* Calls `each` for every resource of a type: wildcard subscriptions. */
    void (*all)(void *ctx, struct ads_stream *s, enum xds_type type, void (*each)(void *arg, struct xds_resource *r), void *arg);
    /* Subscription changes, so that the owner knows who needs what: a name, once each, or (`all`) "*". May be NULL. */
    void (*subscribed)(void *ctx, struct ads_stream *s, enum xds_type type, struct str name, bool all, bool on);
    /* The node was told (first request); < 0 and *e refuses the stream, by its code. May be NULL. */
    int (*node)(void *ctx, struct ads_stream *s, const struct ads_node *n, struct err *e);
    void (*nack)(void *ctx, struct ads_stream *s, enum xds_type type, struct str message); /* also ACKs end here: acked */
    void (*acked)(void *ctx, struct ads_stream *s, enum xds_type type);
    /* All that could be sent has been: a flush that was not stopped by ADS_QUEUE. After every such flush. May be NULL. */
    void (*sent)(void *ctx, struct ads_stream *s);
    void (*closed)(void *ctx, struct ads_stream *s); /* the stream is gone after this */
    void *ctx;
    struct ads_texts *texts; /* borrowed: of all streams of this source; empty when they have closed */
    /* A response of so many octets has been handed to the call; a request told a nonce of which none waited. May be NULL. */
    void (*response)(void *ctx, struct ads_stream *s, enum xds_type type, size_t octets);
    void (*expired)(void *ctx, struct ads_stream *s, enum xds_type type);
};
/* For a call that has just opened on /envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources or, `sotw`,
 * StreamAggregatedResources. The stream lives as long as the call. `src` is borrowed. */
struct ads_stream *ads_stream_open(struct call *c, const struct ads_source *src, bool sotw);
extern const struct call_cb ads_stream_call_cb; /* the call's callbacks: for the method table */
void ads_stream_dirty(struct ads_stream *s, enum xds_type type,
                      struct str name);      /* has changed or gone; sent at ads_stream_flush when subscribed */
void ads_stream_flush(struct ads_stream *s); /* sends what is dirty, in the order CDS, EDS, LDS, RDS, SDS, removals last */
void ads_stream_close(struct ads_stream *s, int grpc_status, struct str message);
void *ads_stream_user(const struct ads_stream *s);
void ads_stream_set_user(struct ads_stream *s, void *user);
struct str ads_stream_node(const struct ads_stream *s);
bool ads_stream_wants(const struct ads_stream *s, enum xds_type type, struct str name);
