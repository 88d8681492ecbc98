// SPDX-License-Identifier: Apache-2.0
/* authorize: the security rules, where requests come in. */
#include "policy/rbac.h"
#include "proxy/exch.h"
#include "proxy/stage.h"

enum verdict stage_authorize(struct exch *x) {
    const struct hcm *hcm = x->chain->hcm;
    if (!hcm->rbac)
        return STAGE_NEXT;
    const struct down *d = x->from;
    struct request_view view = {.msg = &x->req,
                                .peer_spiffe = d->peer.spiffe,
                                .source_ip = d->remote_ip,
                                .direct_ip = d->direct_ip,
                                .remote_ip = x->client.len ? x->client : d->remote_ip,
                                .destination_ip = d->local_ip,
                                .destination_port = d->local_port};
    struct rbac_result r = rbac_check(hcm->rbac, &view);
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
