// SPDX-License-Identifier: Apache-2.0
#include "proxy/original.h"
#include "base/mem.h"
#include "codec/url.h"

struct original {
    const struct cluster *cluster; /* reference */
    struct host *host;             /* reference */
};

static bool by_header(struct addr *out, const struct cluster *c, const struct msg *req) {
    const struct msg_field *f = c->original.header.len && req ? msg_find_name(&req->fields, c->original.header) : NULL;
    char text[ADDR_TEXT];
    struct str host;
    uint16_t port;
    if (!f || !url_authority(f->value, &host, &port) || !port || host.len >= sizeof(text))
        return false;
    return addr_ip(out, str_of(str_z(host, text, sizeof(text))), port, NULL) >= 0; /* a name is none */
}

bool original_address(struct addr *out, const struct cluster *c, const struct down *d, const struct addr_kept *local,
                      const struct msg *req) {
    if (!by_header(out, c, req)) {
        if (!d->restored) /* else that is this very listener */
            return false;
        *out = addr_kept(local);
    }
    if (c->original.port)
        addr_set_port(out, c->original.port);
    return true;
}

static void drop(struct worker *w, struct str key) {
    struct original *o = map_del(&w->originals, key);
    ref_put((struct cluster *)(uintptr_t)o->cluster);
    ref_put(o->host);
    free(o);
}

void original_sweep(struct worker *w) {
    struct original *o;
    struct str key;
    MAP_FOR (&w->originals, &key, o)
        if (!o->host->pool[w->id] && !atomic_load_explicit(&o->host->lb.active, memory_order_relaxed))
            drop(w, key);
}

void original_fini(struct worker *w) {
    struct original *o;
    struct str key;
    MAP_FOR (&w->originals, &key, o)
        drop(w, key);
    map_fini(&w->originals);
}

struct host *original_host(struct worker *w, const struct serve_cluster *c, const struct addr *a) {
    char text[ADDR_TEXT];
    struct arena mem = {0};
    struct str key = arena_fmt(&mem, STR_FMT "|%s", STR_ARG(c->cluster->name), addr_text(a, text));
    struct original *o = map_get(&w->originals, key);
    struct host *h = NULL;
    if (o && o->cluster == c->cluster) {
        h = ref_get(o->host);
    } else {
        if (o)
            drop(w, key);
        h = serve_host_new(c, a, w->env->n);
        if (w->originals.len < ORIGINALS_MAX) {
            o = mem_new(struct original);
            o->cluster = ref_get(c->cluster);
            o->host = ref_get(h);
            map_put(&w->originals, key, o);
        }
    }
    arena_fini(&mem);
    return h;
}
