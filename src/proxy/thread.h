// SPDX-License-Identifier: Apache-2.0
#pragma once
/* thread: a worker's thread from start to end: it takes orders, looks after its pools and counters, drains and stops.
 * Threads: main. */
#include "proxy/worker.h"

int thread_new(struct worker **out, unsigned id, struct worker_env *env, struct err *e) MUST_CHECK;
int thread_start(struct worker *w, struct err *e) MUST_CHECK;
void thread_join(struct worker *w); /* after ORDER_STOP */
void thread_free(struct worker **w);
