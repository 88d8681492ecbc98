// SPDX-License-Identifier: Apache-2.0
#include "proxy/secrets.h"
#include "base/mem.h"
#include "io/dir_watch.h"
#include "io/file.h"
#include "io/tls.h"
#include "xds/xds_file.h"

#define PEM_MAX (1u << 20)    /* octets of a PEM file */
#define SECRET_MAX (4u << 20) /* octets of a file of secrets */

struct entry { /* a secret that is wholly or in part in files */
    struct str key;
    struct secret_ref from; /* the file that it is in; path empty: a control plane told it */
    struct secret *told;    /* reference; NULL: its file could never be used */
    struct secret *now;     /* reference: the same with its text; NULL: never */
    bool wanted, due;
    struct arena mem; /* of key and from */
};

struct dir {
    struct dir_watch watch;
    struct secrets *all;
    char *path;
    bool wanted;
};

struct secrets {
    struct loop *loop;
    struct secrets_cfg cfg;
    struct map entries; /* key -> struct entry */
    struct map dirs;    /* path -> struct dir */
    struct task refresh;
};

/* ---- reading ---- */
static void forget(struct buf *b) {
    struct str text = buf_str(b);
    if (text.ptr)
        explicit_bzero((char *)text.ptr, text.len); /* it may be a key */
    buf_fini(b);
}

static int read_file(struct str path, struct str *text, struct arena *a, struct err *e) {
    struct buf b = {0};
    int rc = path.len && !text->len ? file_read(path, PEM_MAX, &b, e) : 0;
    if (rc >= 0 && b.len)
        *text = arena_dup(a, buf_str(&b));
    forget(&b);
    return rc;
}

static bool needs_files(const struct secret *s) {
    return (s->cert_file.len && !s->cert_pem.len) || (s->key_file.len && !s->key_pem.len) || (s->ca_file.len && !s->ca_pem.len);
}

static int judge(const struct secret *s, struct err *e) {
    struct tls_cfg cfg = {
        .server = secret_is_certificate(s), .cert_pem = s->cert_pem, .key_pem = s->key_pem, .ca_pem = s->ca_pem};
    struct tls_ctx *c;
    if (cfg.server ? !s->cert_pem.len || !s->key_pem.len : !s->ca_pem.len)
        return err_set(e, WEFT_E_INVALID, "a file is empty");
    int rc = tls_ctx_new(&c, &cfg, e);
    if (rc >= 0)
        tls_ctx_unref(&c);
    return rc;
}

/* *out: it with its text, a reference. */
static int load(struct secret **out, struct secret *told, struct err *e) {
    struct secret *s = needs_files(told) ? secret_copy(told) : ref_get(told);
    struct arena *a = &s->ref.mem;
    int rc = read_file(s->cert_file, &s->cert_pem, a, e);
    if (rc >= 0)
        rc = read_file(s->key_file, &s->key_pem, a, e);
    if (rc >= 0)
        rc = read_file(s->ca_file, &s->ca_pem, a, e);
    if (rc >= 0)
        rc = judge(s, e);
    if (rc >= 0)
        *out = s;
    else
        ref_put(s);
    return rc;
}

int secrets_try(const struct secret *s, struct err *e) {
    struct secret *with;
    int rc = load(&with, (struct secret *)s, e);
    if (rc >= 0)
        ref_put(with);
    return rc;
}

/* The secret that the file has under that name: a reference. */
static int find_in_file(struct secret **out, const struct secret_ref *from, struct err *e) {
    struct snap *got = snap_new(NULL);
    struct buf text = {0};
    int rc = file_read(from->path, SECRET_MAX, &text, e);
    if (rc >= 0 && xds_file_read(got, XDS_SECRET, buf_str(&text), e) < 0)
        rc = err_in(e, STR_FMT, STR_ARG(from->path));
    struct secret *s = rc < 0 ? NULL : snap_get(got, XDS_SECRET, from->name);
    if (rc >= 0 && !s)
        rc = err_set(e, WEFT_E_NOT_FOUND, STR_FMT ": no secret \"" STR_FMT "\"", STR_ARG(from->path), STR_ARG(from->name));
    if (s)
        *out = ref_get(s);
    forget(&text);
    ref_put(got);
    return rc;
}

static bool same_text(const struct secret *a, const struct secret *b) {
    return str_eq(a->cert_pem, b->cert_pem) && str_eq(a->key_pem, b->key_pem) && str_eq(a->ca_pem, b->ca_pem);
}

/* True when it says something else from now on. */
static bool refresh(struct secrets *s, struct entry *n) {
    struct secret *told = NULL, *now = NULL;
    struct err e = {0};
    n->due = false;
    int rc = n->from.path.len ? find_in_file(&told, &n->from, &e) : 0;
    if (rc >= 0 && !told)
        told = ref_get(n->told);
    if (rc >= 0)
        rc = load(&now, told, &e);
    if (rc >= 0 && now != told) /* from now on it says the text */
        now->cert_file = now->key_file = now->ca_file = STR_NONE;
    if (told) { /* also when its files are no good: they are looked at from now on */
        ref_put(n->told);
        n->told = told;
    }
    if (rc < 0) {
        log_warn(s->cfg.log, "secret: %s%s", e.msg, n->now ? "; the last one stays" : "");
        return false;
    }
    bool same = n->now && same_text(n->now, now);
    if (!same) {
        ref_put(n->now);
        n->now = ref_get(now);
    }
    ref_put(now);
    return !same;
}

/* ---- directories ---- */
static struct str dir_of(struct str path) {
    ptrdiff_t slash = str_rchr(path, '/');
    return slash < 0 ? STR(".") : slash == 0 ? STR("/") : str_first(path, (size_t)slash);
}

static struct str base_of(struct str path) {
    return str_from(path, (size_t)(str_rchr(path, '/') + 1));
}

static bool touches(struct str file, struct str dir, struct str name) {
    return file.len && str_eq(dir_of(file), dir) && (!name.len || str_eq(base_of(file), name));
}

static bool is_touched(const struct entry *n, struct str dir, struct str name) {
    const struct secret *t = n->told;
    if (n->from.watched.len ? str_eq(n->from.watched, dir) : touches(n->from.path, dir, name))
        return true;
    if (!t || !needs_files(t))
        return false;
    if (t->watched.len)
        return str_eq(t->watched, dir);
    return touches(t->cert_file, dir, name) || touches(t->key_file, dir, name) || touches(t->ca_file, dir, name);
}

static void watch_dirs(struct secrets *s);

static void on_refresh(struct task *task) {
    struct secrets *s = container_of(task, struct secrets, refresh);
    struct entry *n;
    bool any = false;
    MAP_FOR (&s->entries, NULL, n)
        if (n->due)
            any |= refresh(s, n);
    watch_dirs(s); /* a new one may be in other files */
    if (any)
        s->cfg.on_change(s->cfg.ctx);
}

static void on_moved(struct dir_watch *w, struct str name) {
    struct dir *d = container_of(w, struct dir, watch);
    struct entry *n;
    MAP_FOR (&d->all->entries, NULL, n)
        if (is_touched(n, str_of(d->path), name)) {
            n->due = true;
            loop_later(d->all->loop, &d->all->refresh, on_refresh);
        }
}

static void want_dir(struct secrets *s, struct str path) {
    struct dir *d = map_get(&s->dirs, path);
    struct err e = {0};
    if (d) {
        d->wanted = true;
        return;
    }
    d = mem_new(struct dir);
    d->all = s;
    d->path = mem_strdup(path);
    d->wanted = true;
    if (dir_watch_open(&d->watch, s->loop, path, on_moved, &e) < 0)
        log_warn(s->cfg.log, "secret: not read again: %s", e.msg);
    map_put(&s->dirs, str_of(d->path), d);
}

static void want_dir_of(struct secrets *s, struct str file) {
    if (file.len)
        want_dir(s, dir_of(file));
}

static void want_dirs_of(struct secrets *s, const struct entry *n) {
    const struct secret *t = n->told;
    if (n->from.watched.len)
        want_dir(s, n->from.watched);
    else
        want_dir_of(s, n->from.path);
    if (!t || !needs_files(t))
        return;
    if (t->watched.len) {
        want_dir(s, t->watched);
        return;
    }
    want_dir_of(s, t->cert_file);
    want_dir_of(s, t->key_file);
    want_dir_of(s, t->ca_file);
}

static void drop_dir(struct secrets *s, struct dir *d) {
    map_del(&s->dirs, str_of(d->path));
    dir_watch_close(&d->watch);
    free(d->path);
    free(d);
}

static void watch_dirs(struct secrets *s) {
    struct entry *n;
    struct dir *d;
    MAP_FOR (&s->dirs, NULL, d)
        d->wanted = false;
    MAP_FOR (&s->entries, NULL, n)
        want_dirs_of(s, n);
    MAP_FOR (&s->dirs, NULL, d)
        if (!d->wanted)
            drop_dir(s, d);
}

/* ---- what is named ---- */
static struct entry *want(struct secrets *s, struct str key) {
    struct entry *n = map_get(&s->entries, key);
    if (!n) {
        n = mem_new(struct entry);
        n->key = arena_dup(&n->mem, key);
        map_put(&s->entries, n->key, n);
    }
    n->wanted = true;
    return n;
}

static void want_ref(struct secrets *s, const struct secret_ref *r) {
    if (!r->path.len)
        return;
    struct entry *n = want(s, secret_key(r));
    bool fresh = !n->from.path.len;
    n->from.path = arena_dup(&n->mem, r->path);
    n->from.name = arena_dup(&n->mem, r->name);
    n->from.watched = arena_dup(&n->mem, r->watched);
    if (fresh)
        refresh(s, n);
}

static void want_tls(struct secrets *s, const struct tls_context *t) {
    if (!t)
        return;
    want_ref(s, &t->cert_secret);
    want_ref(s, &t->ca_secret);
}

static void want_told(struct secrets *s, struct str key, struct secret *told) {
    if (!needs_files(told))
        return;
    struct entry *n = want(s, key);
    if (n->told == told)
        return;
    ref_put(n->told);
    n->told = ref_get(told);
    refresh(s, n);
}

static void drop_entry(struct secrets *s, struct entry *n) {
    map_del(&s->entries, n->key);
    ref_put(n->told);
    ref_put(n->now);
    arena_fini(&n->mem);
    free(n);
}

void secrets_watch(struct secrets *s, const struct snap *snap) {
    const struct listener *l;
    const struct cluster *c;
    struct secret *told;
    struct entry *n;
    struct str key;
    MAP_FOR (&s->entries, NULL, n)
        n->wanted = false;
    MAP_FOR (&snap->of[XDS_LISTENER], NULL, l) {
        for (size_t i = 0; i < l->n_chains; i++)
            want_tls(s, l->chains[i].tls);
        if (l->fallback)
            want_tls(s, l->fallback->tls);
    }
    MAP_FOR (&snap->of[XDS_CLUSTER], NULL, c)
        want_tls(s, c->tls);
    MAP_FOR (&snap->of[XDS_SECRET], &key, told)
        want_told(s, key, told);
    MAP_FOR (&s->entries, NULL, n)
        if (!n->wanted)
            drop_entry(s, n);
    watch_dirs(s);
}

void secrets_refresh(struct secrets *s) {
    struct entry *n;
    MAP_FOR (&s->entries, NULL, n)
        n->due = true;
    loop_later(s->loop, &s->refresh, on_refresh);
}

void secrets_fill(const struct secrets *s, struct snap *snap) {
    struct entry *n;
    MAP_FOR (&s->entries, NULL, n)
        if (n->now)
            snap_put(snap, XDS_SECRET, n->key, n->now);
}

/* ---- of a bootstrap, and what is refused at once ---- */
static int try_ref(const struct secret_ref *r, const struct snap *fixed, struct err *e) {
    struct buf text = {0};
    if (r->fixed && r->name.len && !snap_get(fixed, XDS_SECRET, r->name))
        return err_set(e, WEFT_E_NOT_FOUND, "no such static secret: \"" STR_FMT "\"", STR_ARG(r->name));
    if (!r->path.len)
        return 0;
    int rc = file_read(r->path, SECRET_MAX, &text, e);
    forget(&text);
    return rc;
}

int secrets_try_tls(const struct tls_context *t, const struct snap *fixed, struct err *e) {
    if (!t)
        return 0;
    int rc = try_ref(&t->cert_secret, fixed, e);
    return rc < 0 ? rc : try_ref(&t->ca_secret, fixed, e);
}

static int try_chain(const struct filter_chain *c, const struct snap *snap, struct err *e) {
    return c ? secrets_try_tls(c->tls, snap, e) : 0;
}

static int try_all(const struct snap *snap, struct err *e) {
    const struct listener *l;
    const struct cluster *c;
    int rc = 0;
    MAP_FOR (&snap->of[XDS_LISTENER], NULL, l) {
        for (size_t i = 0; rc >= 0 && i < l->n_chains; i++)
            rc = try_chain(&l->chains[i], snap, e);
        if (rc >= 0)
            rc = try_chain(l->fallback, snap, e);
    }
    MAP_FOR (&snap->of[XDS_CLUSTER], NULL, c)
        if (rc >= 0)
            rc = secrets_try_tls(c->tls, snap, e);
    return rc;
}

int secrets_read_static(struct snap *snap, struct err *e) {
    struct map with = {0};
    struct secret *told, *now;
    struct str key;
    int rc = 0;
    MAP_FOR (&snap->of[XDS_SECRET], &key, told) {
        if (rc < 0 || !needs_files(told))
            continue;
        rc = load(&now, told, e);
        if (rc >= 0)
            map_put(&with, now->name, now);
        else
            err_in(e, "static_resources.secrets: \"" STR_FMT "\"", STR_ARG(key));
    }
    MAP_FOR (&with, &key, now) {
        snap_put(snap, XDS_SECRET, key, now);
        ref_put(now);
    }
    map_fini(&with);
    return rc < 0 ? rc : try_all(snap, e);
}

/* ---- life ---- */
struct secrets *secrets_new(struct loop *l, const struct secrets_cfg *cfg) {
    struct secrets *s = mem_new(struct secrets);
    s->loop = l;
    s->cfg = *cfg;
    return s;
}

void secrets_free(struct secrets **sp) {
    struct secrets *s = *sp;
    struct entry *n;
    struct dir *d;
    *sp = NULL;
    if (!s)
        return;
    loop_later_cancel(&s->refresh);
    MAP_FOR (&s->entries, NULL, n)
        drop_entry(s, n);
    MAP_FOR (&s->dirs, NULL, d)
        drop_dir(s, d);
    map_fini(&s->entries);
    map_fini(&s->dirs);
    free(s);
}
