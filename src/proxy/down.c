// SPDX-License-Identifier: Apache-2.0
#include "proxy/down.h"
#include "base/mem.h"
#include "io/tls.h"
#include "proxy/spread.h"

const struct peer peer_none;

struct down_timer {
    struct timer timer;
    struct down *d;
    down_f *cb;
};

static void on_timer(struct timer *t) {
    struct down_timer *dt = container_of(t, struct down_timer, timer);
    dt->cb(dt->d);
}

void down_after(struct down *d, uint64_t us, down_f *cb) {
    if (!d->timer)
        d->timer = mem_new(struct down_timer);
    d->timer->d = d;
    d->timer->cb = cb;
    loop_timer(&d->w->loop, &d->timer->timer, us, on_timer);
}

void down_free(struct down *d) {
    struct worker *w = d->w;
    if (d->timer)
        loop_timer_stop(&w->loop, &d->timer->timer);
    free(d->timer);
    list_remove(&d->node);
    lease_drop(&d->last);
    free(d->texts);
    addr_drop(&d->remote);
    d->port->downs--;
    atomic_fetch_sub_explicit(&w->stats.connections, 1, memory_order_relaxed);
    spread_give(d->port->spread, w->id);
    arena_fini(&d->mem);
    free(d);
    worker_check(w);
}

static struct str xfcc_of(struct down *d, const struct tls_peer *tp) {
    const struct identity *own = d->w->lease->serve->identity;
    struct buf b = {0};
    if (own)
        buf_fmt(&b, "By=" STR_FMT ";", STR_ARG(own->spiffe));
    buf_fmt(&b, "Hash=%s;Subject=\"", tp->hash);
    for (size_t i = 0; i < tp->subject.len; i++) {
        char c = tp->subject.ptr[i];
        if (c == '"' || c == '\\')
            buf_addc(&b, '\\');
        buf_addc(&b, c >= 0x20 && c < 0x7f ? c : '?');
    }
    buf_fmt(&b, "\";URI=" STR_FMT, STR_ARG(tp->spiffe));
    struct str s = arena_dup(&d->mem, buf_str(&b));
    buf_fini(&b);
    return s;
}

static const struct peer *peer_of(struct down *d, const struct tls_peer *tp) {
    struct peer *p = arena_alloc(&d->mem, sizeof(*p));
    *p = (struct peer){.mtls = true,
                       .spiffe = arena_dup(&d->mem, tp->spiffe),
                       .ns = arena_dup(&d->mem, tp->ns),
                       .service = arena_dup(&d->mem, tp->service),
                       .xfcc = xfcc_of(d, tp)};
    return p;
}

static void add_text(struct down *d, enum down_text which, struct str text, char *all, size_t *n) {
    d->text[which].at = (uint16_t)*n;
    d->text[which].len = (uint16_t)text.len;
    memcpy(all + *n, text.ptr, text.len);
    *n += text.len;
}

/* The IP stands in the text of its address: "127.0.0.1:80", "[::1]:80"; a Unix socket has none. */
static void find_ip(struct down *d, enum down_text address, const struct addr *a) {
    char ip[ADDR_TEXT];
    bool six = a->sa.ss_family == AF_INET6;
    d->text[address + 1].at = (uint16_t)(d->text[address].at + six);
    d->text[address + 1].len = (uint16_t)strlen(addr_ip_text(a, ip));
}

void down_learn(struct down *d, const struct transport *tr) {
    char all[3 * ADDR_TEXT], text[ADDR_TEXT];
    size_t n = 0;
    const struct addr remote = addr_kept(&d->remote), local = addr_kept(&tr->local);
    const struct ip told = addr_octets(&remote);
    if (d->known)
        return;
    d->known = true;
    add_text(d, DOWN_REMOTE, str_of(addr_text(&remote, text)), all, &n);
    find_ip(d, DOWN_REMOTE, &remote);
    add_text(d, DOWN_LOCAL, str_of(addr_text(&local, text)), all, &n);
    find_ip(d, DOWN_LOCAL, &local);
    d->local_port = addr_port(&local);
    d->text[DOWN_DIRECT_IP] = d->text[DOWN_REMOTE_IP];
    if (!ip_eq(&told, &d->direct))
        add_text(d, DOWN_DIRECT_IP, str_of(ip_text(&d->direct, text)), all, &n);
    d->texts = mem_strdup(str_n(all, n));
    if (!tr->peer)
        return;
    d->peer = peer_of(d, tr->peer);
    if (!d->server_name.len)
        d->server_name = arena_dup(&d->mem, tls_server_name(tr));
}
