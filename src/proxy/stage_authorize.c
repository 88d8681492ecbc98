// SPDX-License-Identifier: Apache-2.0
/* authorize: the security rules, where requests come in. */
#include "policy/rbac.h"
#include "proxy/exch.h"
#include "proxy/stage.h"

static struct rbac_result judge(const struct exch *x, const struct hcm *hcm) {
    const struct down *d = x->from;
    struct request_view view = {.msg = &x->req,
                                .peer_spiffe = d->peer->spiffe,
                                .source_ip = down_text(d, DOWN_REMOTE_IP),
                                .direct_ip = down_text(d, DOWN_DIRECT_IP),
                                .remote_ip = x->client.len ? x->client : down_text(d, DOWN_REMOTE_IP),
                                .destination_ip = down_text(d, DOWN_LOCAL_IP),
                                .destination_port = d->local_port};
    return rbac_check(hcm->rbac, &view);
}

enum verdict stage_authorize(struct exch *x) {
    const struct hcm *hcm = x->chain->hcm;
    if (!hcm->rbac)
        return STAGE_NEXT;
    struct rbac_result r = judge(x, hcm);
    if (r.verdict == RBAC_PASS)
        return STAGE_NEXT;
    if (x->plain && x->listener->side == SIDE_INBOUND)
        conn_drain(x->from->conn); /* a plain caller that no rule admits: the connection closes with the answer */
    if (r.verdict == RBAC_NEEDS_JWT)
        return stage_reply(x, REPLY_NEEDS_JWT, r.policy);
    if (r.policy.len)
        x->resp.details = arena_fmt(&x->down->arena, "rbac_access_denied_matched_policy[" STR_FMT "]", STR_ARG(r.policy));
    return stage_reply(x, REPLY_DENIED, STR_NONE);
}

/* Of an app's tunnel to an endpoint without a sidecar: what stage_balance asked, by the service's rules of now. */
static bool plain_denied(const struct exch *x) {
    const struct serve *s = down_lease(x->from)->serve;
    if (!x->to.cluster->cluster->plain_rbac || x->to.host->mtls)
        return false;
    const struct serve_cluster *c = serve_cluster_get(s, x->to.cluster->cluster->name);
    const struct request_view view = {.msg = &x->req,
                                      .peer_spiffe = s->identity ? s->identity->spiffe : STR_NONE,
                                      .source_ip = down_text(x->from, DOWN_REMOTE_IP)};
    return c && c->cluster->plain_rbac && rbac_check(c->cluster->plain_rbac, &view).verdict != RBAC_PASS;
}

void stage_authorize_again(struct worker *w) {
    LIST_FOR (n, &w->tunnels) {
        struct exch *x = list_entry(n, struct exch, tunnel);
        const struct serve_listener *l = down_listener(x->from, down_lease(x->from));
        const struct serve_chain *c = l ? serve_chain_get(l, x->from->chain) : NULL;
        bool denied = c && c->hcm && c->hcm->rbac && judge(x, c->hcm).verdict != RBAC_PASS;
        if (denied || plain_denied(x))
            exch_fail(x, REPLY_DENIED, STR_NONE);
    }
}
