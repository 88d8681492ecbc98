// SPDX-License-Identifier: Apache-2.0
#pragma once
/* sinks: where access logs go, by number: 0 is standard output, then standard error and files as configurations name them. One
 * stays, with its thread, as long as the proxy. Threads: main adds; others read what they have been told of. */
#include "base/err.h"
#include "base/str.h"
struct scribe;

#define SINKS_MAX 32u

struct sinks {
    struct log_sink {
        char *path; /* owned */
        struct scribe *scribe;
    } at[SINKS_MAX];
    unsigned n;
};
int sinks_init(struct sinks *s, int stdout_fd, struct err *e) MUST_CHECK;
int sinks_find(struct sinks *s, struct str path, struct err *e) MUST_CHECK; /* its number; WEFT_E_LIMIT: there are too many */
void sinks_reopen(struct sinks *s);
void sinks_fini(struct sinks *s);
