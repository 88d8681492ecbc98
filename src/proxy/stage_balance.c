// SPDX-License-Identifier: Apache-2.0
/* balance: which of the cluster's endpoints. Where it has no sidecar, nobody there enforces security rules, so this side does,
 * for its own identity. */
#include "policy/rbac.h"
#include "proxy/exch.h"
#include "proxy/original.h"
#include "proxy/stage.h"

static bool denied_plain(struct exch *x, enum verdict *v) {
    const struct rbac *rules = x->to.cluster->cluster->plain_rbac;
    const struct identity *own = x->lease->serve->identity;
    if (!rules || x->to.host->mtls)
        return false;
    struct request_view view = {
        .msg = &x->req, .peer_spiffe = own ? own->spiffe : STR_NONE, .source_ip = down_text(x->from, DOWN_REMOTE_IP)};
    struct rbac_result r = rbac_check(rules, &view);
    if (r.verdict == RBAC_PASS)
        return false;
    *v = stage_reply(x, r.verdict == RBAC_NEEDS_JWT ? REPLY_NEEDS_JWT : REPLY_PLAIN_DENIED, STR_NONE);
    return true;
}

static bool not_tried(void *ctx, size_t i) {
    const struct exch *x = ctx;
    for (unsigned k = 0; k < x->tried.n; k++)
        if (x->tried.at[k] == x->to.cluster->members[i])
            return false;
    return true;
}

/* Where the request says, or its connection was going to. There is no other to try. */
static enum verdict go_there(struct exch *x) {
    const struct serve_cluster *c = x->to.cluster;
    struct addr a;
    if (!original_address(&a, c->cluster, x->from, &x->down->conn->tr->local, &x->req))
        return stage_reply(x, REPLY_NO_HOST, STR_NONE);
    ref_put(x->to.original);
    x->to.host = x->to.original = original_host(x->w, c, &a);
    return STAGE_NEXT;
}

enum verdict stage_balance(struct exch *x) {
    const struct serve_cluster *c = x->to.cluster;
    if (c->cluster->type == CLUSTER_ORIGINAL_DST)
        return go_there(x);
    struct request_view view = {
        .msg = &x->req, .peer_spiffe = x->from->peer->spiffe, .source_ip = down_text(x->from, DOWN_REMOTE_IP)};
    uint64_t hash;
    bool hashed = x->to.route->n_hash && route_hash(x->to.route, &view, &hash);
    struct lb_request r = {.hash = hashed ? &hash : NULL,
                           .even = x->lease->serve->profile == PROFILE_MESH,
                           .now_us = exch_now(x),
                           .rand = &x->w->loop.rand,
                           .ctx = x};
    if (x->tried.n)
        r.usable = not_tried;
    ptrdiff_t i = serve_pick(c, &r);
    if (i < 0 && x->tried.n)
        return stage_reply(x, x->tried.id, x->tried.reason); /* as the last one failed */
    if (i < 0) {
        x->attempts = 1; /* which Envoy counts, and ended here */
        return stage_reply(x, REPLY_NO_HOST, STR_NONE);
    }
    x->to.host = c->members[i];
    enum verdict v = STAGE_NEXT;
    denied_plain(x, &v);
    return v;
}
