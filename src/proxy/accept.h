// SPDX-License-Identifier: Apache-2.0
#pragma once
/* accept: from a listening socket to requests: which worker gets a new connection, TLS or plain, the HTTP connection on it, and
 * its end. Threads: the worker's. */
#include "proxy/down.h"

void accept_listen(struct port *p); /* starts accepting */
void accept_adopt(struct worker *w, unsigned port, int fd, const struct addr *peer);
void accept_cfg(struct port *p, const struct hcm *hcm); /* limits of its connections from now on */
void accept_drain(struct down *d, bool patient);        /* patient: one that has not sent a request yet may still */
void accept_abort(struct down *d);
