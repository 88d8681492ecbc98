// SPDX-License-Identifier: Apache-2.0
#pragma once
/* xds_int: what the encoders and decoders of the resources share. Encoders make messages in an arena and cannot fail; decoders
 * put model parts into u->to and say with u->e what they refuse. */
#include "cluster.pb-c.h"
#include "endpoint.pb-c.h"
#include "hcm.pb-c.h"
#include "matcher.pb-c.h"
#include "model/snap.h"
#include "rbac.pb-c.h"
#include "route.pb-c.h"
#include "tls.pb-c.h"
#include "weft.pb-c.h"
#include "xds/pack.h"
#include "xds/unpack.h"

#define XDS_RBAC_FILTER "envoy.filters.http.rbac" /* by this name a table speaks of it */
#define XDS_ROUTE_OPTIONS "weft.route"            /* of options of ours */

/* xds_match.c */
Em__StringMatcher *xds__encode_string(struct arena *a, const struct string_match *m);
int xds__decode_string(struct unpack *u, const Em__StringMatcher *w, const char *what, struct string_match *m) MUST_CHECK;
Er__HeaderMatcher *xds__encode_header(struct arena *a, const struct header_match *m);
int xds__decode_header(struct unpack *u, const Er__HeaderMatcher *w, struct header_match *m) MUST_CHECK;
Er__RouteMatch *xds__encode_route_match(struct arena *a, const struct route_match *m);
int xds__decode_route_match(struct unpack *u, const Er__RouteMatch *w, struct route_match *m) MUST_CHECK;
/* A rewrite by a regular expression; regexes are freed by the user's fini, after a failure too. NULL: none. */
Em__RegexMatchAndSubstitute *xds__encode_rewrite(struct arena *a, const struct regex_rewrite *r);
int xds__decode_rewrite(struct unpack *u, const Em__RegexMatchAndSubstitute *w, const char *what,
                        struct regex_rewrite *r) MUST_CHECK;

/* xds_hcm.c: the fields of a connection manager that are those of proxy/edge.h. Errors after which the user releases nothing. */
void xds__encode_hcm_options(struct arena *a, const struct hcm *h, Eh__HttpConnectionManager *w);
int xds__decode_hcm_options(struct unpack *u, const Eh__HttpConnectionManager *w, struct hcm *h) MUST_CHECK;
/* xds_h2.c: options of HTTP/2 connections; w may be NULL */
bool xds__says_h2(const struct h2_options *o); /* is there anything to be said? */
Ec__Http2ProtocolOptions *xds__encode_h2(struct arena *a, const struct h2_options *o);
int xds__decode_h2(struct unpack *u, const Ec__Http2ProtocolOptions *w, struct h2_options *o) MUST_CHECK;
/* xds_log.c: access logs; `json`: with Istio's keys, to standard output */
Eal__AccessLog **xds__encode_logs(struct arena *a, bool json, const struct access_logs *logs, size_t *n);
int xds__decode_logs(struct unpack *u, Eal__AccessLog *const *w, size_t n, bool *json, struct access_logs *to) MUST_CHECK;

/* xds_header.c: header edits. The four lists of a message, each where it has it. */
struct xds__edits {
    size_t *n_set_up, *n_set_down, *n_removed_up, *n_removed_down;
    Ec__HeaderValueOption ***set_up, ***set_down;
    char ***removed_up, ***removed_down;
};
/* Of a message that is written, or read (then through it nothing is changed). */
#define XDS__EDITS(w)                                                                                                            \
    (&(struct xds__edits){(size_t *)&(w)->n_request_headers_to_add, (size_t *)&(w)->n_response_headers_to_add,                   \
                          (size_t *)&(w)->n_request_headers_to_remove, (size_t *)&(w)->n_response_headers_to_remove,             \
                          (Ec__HeaderValueOption ***)&(w)->request_headers_to_add,                                               \
                          (Ec__HeaderValueOption ***)&(w)->response_headers_to_add, (char ***)&(w)->request_headers_to_remove,   \
                          (char ***)&(w)->response_headers_to_remove})
void xds__encode_edits(struct arena *a, const struct edits *e, const struct xds__edits *w);
int xds__decode_edits(struct unpack *u, const struct xds__edits *w, struct edits **out) MUST_CHECK; /* *out NULL: none */

/* xds_check.c: health checks. At most one. */
void xds__encode_check(struct arena *a, const struct health_check *c, Ecl__Cluster *w);
int xds__decode_check(struct unpack *u, const Ecl__Cluster *w, struct health_check *c) MUST_CHECK;

/* xds_rbac.c: *out in u->to; regexes in it are freed with rbac_fini, after a failure too */
Erb__RBAC *xds__encode_rbac(struct arena *a, const struct rbac *r);
int xds__decode_rbac(struct unpack *u, const Erb__RBAC *w, struct rbac *out) MUST_CHECK;

/* xds_tls.c: transport sockets. A socket of NULL or raw_buffer leaves *out NULL. */
Ec__TransportSocket *xds__encode_upstream(struct arena *a, const struct tls_context *t);
Ec__TransportSocket *xds__encode_downstream(struct arena *a, const struct tls_context *t);
int xds__decode_upstream(struct unpack *u, const Ec__TransportSocket *w, struct tls_context **out) MUST_CHECK;
int xds__decode_downstream(struct unpack *u, const Ec__TransportSocket *w, struct tls_context **out) MUST_CHECK;
Ec__DataSource *xds__encode_data(struct arena *a, const struct data_source *d);
int xds__decode_data(struct unpack *u, const Ec__DataSource *w, const char *what, struct data_source *d) MUST_CHECK;

/* xds_endpoint.c */
Ec__Address *xds__encode_address(struct arena *a, struct str address, uint16_t port); /* "unix:PATH" is a pipe */
int xds__decode_address(struct unpack *u, const Ec__Address *w, bool names, struct str *address, uint16_t *port) MUST_CHECK;
Ee__ClusterLoadAssignment *xds__encode_assignment(struct arena *a, const struct endpoints *eps);
/* names: host names may stand where IP addresses do. */
int xds__decode_assignment(struct unpack *u, const Ee__ClusterLoadAssignment *w, bool names, struct endpoints *eps) MUST_CHECK;
/* Where another resource comes from: this same stream, and how long its user waits for it (model: *_fetch_us). */
Ec__ConfigSource *xds__encode_source(struct arena *a, uint64_t fetch_us);
int xds__decode_source(struct unpack *u, const Ec__ConfigSource *w, const char *what, uint64_t *fetch_us) MUST_CHECK;
int xds__decode_fetch(struct unpack *u, const Ec__ConfigSource *w, const char *what, uint64_t *fetch_us) MUST_CHECK;

/* xds_action.c: what a route does. of_vhost: the policy of its virtual host, or NULL. */
Er__RouteAction *xds__encode_forward(struct arena *a, const struct route *r);
int xds__decode_forward(struct unpack *u, const Er__RouteAction *w, const Er__RetryPolicy *of_vhost, struct route *r) MUST_CHECK;
Er__RedirectAction *xds__encode_redirect(struct arena *a, const struct redirect *d);
int xds__decode_redirect(struct unpack *u, const Er__RedirectAction *w, struct route *r) MUST_CHECK;
Er__DirectResponseAction *xds__encode_direct(struct arena *a, const struct route *r);
int xds__decode_direct(struct unpack *u, const Er__DirectResponseAction *w, struct route *r) MUST_CHECK;

/* xds_route.c. Options of ours in a per-filter map whose entries are of `entry_type`. */
void **xds__encode_options(struct arena *a, const ProtobufCMessageDescriptor *entry_type, const Wv__RouteOptions *o);
/* *out stays NULL when there are none of ours. Others' filters are refused: what they would do (authorize, limit) we cannot. r: a
 * route may switch compressors off; NULL: refused too. */
int xds__decode_options(struct unpack *u, void *entries, size_t n, Wv__RouteOptions **out, struct route *r) MUST_CHECK;
Er__RouteConfiguration *xds__encode_table(struct arena *a, const struct route_table *t);
int xds__decode_table(struct unpack *u, const Er__RouteConfiguration *w, struct route_table *t) MUST_CHECK;

/* xds_compress.c */
bool xds__is_compressor(const Google__Protobuf__Any *any);
int xds__decode_compressor(struct unpack *u, const char *name, const Google__Protobuf__Any *any,
                           struct compressor_filter *f) MUST_CHECK;
bool xds__is_compressor_override(const Google__Protobuf__Any *any); /* of a route, ... */
int xds__decode_compressor_override(struct unpack *u,
                                    const Google__Protobuf__Any *any) MUST_CHECK; /* ... which switches it off */

/* the decoders of resources: from the packed message to a fresh one */
int xds__decode_listener(struct unpack *u, struct str bytes, struct listener *l) MUST_CHECK;
int xds__decode_cluster(struct unpack *u, struct str bytes, struct cluster *c) MUST_CHECK;
int xds__decode_secret(struct unpack *u, struct str bytes, struct secret *s) MUST_CHECK;
