// SPDX-License-Identifier: Apache-2.0
#pragma once
/* xds: model <-> protobuf, Envoy's v3 API (the subset in xds/proto/). Pure functions; packing is deterministic (maps sorted), so
 * that equal resources have equal bytes and versions.
 * Unpacking is safe (design xds.md §7.3): before protobuf-c sees a message its wire form is scanned iteratively: depth <= 64,
 * field and memory budget, strings valid UTF-8 without NUL; the same for every inner Any. An unsupported field that would weaken
 * security is an error. Threads: any. Tests: tests/unit/xds/, tests/fuzz/xds_*.c */
#include "base/err.h"
#include "xds/resource.h"

struct str xds_type_url(enum xds_type type); /* "type.googleapis.com/envoy.config.listener.v3.Listener" */
int xds_type_of_url(struct str url);         /* enum xds_type, or -1 */

struct xds_resource *xds_encode_listener(const struct listener *l);
struct xds_resource *xds_encode_routes(const struct route_table *t);
struct xds_resource *xds_encode_cluster(const struct cluster *c);
struct xds_resource *xds_encode_endpoints(const struct endpoints *eps);
struct xds_resource *xds_encode_secret(const struct secret *s);

/* Decodes into a new model resource of that type (the caller's reference). WEFT_E_PARSE, _TOO_LARGE, _TOO_DEEP, _UNSUPPORTED,
 * _INVALID. */
int xds_decode(enum xds_type type, struct str bytes, void **resource, struct err *e) MUST_CHECK;
/* The name inside a model resource. */
struct str xds_resource_name(enum xds_type type, const void *resource);
