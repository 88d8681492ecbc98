// SPDX-License-Identifier: Apache-2.0
#pragma once
/* store: where the mesh is kept: values by (kind, key) in the order of addition, a revision for every change, never reused, and
 * the log of the newest changes. Implementations: SQLite (store_sqlite.c) and memory (store_mem.c).
 *
 * Life: store_open -> load and write_now, which block, for the start -> write, which does not -> close.
 * Threads: the loop that it was opened with. Tests: tests/unit/control/store.c */
#include <stdint.h>
#include "base/err.h"
#include "base/list.h"
#include "base/str.h"
struct loop;
struct store;

enum store_kind {
    STORE_ENDPOINT,
    STORE_SIDECAR,
    STORE_TRAFFIC_RULE,
    STORE_SECURITY_RULE,
    STORE_CONFIG,
    STORE_CA,
    STORE_COUNTER,
    STORE_KINDS
};
const char *store_kind_name(enum store_kind k); /* "endpoint": as it is stored and told by watch */
int store_kind_of(struct str name);             /* -1: none */
bool store_kind_told(enum store_kind k);        /* false: CA and counters, which have no revision and are in no log */

#define STORE_LOG 10000 /* the newest changes kept, at least */
#define STORE_OPS 2     /* changes of one write at most */

struct store_op {
    enum store_kind kind;
    char *key;         /* owned by the write */
    char *value;       /* JSON text, owned; NULL: the key is deleted (nothing when it is not there) */
    uint64_t revision; /* of this change, set by the store; 0: none, as nothing was there, or it is not told */
};
struct store_change {
    uint64_t revision;
    enum store_kind kind;
    struct str key, value; /* value.ptr NULL: deleted. Valid during the call */
};
enum store_view {
    STORE_LOGGED,  /* the log: every change */
    STORE_PRESENT, /* what is there, each with the revision of its last change */
};
typedef bool store_change_f(void *ctx, const struct store_change *c); /* false: enough */
struct store_range {
    enum store_view view;
    uint64_t after, upto; /* changes above the one, at most the other, which must have been told as done */
};
struct store_write;
typedef void store_done_f(struct store_write *w); /* on the loop, in commit order; may keep nothing of w */
struct store_write {                              /* all or nothing */
    struct list node;                             /* private */
    struct store_op op[STORE_OPS];
    size_t n;
    store_done_f *done;
    void *ctx;
    int code; /* 0, or why nothing was written */
    struct err err;
    uint64_t revision; /* of the store after this write */
};
struct store_write *store_write_new(store_done_f *done, void *ctx);
void store_write_op(struct store_write *w, enum store_kind kind, struct str key, struct str value); /* value.ptr NULL: delete */
void store_write_free(struct store_write **w);

typedef int store_load_f(void *ctx, enum store_kind kind, struct str key, struct str value, struct err *e);

typedef void store_backup_f(void *ctx, int code, const struct err *why);

struct store_ops {
    const char *name; /* "sqlite", "memory" */
    int (*open)(struct store **out, struct loop *l, struct str where, struct err *e);
    int (*load)(struct store *s, store_load_f *each, void *ctx, struct err *e); /* in order of addition */
    int (*write_now)(struct store *s, struct store_write *w,
                     struct err *e);                        /* only before the first `write`; w stays the caller's */
    void (*write)(struct store *s, struct store_write **w); /* takes it; done follows from the loop, then it is freed */
    /* In order of revision, what is told only; `each` must not read. WEFT_E_NOT_FOUND: the log begins later than that. */
    int (*read)(struct store *s, const struct store_range *r, store_change_f *each, void *ctx, struct err *e);
    /* A copy of everything to that file (0600), whole or not at all, in turn with the writes; `done` from the loop. NULL: there
     * is nothing to copy. */
    void (*backup)(struct store *s, struct str path, store_backup_f *done, void *ctx);
    void (*close)(struct store **s); /* after it has finished and told every write */
};
struct store { /* first member of an implementation */
    const struct store_ops *ops;
    uint64_t revision; /* as opened, or after write_now; from the first `write` on its answers tell */
};
extern const struct store_ops store_sqlite, store_mem;

/* Whether it names a store: WEFT_E_INVALID, or _UNSUPPORTED for one that is not there yet. */
int store_check(struct str url, struct err *e) MUST_CHECK;
/* "memory:", "sqlite:" (in `data_dir`) or "sqlite:PATH"; both of sqlite make `data_dir` 0700. WEFT_E_CONFLICT when another
 * process has it. */
int store_open(struct store **out, struct loop *l, struct str url, struct str data_dir, struct err *e) MUST_CHECK;
