// SPDX-License-Identifier: Apache-2.0
/* trace: x-request-id (made at the mesh's edge, kept inside) and trace context: the app's is passed on as it is, or one begins
 * here; B3 is read and goes along when it came. */
#include "proxy/exch.h"
#include "proxy/stage.h"
#include "telemetry/trace.h"

static void request_id(struct exch *x) {
    struct arena *a = &x->down->arena;
    if (msg_get(&x->req.fields, HDR_X_REQUEST_ID).len || !x->chain->hcm->generate_request_id)
        return;
    char *id = arena_alloc(a, 37);
    rand_uuid(&x->w->loop.rand, id);
    msg_set_checked(&x->req.fields, a, HDR_X_REQUEST_ID, str_n(id, 36));
}

/* The app's own context is passed on as it came, B3 too; beside B3 the same in W3C's form. */
static void context(struct exch *x) {
    struct arena *a = &x->down->arena;
    struct msg_fields *f = &x->req.fields;
    struct trace from = {0}, own = {0};
    if (msg_count(f, HDR_TRACEPARENT) == 1 && trace_parse_parent(&own, msg_get(f, HDR_TRACEPARENT)))
        return;
    trace_read(&from, f, a);
    if (from.known) {
        char *parent = arena_alloc(a, 56);
        trace_format_parent(&from, parent);
        msg_set(f, a, HDR_TRACEPARENT, str_of(parent));
        msg_remove(f, HDR_TRACESTATE); /* of another trace */
        return;
    }
    trace_child(&own, &from, &x->w->loop.rand, (double)x->chain->hcm->trace_sampling / ROUTE_PPM);
    trace_write(&own, f, a);
}

enum verdict stage_trace(struct exch *x) {
    request_id(x);
    if (x->chain->hcm->tracing)
        context(x);
    return STAGE_NEXT;
}
