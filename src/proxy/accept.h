// SPDX-License-Identifier: Apache-2.0
#pragma once
/* accept: from a listening socket to requests: which worker gets a new connection, which filter chain takes it, the HTTP
 * connection on it, and its end. Threads: the worker's. */
#include "proxy/down.h"

void accept_listen(struct port *p);                         /* starts accepting */
void accept_adopt(struct worker *w, const struct order *o); /* what another worker accepted; takes its references over */
void accept_drain(struct down *d, bool patient);            /* patient: one that has sent nothing at all yet may still */
void accept_abort(struct down *d);
void accept_expire(struct down *d, uint64_t after_us); /* aborts it then, if it is still there */
void accept_fini(struct worker *w);                    /* after the last connection */
