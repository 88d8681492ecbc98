// SPDX-License-Identifier: Apache-2.0
#pragma once
/* echo: the service behind `weft echo` (contract §1): says in JSON what it received, and misbehaves on request.
 * What a caller can make it hold is bounded: 1 MiB of body, 16 calls, answers made in pieces of 64 KiB.
 * Threads: its loop. Tests: tests/scenario/a0*_echo*.py */
#include "http/server.h"

struct echo_cfg {
    struct addr listen;
    const char *name;
    struct addr outbound;     /* len 0: not given */
    const char *sidecar_file; /* NULL: not given */
    struct limits limits;     /* see limits_of_server */
};
struct echo {
    struct server server; /* on_drained may be set before echo_start */
    struct echo_cfg cfg;
};
int echo_start(struct echo *s, struct loop *l, const struct echo_cfg *cfg, struct err *e) MUST_CHECK;
void echo_drain(struct echo *s);
void echo_stop(struct echo *s);
