// SPDX-License-Identifier: Apache-2.0
/* shed: what is more than the process can bear is answered at once (proxy/overload.h). Behind own: a proxy that is busy is
 * healthy. */
#include "proxy/exch.h"
#include "proxy/stage.h"

enum verdict stage_shed(struct exch *x) {
    enum limit_id which;
    x->admitted = overload_admit(&x->w->env->overload, &x->w->share, &which);
    if (x->admitted)
        return STAGE_NEXT;
    const struct addr peer = addr_kept(&x->from->remote);
    worker_limit(x->w, STATS_DOWNSTREAM, which, &peer);
    return stage_reply(x, REPLY_OVERLOADED, str_of(limit_name(which)));
}
