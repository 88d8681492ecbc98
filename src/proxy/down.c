// SPDX-License-Identifier: Apache-2.0
#include "proxy/down.h"
#include "base/mem.h"
#include "io/tls.h"
#include "proxy/spread.h"

void down_free(struct down *d) {
    struct worker *w = d->w;
    loop_timer_stop(&w->loop, &d->timer);
    list_remove(&d->node);
    lease_drop(&d->last);
    buf_fini(&d->early);
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

void down_learn(struct down *d, const struct transport *tr) {
    const struct tls_peer *tp = tr->peer;
    char text[ADDR_TEXT];
    const struct addr remote = addr_kept(&d->remote), local = addr_kept(&tr->local);
    d->known = true;
    d->remote_text = arena_dup(&d->mem, str_of(addr_text(&remote, text)));
    d->remote_ip = arena_dup(&d->mem, str_of(addr_ip_text(&remote, text)));
    d->local_text = arena_dup(&d->mem, str_of(addr_text(&local, text)));
    d->local_ip = arena_dup(&d->mem, str_of(addr_ip_text(&local, text)));
    d->local_port = addr_port(&local);
    const struct ip told = addr_octets(&remote);
    d->direct_ip = ip_eq(&told, &d->direct) ? d->remote_ip : arena_dup(&d->mem, str_of(ip_text(&d->direct, text)));
    if (!tp)
        return;
    d->peer.mtls = true;
    d->peer.spiffe = arena_dup(&d->mem, tp->spiffe);
    d->peer.ns = arena_dup(&d->mem, tp->ns);
    d->peer.service = arena_dup(&d->mem, tp->service);
    d->peer.xfcc = xfcc_of(d, tp);
}
