// SPDX-License-Identifier: Apache-2.0
#pragma once
/* scribe: the thread that writes the access log to stdout, so that a slow reader of it holds up nobody. Bounded: what does not
 * fit into SCRIBE_MAX octets on their way is dropped, whole batches, and the giver counts it. Threads: scribe_write any. */
#include "base/buf.h"
#include "base/err.h"
struct scribe;

#define SCRIBE_MAX (8u << 20) /* octets given and not yet written */

int scribe_new(struct scribe **out, int fd, struct err *e) MUST_CHECK; /* fd is borrowed */
/* Takes whole lines (and empties `lines`); false: dropped. */
bool scribe_write(struct scribe *s, struct buf *lines);
void scribe_free(struct scribe **s); /* writes what was given, then ends; gives up after 1 s when nobody reads */
