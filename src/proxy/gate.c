// SPDX-License-Identifier: Apache-2.0
#include "proxy/gate.h"
#include "policy/rbac.h"
#include "proxy/down.h"

static const struct msg no_message = {.content_length = -1};

bool gate_judge(struct down *d, const struct rbac *rules, struct str spiffe, struct str *why) {
    struct request_view view = {.msg = &no_message,
                                .peer_spiffe = spiffe,
                                .source_ip = down_text(d, DOWN_REMOTE_IP),
                                .direct_ip = down_text(d, DOWN_DIRECT_IP),
                                .remote_ip = down_text(d, DOWN_REMOTE_IP),
                                .destination_ip = down_text(d, DOWN_LOCAL_IP),
                                .destination_port = d->local_port};
    struct rbac_result r = rbac_check(rules, &view);
    if (r.verdict == RBAC_PASS)
        return true;
    *why = arena_fmt(&d->mem, "rbac_access_denied_matched_policy[" STR_FMT "]", STR_ARG(r.policy.len ? r.policy : STR("none")));
    return false;
}

static void count(_Atomic uint64_t *n) {
    atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

bool gate_passes(struct down *d, const struct serve_chain *c, struct str *why) {
    const struct rbac *rules = c->conf->rbac, *shadow = c->conf->rbac_shadow;
    struct gate_counts *n = c->gate;
    struct str unused;
    if (shadow)
        count(gate_judge(d, shadow, d->peer->spiffe, &unused) ? &n->shadow_allowed : &n->shadow_denied);
    if (!rules)
        return true;
    bool ok = gate_judge(d, rules, d->peer->spiffe, why);
    count(ok ? &n->allowed : &n->denied);
    return ok;
}
