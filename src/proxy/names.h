// SPDX-License-Identifier: Apache-2.0
#pragma once
/* names: the clusters that are found by name (STRICT_DNS, LOGICAL_DNS): each of their names is resolved again and again, and the
 * addresses become the cluster's endpoints in the snapshot. What was found last stays while a name cannot be resolved; a name
 * that is not there any more has no endpoints. Threads: main. Tests: tests/unit/proxy/names.c, tests/scenario/b090_strict_dns.py
 */
#include "io/dns.h"
#include "model/snap.h"

struct names;
struct names_cfg {
    struct dns *dns; /* borrowed */
    struct log *log;
    void (*on_change)(void *ctx); /* other addresses, or all names have been asked for once: from the loop */
    void *ctx;
};
struct names *names_new(struct loop *l, const struct names_cfg *cfg);
/* The clusters of this snapshot from now on; those that stay the same keep what was found. */
void names_watch(struct names *n, const struct snap *snap);
/* Puts the endpoints found so far into `snap`, which is not shared yet. */
void names_fill(const struct names *n, struct snap *snap);
bool names_pending(const struct names *n); /* some name has had no answer yet */
void names_free(struct names **n);
/* Where the endpoints of such a cluster are in a snapshot, under XDS_ENDPOINT; text in `out`. */
#define NAMES_KEY 300
struct str names_key(struct str cluster, char out[NAMES_KEY]);
bool names_of(const struct cluster *c); /* is it one? */
