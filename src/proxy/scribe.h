// SPDX-License-Identifier: Apache-2.0
#pragma once
/* scribe: the thread that writes one access log, so that a slow reader, a full disk or a file that cannot be opened holds up
 * nobody. Bounded: what does not fit into SCRIBE_MAX octets on their way is dropped, whole batches; what cannot be written is
 * lost; both are told to the givers, who count. A file is opened by the thread, appended to, made with 0640 where there is none;
 * one that cannot be opened is tried again, at most once a second. Threads: scribe_write, scribe_reopen any. Tests:
 * tests/scenario/b092_access_log_files.py */
#include "base/buf.h"
#include "base/err.h"
struct scribe;

#define SCRIBE_MAX (8u << 20) /* octets given and not yet written */
#define SCRIBE_MODE 0640      /* of a file that it makes */

int scribe_new(struct scribe **out, int fd, struct err *e) MUST_CHECK; /* fd is borrowed */
int scribe_file(struct scribe **out, struct str path, struct err *e) MUST_CHECK;
/* Takes whole lines (and empties `lines`). How many were lost: of these, or of earlier ones of anybody's. */
uint64_t scribe_write(struct scribe *s, struct buf *lines);
void scribe_reopen(struct scribe *s); /* a file: what comes from now on goes to what its path names then */
void scribe_free(struct scribe **s);  /* writes what was given, then ends; gives up after 1 s when nobody reads */
