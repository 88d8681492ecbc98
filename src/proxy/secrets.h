// SPDX-License-Identifier: Apache-2.0
#pragma once
/* secrets: what of secrets is in files: secrets that a TLS context finds in a file (path_config_source, xds/xds_file.h), and
 * those that a control plane sends with the names of files in them. Read anew as Envoy does: when the file is replaced by a
 * rename, or, where a watched_directory is named, when anything is renamed into that. What cannot be used is told in the log, and
 * what was good last stays; until there was something good, the secret is not there, and who needs it takes no connections.
 * Files are read on the main thread; text of keys is forgotten with its secret. Threads: main. Tests: tests/unit/proxy/secrets.c,
 * tests/scenario/x012_sds_file.py */
#include "base/err.h"
#include "io/loop.h"
#include "model/snap.h"

struct secrets;
struct secrets_cfg {
    struct log *log;
    void (*on_change)(void *ctx); /* one of them says something else: from the loop */
    void *ctx;
};
struct secrets *secrets_new(struct loop *l, const struct secrets_cfg *cfg);
/* What the listeners, clusters and secrets of this snapshot name, from now on; what stays the same is not read again. */
void secrets_watch(struct secrets *s, const struct snap *snap);
void secrets_refresh(struct secrets *s);                       /* reads all of them now; on_change follows if need be */
void secrets_fill(const struct secrets *s, struct snap *snap); /* puts what is known into `snap`, which is not shared yet */
void secrets_free(struct secrets **s);

/* The secrets of a bootstrap, whose files are read once: those in `snap`, which is not shared yet, are replaced by ones with the
 * text. Fails where something cannot be read, or where a TLS context names a file that is not there (as Envoy does). */
int secrets_read_static(struct snap *snap, struct err *e) MUST_CHECK;
/* Can it be used: are its files there, is it a certificate with its key, or CAs? */
int secrets_try(const struct secret *s, struct err *e) MUST_CHECK;
int secrets_try_tls(const struct tls_context *t, const struct snap *fixed, struct err *e) MUST_CHECK; /* NULL is fine: what it
                                   names is of the bootstrap (`fixed`), to come, or in a file that is there */
