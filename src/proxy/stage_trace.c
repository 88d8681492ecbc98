// SPDX-License-Identifier: Apache-2.0
/* trace: x-request-id (made at the mesh's edge, kept inside) and trace context: the app's is passed on as it is, or one begins
 * here; B3 is read and goes along when it came. */
#include "proxy/exch.h"
#include "proxy/stage.h"
#include "telemetry/trace.h"

static void request_id(struct exch *x) {
    struct arena *a = &x->down->arena;
    if (msg_get(&x->req.fields, HDR_X_REQUEST_ID).len || !x->listener->hcm->generate_request_id)
        return;
    char *id = arena_alloc(a, 37);
    rand_uuid(&x->w->loop.rand, id);
    msg_set(&x->req.fields, a, HDR_X_REQUEST_ID, str_n(id, 36));
}

static void context(struct exch *x) {
    struct arena *a = &x->down->arena;
    struct trace from = {0}, own;
    trace_read(&from, &x->req.fields, a);
    if (from.known && msg_find(&x->req.fields, HDR_TRACEPARENT))
        return;
    if (from.known) {
        own = from;
    } else {
        own = (struct trace){0};
        trace_child(&own, &from, &x->w->loop.rand, (double)x->listener->hcm->trace_sampling / ROUTE_PPM);
    }
    trace_write(&own, &x->req.fields, a);
}

enum verdict stage_trace(struct exch *x) {
    request_id(x);
    if (x->listener->hcm->tracing)
        context(x);
    return STAGE_NEXT;
}
