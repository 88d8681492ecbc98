// SPDX-License-Identifier: Apache-2.0
#pragma once
/* control: a whole control plane on a loop: store, mesh, registry, health checks, compilation, push, ADS, sessions and the REST
 * API, put together. `weft control`, `weft up` and tests run it. Threads: its loop (the SQLite store has a thread of its own
 * inside). Tests: tests/unit/control/control.c */
#include "base/limits.h"
#include "codec/json.h"
#include "io/addr.h"
struct loop;
struct control;
struct store;

struct control_cfg {
    struct addr listen, xds_listen;
    struct str data_dir, store, trust_domain; /* empty: the defaults of contract §1 */
    const json_t *config;                     /* merged at the start; may be NULL */
    struct limits limits;                     /* of both servers; see limits_of_server */
    unsigned backups;                         /* how many are kept; 0: none are made */
    uint64_t backup_every_us;                 /* 0: a day */
    bool dev;
    struct store *opened; /* in place of `store`, for simulations: open already, taken over; NULL: none */
};
/* Whether it may run so: WEFT_E_UNSUPPORTED for what is not there yet, WEFT_E_INVALID for what nobody can mean: an address that
 * dev must not have, a store of no known kind. */
int control_check(const struct control_cfg *cfg, struct err *e) MUST_CHECK;
/* Opens the store and serves when it returns. Blocks while it loads. */
int control_start(struct control **out, struct loop *l, const struct control_cfg *cfg, struct err *e) MUST_CHECK;
const struct addr *control_listen(const struct control *c); /* as bound */
const struct addr *control_xds_listen(const struct control *c);
/* Merges into the mesh configuration; it is in effect soon after. */
int control_reconfigure(struct control *c, const json_t *patch, struct err *e) MUST_CHECK;
/* Answers what is under way, then closes everything and frees; `done` from the loop (NULL: nobody waits). */
void control_stop(struct control **c, void (*done)(void *ctx), void *ctx);
