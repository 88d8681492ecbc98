// SPDX-License-Identifier: Apache-2.0
#pragma once
/* kept: the last configuration on disk, so that a sidecar starts without its control plane: identity.key (0600), identity.crt,
 * ca.crt, and config.bin with the packed resources and the SHA-256 of the CA they were received under. Written whole or not at
 * all. What is read is judged like input from the network. Threads: main (blocking). Tests: tests/unit/proxy/kept.c */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "model/snap.h"
#include "proxy/identity.h"

#define KEPT_MAX (64u << 20) /* octets of config.bin */

struct kept {
    struct identity *identity; /* reference; only described, since it is seldom used; NULL: none, or it has expired */
    struct snap *snap;         /* reference; NULL: none of the same CA */
};

int kept_open(struct str dir, struct err *e)
    MUST_CHECK; /* makes it (0700) and takes its lock: the fd to hold on to. CONFLICT: another sidecar has it */
/* What is there and usable; damaged or foreign parts, and a key that others may read, are left out, with a word to the log: what
 * is left out, a new certificate replaces. now: Unix seconds. */
void kept_read(struct kept *k, struct str dir, int64_t now, const struct log *log);
void kept_fini(struct kept *k);
int kept_write_identity(struct str dir, const struct identity *id, struct err *e) MUST_CHECK;
int kept_write_config(struct str dir, const struct snap *snap, const char *ca_hash, struct err *e) MUST_CHECK;

/* The form of config.bin: "WEFTKEPT 1 CA-HASH\n", then for each resource its type (1 octet), length (4, big-endian), octets. */
void kept_pack(struct buf *out, const struct snap *snap, const char *ca_hash);
int kept_unpack(struct snap **out, struct str bytes, const char *ca_hash, struct err *e) MUST_CHECK;
