// SPDX-License-Identifier: Apache-2.0
#pragma once
/* down: a downstream connection: accepted, handed to the worker with the fewest, told TLS from plain by its first octet where
 * both are served, then an HTTP server connection whose streams become exchanges. Freed with its connection. Threads: its
 * worker's. */
#include "proxy/worker.h"

struct peer { /* who is at the other end, as the certificate proves; empty: plain, or without SPIFFE */
    bool mtls;
    struct str spiffe, ns, service;
    struct str xfcc; /* the x-forwarded-client-cert element that says so */
};

struct down {
    struct list node;
    struct worker *w;
    struct port *port;
    struct transport *tr; /* until there is a connection */
    struct conn *conn;
    struct timer timer; /* how long the first octet may take */
    struct peer peer;
    bool known;      /* peer has been filled */
    bool bad_logged; /* the malformed body of its last request has its line in the access log */
    struct addr remote;
    struct str remote_text, remote_ip, local_text;
    struct arena mem;
};
