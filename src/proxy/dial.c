// SPDX-License-Identifier: Apache-2.0
#include "proxy/dial.h"
#include "io/sock.h"
#include "io/tls.h"
#include "proxy/worker.h"

struct transport *dial_host(struct worker *w, const struct serve_cluster *c, const struct host *h, struct tls_ctx *tls,
                            transport_f *on_event, void *ctx) {
    uint64_t timeout = c->cluster->connect_timeout_us;
    struct transport *tr = sock_dial(&w->loop, &h->addr, timeout, on_event, ctx);
    if (!h->mtls || !tls)
        return tr;
    const struct tls_context *t = c->cluster->tls;
    return tls_client(&tr, tls, t ? t->sni : STR_NONE, t ? t->sans : NULL, t ? t->n_sans : 0, timeout, on_event, ctx);
}
