// SPDX-License-Identifier: Apache-2.0
#include "control/store.h"
#include "base/buf.h"
#include "base/mem.h"
#include "io/file.h"

static const struct {
    const char *name;
    bool told;
} kinds[STORE_KINDS] = {
    [STORE_ENDPOINT] = {"endpoint", true},
    [STORE_SIDECAR] = {"sidecar", true},
    [STORE_TRAFFIC_RULE] = {"traffic_rule", true},
    [STORE_SECURITY_RULE] = {"security_rule", true},
    [STORE_CONFIG] = {"config", true},
    [STORE_CA] = {"ca", false},
    [STORE_COUNTER] = {"counter", false},
};

const char *store_kind_name(enum store_kind k) {
    return kinds[k].name;
}

int store_kind_of(struct str name) {
    for (int k = 0; k < STORE_KINDS; k++)
        if (str_eq(str_of(kinds[k].name), name))
            return k;
    return -1;
}

bool store_kind_told(enum store_kind k) {
    return kinds[k].told;
}

struct store_write *store_write_new(store_done_f *done, void *ctx) {
    struct store_write *w = mem_new(struct store_write);
    w->done = done;
    w->ctx = ctx;
    return w;
}

void store_write_op(struct store_write *w, enum store_kind kind, struct str key, struct str value) {
    WEFT_ASSERT(w->n < STORE_OPS);
    w->op[w->n++] = (struct store_op){kind, mem_strdup(key), value.ptr ? mem_strdup(value) : NULL};
}

void store_write_free(struct store_write **w) {
    if (!*w)
        return;
    for (size_t i = 0; i < (*w)->n; i++) {
        free((*w)->op[i].key);
        free((*w)->op[i].value);
    }
    free(*w);
    *w = NULL;
}

static int open_sqlite(struct store **out, struct loop *l, struct str path, struct str data_dir, struct err *e) {
    struct buf b = {0};
    int rc = file_mkdirs(data_dir, 0700, e); /* also when the database is elsewhere: sums and backups are in it */
    if (rc < 0)
        return rc;
    if (path.len)
        buf_add(&b, path);
    else
        buf_fmt(&b, STR_FMT "/weft.db", STR_ARG(data_dir));
    rc = store_sqlite.open(out, l, buf_str(&b), e);
    buf_fini(&b);
    return rc;
}

int store_check(struct str url, struct err *e) {
    struct str rest = url, scheme = str_cut(&rest, ':');
    if (str_eq(url, STR("memory:")) || (rest.ptr && str_eq(scheme, STR("sqlite"))))
        return 0;
    if (rest.ptr && str_eq(scheme, STR("etcd")))
        return err_set(e, WEFT_E_UNSUPPORTED, "the store etcd: is not there yet; use sqlite: or memory:");
    return err_set(e, WEFT_E_INVALID, "the store must be sqlite:, sqlite:PATH or memory:, not \"" STR_FMT "\"", STR_ARG(url));
}

int store_open(struct store **out, struct loop *l, struct str url, struct str data_dir, struct err *e) {
    int rc = store_check(url, e);
    if (rc < 0)
        return rc;
    if (str_eq(url, STR("memory:")))
        return store_mem.open(out, l, STR_NONE, e);
    return open_sqlite(out, l, str_from(url, sizeof "sqlite:" - 1), data_dir, e);
}
