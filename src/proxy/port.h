// SPDX-License-Identifier: Apache-2.0
#pragma once
/* port: a worker's part of a listener, from the first snapshot that has it to the last, and its connections when the listener or
 * one of its filter chains is no more: they end in order, on the last form that had it, for at most the drain time.
 * Threads: the worker's. */
#include <stdbool.h>
struct serve;
struct spread;
struct worker;

/* fd: bound, taken over; -1: this worker does not accept there. `spread`: a reference, taken over. */
void port_add(struct worker *w, unsigned id, int fd, struct spread *spread);
void port_retire(struct worker *w, const struct serve *next); /* while the old form is still the newest: what `next` lacks */
void port_serve(struct worker *w);                            /* accepts on all that the newest form has */
void port_close_all(struct worker *w, bool served); /* no more accepting; served: what the kernel holds is taken first */
void port_fini(struct worker *w);                   /* after the last connection */
