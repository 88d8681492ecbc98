// SPDX-License-Identifier: Apache-2.0
/* identify: who calls, as the certificate proves; said to the app in X-Source-* and x-forwarded-client-cert, whatever the caller
 * said. */
#include "proxy/exch.h"
#include "proxy/stage.h"

static void set_source(struct exch *x, struct str service, struct str ns) {
    struct arena *a = &x->down->arena;
    msg_set(&x->req.fields, a, HDR_X_SOURCE_SERVICE, service);
    msg_set(&x->req.fields, a, HDR_X_SOURCE_NAMESPACE, ns);
}

/* Once each: of two the rules could see one, and the app the other. */
static bool claims_source(const struct exch *x) {
    const struct msg_fields *f = &x->req.fields;
    if (msg_count(f, HDR_X_SOURCE_SERVICE) != 1 || msg_count(f, HDR_X_SOURCE_NAMESPACE) != 1)
        return false;
    return msg_get(f, HDR_X_SOURCE_SERVICE).len && msg_get(f, HDR_X_SOURCE_NAMESPACE).len;
}

static void inbound(struct exch *x) {
    const struct peer *p = x->from->peer;
    if (p->mtls)
        set_source(x, p->service.len ? p->service : STR("unknown"), p->ns.len ? p->ns : STR("unknown"));
    else if (!x->chain->hcm->trust_source_headers || !claims_source(x))
        set_source(x, STR("unknown"), STR("unknown"));
}

enum verdict stage_identify(struct exch *x) {
    struct msg_fields *f = &x->req.fields;
    if (x->listener->side == SIDE_INBOUND) {
        inbound(x);
    } else if (x->listener->side == SIDE_OUTBOUND) {
        msg_remove(f, HDR_X_SOURCE_SERVICE);
        msg_remove(f, HDR_X_SOURCE_NAMESPACE);
    }
    bool say = x->listener->side == SIDE_INBOUND || x->chain->hcm->xfcc == XFCC_SANITIZE_SET;
    if (say && x->from->peer->mtls)
        msg_add(f, &x->down->arena, HDR_X_FORWARDED_CLIENT_CERT, x->from->peer->xfcc);
    return STAGE_NEXT;
}
