// SPDX-License-Identifier: Apache-2.0
#pragma once
/* file: small files, whole; errno stays in here. Blocking: for start-up, the main thread and the command line, never a worker.
 * Threads: any. Tests: tests/unit/io/file.c */
#include <sys/types.h>
#include "base/buf.h"
#include "base/err.h"

int file_read(struct str path, size_t max, struct buf *out, struct err *e) MUST_CHECK; /* WEFT_E_NOT_FOUND, _TOO_LARGE, _IO */
/* The same of what only its owner may read (mode & 077 is 0): else WEFT_E_DENIED, and what to do. */
int file_read_secret(struct str path, size_t max, struct buf *out, struct err *e) MUST_CHECK;
/* Writes a temporary file beside it, fsyncs, renames over `path`, fsyncs the directory: whole or not at all. */
int file_write(struct str path, struct str content, mode_t mode, struct err *e) MUST_CHECK;
/* The same but for the fsyncs: readers find it whole or not at all, and after a crash of the machine perhaps not. */
int file_publish(struct str path, struct str content, mode_t mode, struct err *e) MUST_CHECK;
/* Can it be written to at its end? It is made if it is not there; a pipe needs no reader yet. */
int file_try_append(struct str path, mode_t mode, struct err *e) MUST_CHECK;
int file_rename(struct str from, struct str to, struct err *e);          /* on one file system; fsyncs the directory */
int file_mkdirs(struct str path, mode_t mode, struct err *e) MUST_CHECK; /* like mkdir -p; `mode` for those it makes */
int file_remove(struct str path, struct err *e);
/* The directory's entries (names, sorted by byte order) to cb; stops when it returns < 0 and returns that. */
int file_list(struct str dir, int (*cb)(void *ctx, struct str name), void *ctx, struct err *e) MUST_CHECK;
/* An exclusive advisory lock (flock) on path, made 0600: the fd to close for release, or WEFT_E_CONFLICT when another process has
 * it. */
int file_lock(struct str path, struct err *e) MUST_CHECK;
