// SPDX-License-Identifier: Apache-2.0
/* Maglev (Eisenbud et al., NSDI 2016, §3.4) with weights: a prime-sized table in which every host has its share of the slots, and
 * which changes little when hosts do. */
#include "base/mem.h"
#include "policy/lb_int.h"

#define SLOTS 65537u /* prime; as Envoy's default */

struct walker { /* a host's permutation of the slots */
    uint64_t at, skip;
    double credit; /* slots it may still take in this round */
    double share;
};

static void start(struct walker *w, const struct lb_member *m, uint32_t heaviest) {
    w->at = str_hash(m->key, 0x6d61676c65760001) % SLOTS;
    w->skip = str_hash(m->key, 0x6d61676c65760002) % (SLOTS - 1) + 1;
    w->share = (double)m->weight / heaviest;
}

static void take_slot(struct walker *w, uint16_t *table, uint16_t host) {
    while (table[w->at] != UINT16_MAX)
        w->at = (w->at + w->skip) % SLOTS;
    table[w->at] = host;
}

static void build(struct lb *lb) {
    size_t n = lb->n < UINT16_MAX ? lb->n : UINT16_MAX; /* more hosts than that would have less than a slot each */
    struct walker *walkers = mem_array(n, sizeof *walkers);
    uint16_t *table = mem_array(SLOTS, sizeof *table);
    memset(table, 0xff, SLOTS * sizeof *table);
    uint32_t heaviest = 1;
    for (size_t i = 0; i < n; i++)
        heaviest = lb->members[i].weight > heaviest ? lb->members[i].weight : heaviest;
    for (size_t i = 0; i < n; i++)
        start(&walkers[i], &lb->members[i], heaviest);
    for (size_t filled = 0; filled < SLOTS;) {
        for (size_t i = 0; i < n && filled < SLOTS; i++) {
            walkers[i].credit += walkers[i].share; /* the heaviest takes one in each round, the others their part of one */
            if (walkers[i].credit < 1)
                continue;
            walkers[i].credit -= 1;
            take_slot(&walkers[i], table, (uint16_t)i);
            filled++;
        }
    }
    free(walkers);
    lb->table = table;
    lb->n_table = SLOTS;
}

static ptrdiff_t pick(struct lb *lb, const struct lb_request *r) {
    if (!r->hash)
        return lb__no_hash(lb, r);
    const uint16_t *table = lb->table;
    uint64_t hash = *r->hash;
    for (size_t tries = 0; tries < 16; tries++) { /* an unusable host's keys spread over the others, the same way each time */
        size_t host = table[hash % SLOTS];
        if (lb__usable(r, host))
            return (ptrdiff_t)host;
        hash = str_hash(str_n(&hash, sizeof hash), tries);
    }
    return lb__nth_usable(lb, r, hash);
}

const struct lb_ops lb__maglev = {.name = "maglev", .build = build, .pick = pick};
