// SPDX-License-Identifier: Apache-2.0
/* acquire: a connection to the host: an idle one, or the first that becomes free (WAIT). */
#include "proxy/exch.h"
#include "proxy/stage.h"

/* A request that cannot be repeated takes a connection only while it is warm: apps close idle ones after a few seconds,
 * and a request that meets the close is lost. */
#define WARM_US (1 * CLOCK_S)
#define IDLE_US (60 * CLOCK_S)

static void on_ready(struct pool_wait *pw, struct conn *c) {
    struct exch *x = container_of(pw, struct exch, wait);
    x->conn = c;
    exch_resume(x);
}

/* Nothing of the request has been sent: any method may try elsewhere, at once (contract §3, Traffic rules). Further grounds, the
 * pause before the same endpoint and the budget come with the issue on retries. */
static bool may_go_elsewhere(const struct exch *x) {
    const struct route_cluster *share = x->to.share;
    uint32_t retries = share->own_policy ? share->retries : x->to.route->retries;
    return x->tried.n < EXCH_TRIES && x->tried.n < retries && x->to.cluster->n_members > x->tried.n + 1;
}

static void on_failed(struct pool_wait *pw, int why, const struct err *e) {
    struct exch *x = container_of(pw, struct exch, wait);
    bool inbound = x->listener->side == SIDE_INBOUND;
    if (why == WEFT_E_UNSUPPORTED && x->req.upgrade.len) { /* ignored, as HTTP/1.1 lets a server do */
        x->req.upgrade = STR_NONE;
        exch_resume(x);
        return;
    }
    if (!inbound) {
        stat_add(&x->w->stats, STAT_requests_routed, 1);
        stat_add(&x->w->stats, STAT_backend_failures, 1);
    }
    lb_observe(&x->to.host->lb, false, 0, exch_now(x));
    x->attempts++;
    if (inbound || !may_go_elsewhere(x)) {
        exch_fail(x, reply_of_failure(why, inbound, false), str_of(e->msg));
        return;
    }
    x->tried.at[x->tried.n++] = x->to.host;
    x->tried.id = reply_of_failure(why, false, false);
    x->tried.reason = arena_dup(&x->down->arena, str_of(e->msg));
    exch_rebalance(x);
}

static bool safe_to_repeat(const struct exch *x) {
    return x->req.method_id == METHOD_GET || x->req.method_id == METHOD_HEAD || x->req.method_id == METHOD_OPTIONS ||
           x->req.method_id == METHOD_PUT || x->req.method_id == METHOD_DELETE;
}

enum verdict stage_acquire(struct exch *x) {
    x->wait.ready = on_ready;
    x->wait.failed = on_failed;
    if (x->conn)
        return STAGE_NEXT;
    if (exch_ends_connect(x)) {
        pool_wait_raw(x->w, x->to.cluster, x->to.host, x->down->conn->tr, &x->wait);
        return STAGE_WAIT;
    }
    unsigned lane = x->req.upgrade.len ? LANE_UPGRADE : LANE_ANY;
    if (!x->fresh)
        x->conn = pool_take(x->w, x->to.host, lane, safe_to_repeat(x) ? IDLE_US : WARM_US);
    if (x->conn)
        return STAGE_NEXT;
    pool_wait(x->w, x->to.cluster, x->to.host, lane, &x->wait);
    return STAGE_WAIT;
}
