// SPDX-License-Identifier: Apache-2.0
#pragma once
/* chain: which filter chain of a listener takes a connection (envoy.config.listener.v3.FilterChainMatch). Pure.
 *
 * As in Envoy the conditions are looked at one after the other, in this order, and at each only the chains with the most specific
 * match go on: destination port, destination IP, server name, transport protocol, application protocol, directly connected source
 * IP, source type, source IP, source port. There is no way back: a chain for the port that fails on the name does not give way to
 * one for any port. Where none is left, the listener's default chain takes it. Threads: any. Tests: tests/unit/policy/chain.c */
#include "model/listener.h"

struct chain_input {             /* what is known of a connection */
    struct ip local;             /* where it goes; len 0: a unix socket */
    uint16_t local_port;         /* 0: a unix socket */
    struct str server_name;      /* SNI; lower case */
    bool tls;                    /* it begins with a ClientHello */
    const struct str *protocols; /* what it offers (ALPN), in its order */
    size_t n_protocols;
    struct ip direct, source; /* the peer; the same where no PROXY protocol tells another */
    uint16_t source_port;
};

/* The index in l->chains, l->n_chains for the default chain, or -1: nothing takes it. */
ptrdiff_t chain_pick(const struct listener *l, const struct chain_input *in);
