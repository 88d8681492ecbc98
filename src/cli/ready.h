// SPDX-License-Identifier: Apache-2.0
#pragma once
/* ready: --ready-file FILE and --ready-fd N (contract §1): once a process serves, one JSON line with the addresses it bound and
 * its pid, written atomically. Also what every long-running command shares: the stderr log sink (colours only on a terminal).
 * Threads: main. Tests: tests/unit/cli/ready.c, tests/scenario/a005_ready_file.py, a008_stale_ready_file.py */
#include "base/err.h"
#include "base/log.h"
#include "codec/json.h"

/* Before anything else: a file of an earlier run goes, lest somebody believes it, and children will not inherit the descriptor.
 */
int ready_begin(const char *file, uint64_t fd, struct err *e) MUST_CHECK;
/* Either may be unset (NULL, -1 given as UINT64_MAX). `object` gets "pid" added; its reference is taken over. */
int ready_write(const char *file, uint64_t fd, json_t *object, struct err *e) MUST_CHECK;
void cli_log_init(
    struct log *l); /* sink: stderr, "time level message"; level from WEFT_LOG=error|warn|info|debug, default info */
