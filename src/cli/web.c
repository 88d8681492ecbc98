// SPDX-License-Identifier: Apache-2.0
#include "cli/web.h"
#include "base/mem.h"

struct waiting {
    struct web_answer *out;
    bool done;
};

static void on_answer(void *ctx, const struct fetch_result *r) {
    struct waiting *w = ctx;
    w->done = true;
    w->out->code = r->code;
    w->out->err = r->err;
    w->out->duration_us = r->duration_us;
    if (r->code)
        return;
    msg_copy(&w->out->head, &r->head, &w->out->arena, 0);
    w->out->body = arena_dup(&w->out->arena, r->body);
}

struct bell {
    struct timer timer;
    bool rung;
};

static void ring(struct timer *t) {
    container_of(t, struct bell, timer)->rung = true;
}

bool web_wait(struct loop *l, const bool *done, uint64_t timeout_us) {
    struct bell bell = {0};
    if (timeout_us)
        loop_timer(l, &bell.timer, timeout_us, ring);
    while (!*done && !bell.rung && loop_turn(l, true)) {
    }
    loop_timer_stop(l, &bell.timer);
    return *done;
}

void web_do(struct loop *l, const struct web_request *q, struct web_answer *out) {
    struct waiting w = {.out = out};
    *out = (struct web_answer){.code = WEFT_E_CANCELLED};
    struct str method = q->method.len ? q->method : STR("GET");
    struct fetch_cfg cfg = {.addr = q->addr, .body = q->body, .timeout_us = q->timeout_us, .max_body = 64u << 20};
    cfg.head = (struct msg){.request = true,
                            .method = method,
                            .method_id = method_intern(method),
                            .authority = q->authority,
                            .path = q->path,
                            .content_length = -1};
    if (q->body.len)
        msg_add(&cfg.head.fields, &out->arena, HDR_CONTENT_TYPE, STR("application/json"));
    for (size_t i = 0; i < q->n_fields; i++)
        msg_add_name(&cfg.head.fields, &out->arena, q->fields[i][0], q->fields[i][1]);
    struct fetch *f = fetch_start(l, &cfg, on_answer, &w);
    if (!web_wait(l, &w.done, 0)) {
        fetch_cancel(&f);
        err_set(&out->err, WEFT_E_CANCELLED, "interrupted");
    }
}

void web_answer_fini(struct web_answer *a) {
    arena_fini(&a->arena);
    *a = (struct web_answer){0};
}
