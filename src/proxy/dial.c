// SPDX-License-Identifier: Apache-2.0
#include "proxy/dial.h"
#include "io/proxy_protocol.h"
#include "io/sock.h"
#include "io/tls.h"

static struct proxy_head head_of(const struct serve_cluster *c, const struct transport *from) {
    struct proxy_head h = {.version = c->cluster->proxy_protocol, .own = !from};
    if (!from)
        return h;
    const struct addr source = addr_kept(&from->remote), destination = addr_kept(&from->local);
    h.source = addr_octets(&source);
    h.destination = addr_octets(&destination);
    h.source_port = addr_port(&source);
    h.destination_port = addr_port(&destination);
    return h;
}

struct transport *dial_host(struct loop *l, const struct serve_cluster *c, const struct host *h, struct tls_ctx *tls,
                            const struct transport *from, transport_f *on_event, void *ctx) {
    uint64_t timeout = c->cluster->connect_timeout_us;
    if (h->mtls && !tls) /* never in the clear instead */
        return transport_broken(l, WEFT_E_CONNECT, "TLS error: Secret is not supplied by SDS", on_event, ctx);
    struct transport *tr = sock_dial(l, &h->addr, timeout, on_event, ctx);
    if (c->cluster->proxy_protocol) {
        struct proxy_head head = head_of(c, from);
        tr = proxy_protocol_client(&tr, &head, on_event, ctx);
    }
    if (!h->mtls || !tls)
        return tr;
    const struct tls_context *t = c->cluster->tls;
    return tls_client(&tr, tls, t ? t->sni : STR_NONE, t ? t->sans : NULL, t ? t->n_sans : 0, timeout, on_event, ctx);
}
