// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A mesh with its registry on a loop whose time stands still until a test moves it; the store forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "control/mesh.h"
#include "control/reg.h"
#include "control/schema.h"
#include "io/loop.h"

struct fx {
    struct clock clock;
    uint64_t now;
    struct log silent;
    struct loop loop;
    struct mesh mesh;
    struct reg reg;
    unsigned touched;
    char last[128]; /* service touched */
};

static uint64_t fx_mono(const struct clock *c) {
    return container_of(c, struct fx, clock)->now;
}

static uint64_t fx_wall(const struct clock *c) {
    return 1700000000ull * CLOCK_S + fx_mono(c);
}

static void fx_touched(void *ctx, struct str service) {
    struct fx *fx = ctx;
    fx->touched++;
    str_z(service, fx->last, sizeof fx->last);
}

static void fx_changed(void *ctx, const struct mesh_change *ch) {
    struct fx *fx = ctx;
    reg_applied(&fx->reg, ch);
}

static int fx_setup(void **state) {
    struct fx *fx = mem_new(struct fx);
    struct err e = {0};
    fx->clock = (struct clock){fx_mono, fx_wall};
    fx->now = 1000 * CLOCK_S;
    assert_int_equal(loop_init(&fx->loop, &(struct loop_cfg){.clock = &fx->clock, .log = &fx->silent, .seed = 1}, &e), 0);
    reg_init(&fx->reg, &fx->mesh, &(struct reg_cfg){.touched = fx_touched, .ctx = fx});
    struct mesh_cfg cfg = {.store = STR("memory:"), .trust_domain = STR("td"), .changed = fx_changed, .ctx = fx};
    if (mesh_open(&fx->mesh, &fx->loop, &cfg, &e) < 0)
        fail_msg("%s", e.msg);
    *state = fx;
    return 0;
}

static int fx_teardown(void **state) {
    struct fx *fx = *state;
    mesh_stop(&fx->mesh);
    reg_fini(&fx->reg);
    mesh_close(&fx->mesh);
    loop_fini(&fx->loop);
    free(fx);
    return 0;
}

/* Lets the store answer. */
static inline void fx_settle(struct fx *fx) {
    while (fx->mesh.writing)
        loop_turn(&fx->loop, false);
}

static inline void fx_wait(struct fx *fx, uint64_t us) {
    fx->now += us;
    loop_turn(&fx->loop, false); /* the clock is read, what is due fires */
    loop_turn(&fx->loop, false);
    fx_settle(fx);
}

static inline json_t *fx_json(const char *text) {
    json_t *v = NULL;
    struct err e = {0};
    if (json_parse(&v, str_of(text), &e) < 0)
        fail_msg("%s: %s", text, e.msg);
    return v;
}

static inline json_t *fx_body(const struct schema *s, const char *text) {
    json_t *in = fx_json(text), *out = NULL;
    struct err e = {0};
    if (schema_apply(s, in, &out, &e) < 0)
        fail_msg("%s: %s", text, e.msg);
    json_decref(in);
    return out;
}

/* rest: further fields, beginning with a comma; service: "ns/name". */
static inline void fx_register(struct fx *fx, const char *service, const char *id, const char *ip, int port, const char *rest) {
    char text[512];
    struct str name = str_of(service), ns = str_cut(&name, '/');
    snprintf(text, sizeof text,
             "{\"id\":\"%s\",\"namespace\":\"" STR_FMT "\",\"service_name\":\"" STR_FMT "\",\"ip\":\"%s\",\"port\":%d%s}", id,
             STR_ARG(ns), STR_ARG(name), ip, port, rest);
    mesh_put_registration(&fx->mesh, fx_body(&schema_register, text), NULL, NULL);
    fx_settle(fx);
}

static inline void fx_config(struct fx *fx, const char *patch) {
    json_t *p = fx_json(patch);
    struct err e = {0};
    if (mesh_merge_config(&fx->mesh, p, NULL, NULL, &e) < 0)
        fail_msg("%s: %s", patch, e.msg);
    json_decref(p);
    fx_settle(fx);
}

static inline const char *fx_rule(struct fx *fx, const char *service, const char *body) {
    static char id[32];
    mesh_add_traffic_rule(&fx->mesh, str_of(service), fx_body(&schema_traffic_rule, body), id, NULL, NULL);
    fx_settle(fx);
    return id;
}

static inline const char *fx_security(struct fx *fx, const char *body) {
    static char id[32];
    mesh_add_security_rule(&fx->mesh, fx_body(&schema_security_rule, body), id, NULL, NULL);
    fx_settle(fx);
    return id;
}

static inline struct sidecar *fx_hello(struct fx *fx, const char *key, const char *app, int port, const char *inbound,
                                       void *session) {
    char text[512];
    const char *id = strrchr(key, '/') + 1;
    snprintf(text, sizeof text,
             "{\"id\":\"%s\",\"app_ip\":\"%s\",\"app_port\":%d,\"protocol\":\"http\",\"health_check_path\":\"/health\","
             "\"inbound_ip\":\"%s\",\"inbound_port\":15006,\"version\":\"0\",\"labels\":{\"version\":\"v1\",\"zone\":\"a\"}}",
             id, app, port, inbound);
    struct sidecar *s = reg_hello(&fx->reg, str_of(key), fx_json(text), session);
    fx_settle(fx);
    return s;
}
