// SPDX-License-Identifier: Apache-2.0
#pragma once
/* xds_chain: filter chains but for HTTP: which connections they take, network filters, the TCP proxy. Refused: what would make a
 * chain take others, or let more through, than it says. Tests: tests/unit/xds/round_trip.c */
#include "listener.pb-c.h"
#include "model/listener.h"
#include "xds/pack.h"
#include "xds/unpack.h"

El__FilterChainMatch *xds__encode_match(struct arena *a, const struct chain_match *m); /* NULL: takes everything */
int xds__decode_match(struct unpack *u, const El__FilterChainMatch *w, struct chain_match *m) MUST_CHECK; /* w may be NULL */
El__Filter *xds__encode_filter(struct arena *a, const char *name, const void *config);
void xds__encode_gate(struct arena *a, const struct filter_chain *c, El__FilterChain *w); /* its network RBAC, if it has one */
/* The filters before the last, which are of connections. */
int xds__decode_filters(struct unpack *u, const El__FilterChain *w, struct filter_chain *c) MUST_CHECK;
void xds__encode_tcp(struct arena *a, const struct filter_chain *c, El__FilterChain *w); /* its filters */
/* Filters whose last one is a TCP proxy. */
int xds__decode_tcp(struct unpack *u, const El__FilterChain *w, struct filter_chain *c) MUST_CHECK;
bool xds__is_tcp(const El__FilterChain *w);
