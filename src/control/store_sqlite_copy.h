// SPDX-License-Identifier: Apache-2.0
#pragma once
/* store_sqlite_copy: copies of the store's database: made by SQLite's own backup interface, judged, and put in its place.
 * Blocks. Threads: any (a connection belongs to one). Tests: tests/unit/control/store.c, tests/scenario/c064_restore.py */
#include "base/err.h"
#include "base/str.h"
struct sqlite3;

/* Everything, as it is now, to the file `to` (0600): whole or not at all. */
int store_sqlite_copy(struct sqlite3 *from, struct str to, struct err *e) MUST_CHECK;
int store_sqlite_check(struct sqlite3 *db, struct err *e) MUST_CHECK; /* WEFT_E_STORE and what is wrong with the file */
/* Puts `copy` in the place of the database `path`, of which no control plane may be at work (WEFT_E_CONFLICT); what was there is
 * kept beside it as PATH.damaged-STAMP. Revisions and ids of rules go on far above all that can have been given out, and the log
 * is empty, so that whoever watched begins anew. WEFT_E_STORE: the copy is no good, nothing has changed. */
int store_sqlite_restore(struct str path, struct str copy, struct str stamp, struct err *e) MUST_CHECK;
